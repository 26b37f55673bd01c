"""Denoising diffusion probabilistic models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Denoises, Density, Samples
from genus.core.components import Network
from genus.core.errors import InputError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Share
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.condition import StepEmbedding, build_conditioned
from genus.layers.diffusion import NoiseSchedule, betas
from genus.layers.scaling import Scaling
from genus.objectives.diffusion import discretised_normal, normal_kl, normal_log_density
from genus.sampling.diffusion import ancestral, ddim


@model("ddpm", paper="arXiv:2006.11239")
class DDPM(Model, Samples, Denoises, Density):
    """Diffusion model that predicts the noise in a noisy example.

    Trained on L_simple = E ‖ε − ε_θ(√ᾱ_t x₀ + √(1 − ᾱ_t) ε, t)‖², averaged over elements, with
    t uniform in 1 … T. Bounded data are scaled to [-1, 1]; unbounded data are used as they are
    and should have a standard deviation near one. Its likelihood is the variational bound
    with σ_t² = β_t and, for data with grey levels, a discretised decoder.

    Args:
        spec: the data; any kind.
        network: conditioned on the step; ``unet`` for images and volumes, ``residual-mlp`` for vectors.
        num_steps: T.
        schedule: of the noise: ``linear`` (this paper) or ``cosine`` (arXiv:2102.09672).
        predicts: what the network returns: ε (``noise``, this paper) or v = √ᾱ ε − √(1 − ᾱ) x₀
            (``velocity``, arXiv:2202.00512), from which ε follows; the loss is that of ε either way.
        conditional: learn each class separately; the data need classes.
        features: size of the embedding of step and class, even.
        sampler: ``ddpm`` (ancestral) or ``ddim`` (arXiv:2010.02502).
        sampling_steps: steps a sampler visits, 1 to ``num_steps``.
        eta: noise of the ``ddim`` sampler, in [0, 1]: 0 is deterministic, 1 adds as much as
            ancestral sampling with the smaller of its two variances.
        bound_steps: terms of the variational bound evaluated per example, 2 to ``num_steps``;
            fewer give an unbiased, noisier estimate of the same bound.
    """

    kind = "lower_bound"

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        num_steps: Count = 1000,
        schedule: Literal["linear", "cosine"] = "linear",
        predicts: Literal["noise", "velocity"] = "noise",
        conditional: bool = False,
        features: Count = 128,
        sampler: Literal["ddpm", "ddim"] = "ddim",
        sampling_steps: Count = 50,
        eta: Share = 0.0,
        bound_steps: Count = 100,
    ) -> None:
        super().__init__(spec)
        self.require("at least 2 num_steps", num_steps >= 2)
        self.require(f"sampling_steps of 1 to {num_steps}", 1 <= sampling_steps <= num_steps)
        self.require(f"bound_steps of 2 to {num_steps}", 2 <= bound_steps <= num_steps)
        self.require("eta in [0, 1], and 0 with the sampler ddpm", 0 <= eta <= (sampler == "ddim"))
        self.require("an even number of features", features % 2 == 0 and features >= 4)
        self.require_condition(conditional)
        self.conditional = conditional
        self.levels = spec.levels
        self.scaling = Scaling(spec)
        self.schedule = NoiseSchedule(betas(schedule, num_steps))
        self.embedding = StepEmbedding(features, spec.condition if conditional else None)
        self.network = build_conditioned(network, spec.shape, spec.shape, features)
        self.predicts = predicts
        self.sampler = sampler
        self.sampling_steps = sampling_steps
        self.eta = eta
        self.bound_steps = bound_steps

    def phases(self) -> Sequence[Phase]:
        """One phase: predict the noise."""
        return [Phase(name="denoise", updates={"network": self.parameters}, loss=self.loss)]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """L_simple of a batch, a mean over examples and elements."""
        x = self.scaling.inward(batch.x)
        step = ctx.noise.integers(self.schedule.num_steps, len(batch)) + 1
        noise = ctx.noise.normal(*x.shape)
        condition = self.condition_of(batch)
        predicted = self.predict_noise(self.schedule.diffuse(x, step, noise), step, condition)
        return {"noise": F.mse_loss(predicted, noise)}

    def predict_noise(self, x: Tensor, step: Tensor, condition: Condition | None = None) -> Tensor:
        """ε_θ(x_t, t) for scaled noisy examples ``(n, *shape)`` at steps ``(n,)`` from 1 to T."""
        found = self.network(x, self.embedding(step, condition)).to(x.dtype)
        return found if self.predicts == "noise" else self.schedule.noise_of_velocity(x, step, found)

    @torch.no_grad()
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Draw ``n`` examples; classes are uniform where they matter and none are requested."""
        condition = self.requested_or_uniform(n, condition, noise)
        start = noise.normal(n, *self.spec.shape)
        bounds = None if self.spec.range is None else (-1.0, 1.0)
        if self.sampler == "ddpm":
            x = ancestral(
                self, self.schedule, start, noise=noise, num_steps=self.sampling_steps, condition=condition,
                bounds=bounds,
            )  # fmt: skip
        else:
            x = ddim(
                self, self.schedule, start, noise=noise, num_steps=self.sampling_steps, condition=condition,
                bounds=bounds, eta=self.eta,
            )  # fmt: skip
        return self.scaling.outward(x if bounds is None else x.clamp(*bounds))

    @torch.no_grad()
    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Variational bound −(L_T + Σ_t L_{t−1} + L_0) in nats per example (equations 5, 7 and 13).

        Of the terms t = 2 … T, ``bound_steps`` − 1 are drawn, one from each of as many strata that
        grow with t, and weighted by their stratum's size; L_0 and L_T are always evaluated.
        """
        if self.conditional and condition is None:
            raise InputError("this model is conditional: pass the condition of each example")
        scaled = self.scaling.inward(x)
        last = torch.full((len(x),), self.schedule.num_steps, device=x.device)
        zero = torch.zeros_like(scaled)
        one = torch.ones((), dtype=scaled.dtype, device=x.device)
        signal, dirt = self.schedule.signal[-1].to(scaled.dtype), self.schedule.dirt[-1].to(scaled.dtype)
        bound = -normal_kl(signal.sqrt() * scaled, dirt, zero, one)
        bound = bound + self.bound_term(scaled, torch.ones_like(last), noise.normal(*x.shape), condition)
        for low, high in _strata(self.schedule.num_steps, self.bound_steps - 1):
            step = low + noise.integers(high - low, len(x))
            term = self.bound_term(scaled, step, noise.normal(*x.shape), condition)
            bound = bound + (high - low) * term
        return bound + self._log_scale()

    def bound_term(
        self, x: Tensor, step: Tensor, noise: Tensor, condition: Condition | None = None
    ) -> Tensor:
        """One term of the bound for scaled examples: −KL(q(x_{t−1}|x_t, x_0) ‖ p) or ln p(x_0|x_1).

        Args:
            x: scaled examples ``(n, *shape)``.
            step: t, ``(n,)``; all 1, or all above 1.
            noise: ε of x_t, like ``x``.
            condition: of each example, see :class:`genus.core.batch.Batch`.

        Returns:
            ``(n,)`` in nats.
        """
        noisy = self.schedule.diffuse(x, step, noise.to(x.dtype))
        clean = self.schedule.clean(noisy, step, self.predict_noise(noisy, step, condition))
        if self.spec.range is not None:
            clean = clean.clamp(-1, 1)
        mean, _, variance = self.schedule.posterior(noisy, clean, step, step - 1)
        if int(step[0]) > 1:
            true_mean, true_variance, _ = self.schedule.posterior(noisy, x, step, step - 1)
            return -normal_kl(true_mean, true_variance, mean, variance)
        if self.levels is not None and self.spec.range is not None:
            return discretised_normal(x, mean, variance, self.levels)
        return normal_log_density(x, mean, variance)

    def _log_scale(self) -> float:
        """ln |d scaled / d x|, for densities of continuous bounded data."""
        if self.spec.range is None or self.levels is not None:
            return 0.0
        low, high = self.spec.range
        return self.spec.size * math.log(2 / (high - low))


def _strata(num_steps: int, count: int) -> list[tuple[int, int]]:
    """Cut steps 2 … T into ``count`` ranges [low, high) whose ends grow with the square of their number.

    >>> _strata(10, 3)
    [(2, 3), (3, 6), (6, 11)]
    """
    total = num_steps - 1
    ends = [0]
    for i in range(1, count + 1):
        room = total - (count - i)  # one step is left for each range that follows
        ends.append(min(max(round(total * (i / count) ** 2), ends[-1] + 1), room))
    return [(2 + a, 2 + b) for a, b in pairwise(ends)]
