"""RealNVP: an exact density by invertible couplings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, Encodes, Samples
from genus.core.components import Network
from genus.core.errors import InputError
from genus.core.length import Length
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, Natural, Positive, ShareAbove0, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.delta import Delta
from genus.layers.measured import Standardise, Whiten
from genus.layers.preprocessing import Logit, with_levels
from genus.models.flow.multiscale import MultiScaleFlow


@model("realnvp", paper="arXiv:1605.08803")
class RealNVP(Model, Samples, Density, Encodes):
    """Flow of affine couplings: log p(x) = log p(f(x)) + log |det ∂f/∂x|.

    Bounded data pass a logit first. Data with levels are dequantised with uniform noise u, so
    that what is maximised is E_u log p(x + u), a lower bound on the log-probability of the
    discrete values; without levels the log-density is exact.
    Before it is trained, an affine first layer is measured on the data: the mean and spread of each
    element, or all their correlations. With ``conditional`` it is that of each class, and the
    couplings are shared by all classes.

    Args:
        spec: the data; any kind with two or more numbers per example.
        network: of each coupling: ``coupling-resnet`` for images, ``mlp`` for vectors.
        couplings: couplings of each kind per scale; of all for vectors.
        scales: scales of images with even sides; half of the elements leave after each.
        levels: grey values a model of bounded data distinguishes; null for those of the data.
        squeeze: how blocks of 2 become channels: ``plain`` (this paper) or ``haar``, whose
            coarse half stays longest.
        first: what is measured: the spread of ``elements``, or all ``correlations``, for at most
            4096 numbers per example.
        conditional: learn each class separately; needs classes and ``first: correlations``.
        leading: share of the principal directions whose correlations are measured in each class,
            in (0, 1]; more need more examples per class.
        alpha: of the logit, in [0, .5); 0 only for data with levels.
        base: distribution of the latent numbers.
        temperature: factor on latent numbers when sampling, > 0; 1 samples the density.
        measured: batches on which the first layer is measured; 0 leaves it the identity.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        couplings: Count = 3,
        scales: Count = 3,
        squeeze: Literal["plain", "haar"] = "plain",
        first: Literal["elements", "correlations"] = "elements",
        conditional: bool = False,
        leading: ShareAbove0 = 0.2,
        levels: Count | None = None,
        alpha: Weight = 0.05,
        base: Literal["normal", "logistic"] = "normal",
        temperature: Positive = 1.0,
        measured: Natural = 20,
    ) -> None:
        super().__init__(spec)
        self.require("a range, to have levels", levels is None or spec.range is not None)
        self.require("at least 2 levels", levels is None or levels >= 2)
        seen = with_levels(spec, levels)
        continuous = spec.range is not None and seen.levels is None
        smallest = 1e-6 if continuous else 0.0  # the logit of an end of the range is infinite
        self.require(f"alpha in [{smallest:g}, .5)", smallest <= alpha < 0.5)
        self.require("a positive temperature and number of couplings", temperature > 0 and couplings > 0)
        self.levels = seen.levels if spec.range is not None else None
        self.kind = "exact" if self.levels is None else "lower_bound"
        self.logit = Logit(seen, alpha)
        whole = first == "correlations"
        small = spec.size <= 4096 or not whole
        self.require("at most 4096 numbers per example, for first: correlations", small)
        possible = whole and measured > 0 and spec.num_classes > 0
        self.require(
            "classes, first: correlations and measured > 0, to be conditional", not conditional or possible
        )
        self.conditional = conditional
        self.require_condition(conditional, "class", "composite")
        classes = spec.num_classes if conditional else 0
        self.require("a share of leading directions in (0, 1]", 0 < leading <= 1)
        shape, count = spec.shape, max(round(leading * spec.size), 1)
        self.first = Whiten(shape, classes=classes, leading=count) if whole else Standardise(shape)
        self.flow = MultiScaleFlow(spec.shape, network, couplings=couplings, scales=scales, squeeze=squeeze)
        self.base = base
        self.temperature = temperature
        self.measured = measured

    def stages(self) -> Sequence[Stage]:
        """Measure the first layer, then maximise the likelihood."""
        passes = self.first.passes if self.measured else 0
        stages = [
            Stage(
                name=f"measure-{number + 1}",
                phases=[Phase(name="moments", step=partial(self.measure, number=number))],
                length=Length(self.measured, "iterations"),
                enter=partial(self._settle, number),
                prepares=True,
            )
            for number in range(passes)
        ]
        learn = Phase(name="likelihood", updates={"network": self.flow.parameters}, loss=self.loss)
        return [*stages, Stage(name="likelihood", phases=[learn], enter=partial(self._settle, passes))]

    def measure(self, batch: Batch, ctx: Context, *, number: int) -> Terms:
        """Take the batch into what pass ``number`` over the data measures."""
        y, _ = self.logit(batch.x, ctx.noise)
        found = self.first.statistics(y, self.spec.class_labels(batch.condition), number)
        self.first.add(tuple(ctx.sum_over_ranks(part) for part in found), number)
        return {}

    def _settle(self, passes: int) -> None:
        for number in range(passes):
            self.first.settle(number)

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Negative log-likelihood (or its bound) in nats per element, a mean over examples."""
        return {"nll": -self._log_density(batch.x, batch.condition, ctx.noise).mean() / self.spec.size}

    @torch.no_grad()
    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Log-density, or a one-sample estimate of its bound for data with levels, nats ``(n,)``."""
        if self.conditional and condition is None:
            raise InputError("this model is conditional: pass the class of each example")
        return self._log_density(x, condition, noise)

    @torch.no_grad()
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Draw latent numbers and invert the flow; classes are uniform where none are requested."""
        condition = self.requested_or_uniform(n, condition, noise)
        if self.base == "normal":
            z = noise.normal(n, self.spec.size)
        else:
            z = noise.uniform(n, self.spec.size).clamp(1e-7, 1 - 1e-7).logit()
        labels = self.spec.class_labels(condition)
        return self._invert(self.temperature * z.to(next(self.parameters()).dtype), labels)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Delta:
        """Latent numbers ``(n, size)``; certain, since bins are encoded by their middle.

        Codes of conditional models end with one number per class: one for the class that makes
        the example most probable, zero for the others.
        """
        if not self.conditional:
            return Delta(self._to_latent(x, None, None)[0])
        count = self.spec.num_classes
        tried = [self._to_latent(x, torch.full((len(x),), c, device=x.device), None) for c in range(count)]
        best = torch.stack([self._log_base(z) + change for z, change in tried], 1).argmax(1)
        z = torch.stack([z for z, _ in tried], 1)[torch.arange(len(x), device=x.device), best]
        return Delta(torch.cat([z, F.one_hot(best, count).to(z.dtype)], 1))

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Examples of codes as :meth:`encode` returns them."""
        z, classes = z[:, : self.spec.size], z[:, self.spec.size :]
        return self._invert(z, classes.argmax(1) if self.conditional else None)

    def _invert(self, z: Tensor, labels: Tensor | None) -> Tensor:
        return self.logit.inverse(self.first.inverse(self.flow.inverse(z), labels))

    def _log_density(self, x: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        labels = self.spec.class_labels(condition) if self.conditional else None
        z, change = self._to_latent(x, labels, noise)
        return self._log_base(z) + change

    def _to_latent(self, x: Tensor, labels: Tensor | None, noise: Noise | None) -> tuple[Tensor, Tensor]:
        """Latent numbers and ln |det ∂z/∂x|."""
        with torch.autocast(x.device.type, enabled=False):  # densities need more digits than networks
            y, slope = self.logit(x, noise)
            y, scale = self.first(y, labels)
        z, change = self.flow(y)
        return z, change + scale + slope

    def _log_base(self, z: Tensor) -> Tensor:
        if self.base == "normal":
            return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        return (F.logsigmoid(z) + F.logsigmoid(-z)).sum(1)
