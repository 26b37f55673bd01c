"""RealNVP: an exact density by invertible couplings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Batch
from genus.core.components import Network
from genus.core.length import Length
from genus.core.model import Density, Encodes, Model, Samples
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.delta import Delta
from genus.layers.preprocessing import Logit, Standardise, with_levels
from genus.models.flow.multiscale import MultiScaleFlow


@model("realnvp", paper="arXiv:1605.08803")
class RealNVP(Model, Samples, Density, Encodes):
    """Flow of affine couplings: log p(x) = log p(f(x)) + log |det ∂f/∂x|.

    Bounded data pass a logit first. Data with levels are dequantised with uniform noise u, so
    that what is maximised is E_u log p(x + u), a lower bound on the log-probability of the
    discrete values; without levels the log-density is exact.
    The mean and spread of each element are measured in a short first stage.

    Args:
        spec: the data; any kind with two or more numbers per example.
        network: of each coupling: ``coupling-resnet`` for images, ``mlp`` for vectors.
        couplings: couplings of each kind per scale; of all for vectors.
        scales: scales of images with even sides; half of the elements leave after each.
        levels: grey values a model of bounded data distinguishes; null for those of the data.
        alpha: of the logit, in [0, .5); 0 only for data with levels.
        base: distribution of the latent numbers.
        temperature: factor on latent numbers when sampling, > 0; 1 samples the density.
        measured: batches from which mean and spread are taken; 0 for none.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        couplings: int = 3,
        scales: int = 3,
        levels: int | None = None,
        alpha: float = 0.05,
        base: Literal["normal", "logistic"] = "normal",
        temperature: float = 1.0,
        measured: int = 20,
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
        self.standardise = Standardise(spec.shape)
        self.flow = MultiScaleFlow(spec.shape, network, couplings=couplings, scales=scales)
        self.base = base
        self.temperature = temperature
        self.measured = measured

    def stages(self) -> Sequence[Stage]:
        """Measure mean and spread, then maximise the likelihood."""
        likelihood = Stage(
            name="likelihood",
            phases=[Phase(name="likelihood", updates={"network": self.flow.parameters}, loss=self.loss)],
        )
        if not self.measured:
            return [likelihood]
        measure = Stage(
            name="measure",
            phases=[Phase(name="moments", step=self.measure)],
            length=Length(self.measured, "iterations"),
        )
        return [measure, likelihood]

    def measure(self, batch: Batch, ctx: Context) -> Terms:
        """Take the batch into the mean and spread of each element."""
        y, _ = self.logit(batch.x, ctx.noise)
        count = ctx.sum_over_ranks(y.new_tensor(float(len(y))))
        self.standardise.measure(count, ctx.sum_over_ranks(y.sum(0)), ctx.sum_over_ranks(y.square().sum(0)))
        return {}

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Negative log-likelihood (or its bound) in nats per element, a mean over examples."""
        return {"nll": -self._log_density(batch.x, ctx.noise).mean() / self.spec.size}

    @torch.no_grad()
    def log_prob(self, x: Tensor, *, given: Tensor | None = None, noise: Noise) -> Tensor:
        """Log-density, or a one-sample estimate of its bound for data with levels, nats ``(n,)``."""
        del given
        return self._log_density(x, noise)

    @torch.no_grad()
    def sample(self, n: int, *, given: Tensor | None = None, noise: Noise) -> Tensor:
        """Draw latent numbers and invert the flow."""
        del given
        if self.base == "normal":
            z = noise.normal(n, self.spec.size)
        else:
            z = noise.uniform(n, self.spec.size).clamp(1e-7, 1 - 1e-7).logit()
        return self.decode(self.temperature * z.to(next(self.parameters()).dtype))

    @torch.no_grad()
    def encode(self, x: Tensor) -> Delta:
        """Latent numbers ``(n, size)``; certain, since bins are encoded by their middle."""
        y, _ = self.logit(x, None)
        y, _ = self.standardise(y)
        return Delta(self.flow(y)[0])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Examples of latent numbers ``(n, size)``."""
        return self.logit.inverse(self.standardise.inverse(self.flow.inverse(z)))

    def _log_density(self, x: Tensor, noise: Noise) -> Tensor:
        y, slope = self.logit(x, noise)
        y, scale = self.standardise(y)
        z, change = self.flow(y)
        return self._log_base(z) + change + scale + slope

    def _log_base(self, z: Tensor) -> Tensor:
        if self.base == "normal":
            return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        return (F.logsigmoid(z) + F.logsigmoid(-z)).sum(1)
