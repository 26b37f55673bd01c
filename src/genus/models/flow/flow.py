"""What flows share: preprocessing, a measured first layer, a base distribution, training, sampling."""

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
from genus.core.errors import InputError
from genus.core.length import Length
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, Natural, Positive, ShareAbove0, Weight
from genus.core.spec import DataSpec
from genus.layers.activation_norm import activation_norms, initialise
from genus.layers.bijection import Bijection
from genus.layers.delta import Delta
from genus.layers.measured import Standardise
from genus.layers.preprocessing import Logit, with_levels
from genus.layers.whiten import Whiten

_FEWEST_LEADING = 16


class Flow(Model, Samples, Density, Encodes):
    """An exact density by an invertible map: log p(x) = log p(f(x)) + log |det ∂f/∂x|.

    Bounded data pass a logit first. Data with levels are dequantised with uniform noise u, so
    that what is maximised is E_u log p(x + u), a lower bound on the log-probability of the
    discrete values; without levels the log-density is exact.
    Before it is trained, an affine first layer is measured on the data: the mean and spread of each
    element, or all their correlations. With ``conditional`` it is that of each class, and f is shared
    by all classes. Then activation normalisations, where f has any, are initialised on one batch.

    A kind of flow builds ``flow``, f after the first layer, with values ``(n, size)``.

    Args:
        spec: the data; any kind with two or more numbers per example.
        levels: grey values a model of bounded data distinguishes; null for those of the data.
        first: what is measured: the spread of ``elements``, or all ``correlations``, for at most
            4096 numbers per example.
        conditional: learn each class separately; needs classes and ``first: correlations``.
        leading: share of the principal directions whose correlations are measured in each class,
            in (0, 1]; more need more examples per class. Of unbounded data at least 16, since none of
            their elements, each in its own unit, leads.
        alpha: of the logit, in [0, .5); 0 only for data with levels.
        base: distribution of the latent numbers.
        temperature: factor on latent numbers when sampling, > 0; 1 samples the density.
        measured: batches on which the first layer is measured; 0 leaves it the identity.
    """

    flow: Bijection

    def __init__(
        self,
        spec: DataSpec,
        *,
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
        self.require("a positive temperature", temperature > 0)
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
        unbounded = spec.range is None
        fewest = min(spec.size, _FEWEST_LEADING) if unbounded else 1
        shape, count = spec.shape, max(round(leading * spec.size), fewest)
        if whole:
            self.first = Whiten(shape, classes=classes, leading=count, own_units=unbounded)
        else:
            self.first = Standardise(shape, smallest=None if unbounded else 1e-3)
        self.base = base
        self.temperature = temperature
        self.measured = measured

    def stages(self) -> Sequence[Stage]:
        """Measure the first layer, initialise normalisations, then maximise the likelihood."""
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
        settle = partial(self._settle, passes)
        if activation_norms(self.flow):
            begin = Phase(name="first-batch", step=self.initialise)
            length = Length(1, "iterations")
            stages.append(
                Stage(name="initialise", phases=[begin], length=length, enter=settle, prepares=True)
            )
        learn = Phase(name="likelihood", updates={"network": self.flow.parameters}, loss=self.loss)
        return [*stages, Stage(name="likelihood", phases=[learn], enter=settle)]

    def measure(self, batch: Batch, ctx: Context, *, number: int) -> Terms:
        """Take the batch into what pass ``number`` over the data measures."""
        y, _ = self.logit(batch.x, ctx.noise)
        found = self.first.statistics(y, self.spec.class_labels(batch.condition), number)
        self.first.add(tuple(ctx.sum_over_ranks(part) for part in found), number)
        return {}

    def initialise(self, batch: Batch, ctx: Context) -> Terms:
        """Let activation normalisations standardise what reaches them of the batch."""
        labels = self.spec.class_labels(batch.condition) if self.conditional else None
        initialise(self.flow, self._prepare(batch.x, labels, ctx.noise)[0], ctx.sum_over_ranks)
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
        y, slope, scale = self._prepare(x, labels, noise)
        z, change = self.flow(y)
        return z, change + scale + slope

    def _prepare(
        self, x: Tensor, labels: Tensor | None, noise: Noise | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What ``flow`` is given, and ln |det| of the logit and of the first layer."""
        with torch.autocast(x.device.type, enabled=False):  # densities need more digits than networks
            y, slope = self.logit(x, noise)
            y, scale = self.first(y, labels)
        return y, slope, scale

    def _log_base(self, z: Tensor) -> Tensor:
        if self.base == "normal":
            return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        return (F.logsigmoid(z) + F.logsigmoid(-z)).sum(1)
