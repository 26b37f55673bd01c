"""Denoising diffusion probabilistic models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density
from genus.core.components import Network, Sampler
from genus.core.errors import InputError
from genus.core.noise import Noise
from genus.core.noise_path import Estimate, like
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.condition import StepEmbedding, build_conditioned
from genus.layers.noise_paths import Discrete
from genus.models.diffusion.denoising import Denoising
from genus.models.diffusion.guidance import GuidanceOptions
from genus.models.diffusion.step_importance import StepImportance
from genus.objectives.diffusion import discretised_normal, normal_kl, normal_log_density


@model("ddpm", paper="arXiv:2006.11239")
class DDPM(Denoising, Density):
    """Diffusion model that predicts the noise in a noisy example.

    Trained on L_simple = E ‖ε − ε_θ(√ᾱ_t x₀ + √(1 − ᾱ_t) ε, t)‖², averaged over elements, with
    t uniform in 1 … T. Bounded data are scaled to [-1, 1]. Its likelihood is the variational bound
    with σ_t² = β_t, or a learned σ_t², and, for data with grey levels, a discretised decoder.

    Args:
        spec: the data; any kind.
        network: conditioned on the step; ``unet`` for images and volumes, ``residual-mlp`` for vectors.
        num_steps: T.
        schedule: of the noise: ``linear`` (this paper) or ``cosine`` (arXiv:2102.09672).
        predicts: what the network returns: ε (``noise``, this paper) or v = √ᾱ ε − √(1 − ᾱ) x₀
            (``v``, arXiv:2202.00512), from which ε follows; the loss is that of ε either way.
        variance: of the reverse steps: ``fixed`` to β_t, or ``learned`` between its bounds by further outputs
            of the network (arXiv:2102.09672), on the hybrid loss L_simple + ``bound_weight`` · T · L_t.
        bound_weight: λ of the hybrid loss, in nats per element; the bound's terms leave the mean alone.
        importance: draw t in proportion to √E[L_t²] of the latest terms in place of uniformly, and weigh its
            terms by the inverse (arXiv:2102.09672).
        conditional: learn each class separately; the data need classes.
        features: size of the embedding of step and class, even.
        guidance: of samples.
        sampler: draws samples.
        sampling_steps: steps a sampler visits, 1 to ``num_steps``.
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
        predicts: Literal["noise", "v"] = "noise",
        variance: Literal["fixed", "learned"] = "fixed",
        bound_weight: Weight = 0.001,
        importance: bool = False,
        conditional: bool = False,
        features: Count = 128,
        guidance: GuidanceOptions,
        sampler: Sampler,
        sampling_steps: Count = 50,
        bound_steps: Count = 100,
    ) -> None:
        self.learns_variance = variance == "learned"
        super().__init__(
            spec, network=network, path=Discrete(schedule=schedule, num_steps=num_steps), predicts=predicts,
            deviation=1.0, conditional=conditional, features=features, guidance=guidance, sampler=sampler,
            sampling_steps=sampling_steps,
        )  # fmt: skip
        self.require(f"bound_steps of 2 to {num_steps}", 2 <= bound_steps <= num_steps)
        self.levels = spec.levels
        self.discrete = spec.levels is not None and spec.range is not None
        self.num_steps = num_steps
        self.bound_weight = bound_weight
        self.importance = StepImportance(num_steps) if importance else None
        self.bound_steps = bound_steps

    def build_network(self, network: Network) -> nn.Module:
        channels, *sides = self.spec.shape
        outputs = (channels * (1 + self.learns_variance), *sides)
        return build_conditioned(network, self.spec.shape, outputs, self.features)

    # --- training ----------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        """One phase: predict the noise; and those of what guides."""
        whole = self.importance is not None
        own = Phase(
            name="denoise", updates={"network": self.own_parameters}, loss=self.loss, whole_batch=whole
        )
        return [own, *self.guidance.phases(self)]

    def draw_times(self, n: int, ctx: Context) -> Tensor:
        if self.importance is not None:
            return self.importance.draw(ctx.noise.uniform(n).double()).double() / self.num_steps
        return (ctx.noise.integers(self.num_steps, n) + 1).double() / self.num_steps

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """L_simple of a batch, a mean over examples and elements; with a learned variance its bound, too."""
        x, time, noise = self.noisy(batch, ctx)
        seen = self.path.diffuse(x, time, noise)
        condition, kept = self.condition_of(batch), self.kept(len(x), ctx)
        output = self.network(
            self.network_input(seen, time), self.embedding(self.path.position(time), condition, kept)
        )
        found = self.read(output.to(x.dtype), seen, time)
        errors = F.mse_loss(found.noise, noise, reduction="none").flatten(1).mean(1)
        terms = {"noise": errors}
        if found.spread is not None:
            fixed = Estimate(found.clean.detach(), found.noise.detach(), found.spread)
            bound = -self._bound_of(x, seen, time, fixed) * (self.num_steps / self.spec.size)
            terms["bound"] = self.bound_weight * bound
        if self.importance is None:
            return {name: values.mean() for name, values in terms.items()}
        steps = self.step_of(time)
        weights = self.importance.weights(steps).to(x.dtype)
        self.importance.update(steps, terms.get("bound", errors).detach())
        return {name: (weights * values).mean() for name, values in terms.items()}

    def loss_of(self, network: nn.Module, embedding: StepEmbedding, batch: Batch, ctx: Context) -> Tensor:
        x, time, noise = self.noisy(batch, ctx)
        found = self.estimate_of(
            network, embedding, self.path.diffuse(x, time, noise), time, self.condition_of(batch)
        )
        return F.mse_loss(found.noise, noise)

    # --- estimates ---------------------------------------------------------------------------

    def step_of(self, time: Tensor) -> Tensor:
        """The step t of a time t/T, int64."""
        return (time * self.num_steps).round().long()

    def read(self, output: Tensor, x: Tensor, time: Tensor) -> Estimate:
        """The estimate in a network's output."""
        spread = None
        if self.learns_variance:
            output, spread = output.chunk(2, 1)
            spread = (spread + 1) / 2
        found = self.path.estimate(output, x, time, self.predicts)
        return Estimate(found.clean, found.noise, spread)

    def estimate_of(
        self,
        network: nn.Module,
        embedding: StepEmbedding,
        x: Tensor,
        time: Tensor,
        condition: Condition | None,
    ) -> Estimate:
        output = network(self.network_input(x, time), embedding(self.path.position(time), condition))
        return self.read(output.to(x.dtype), x, time)

    # --- likelihood --------------------------------------------------------------------------

    @torch.no_grad()
    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Variational bound −(L_T + Σ_t L_{t−1} + L_0) in nats per example (equations 5, 7 and 13).

        Of the terms t = 2 … T, ``bound_steps`` − 1 are drawn, one from each of as many strata that
        grow with t, and weighted by their stratum's size; L_0 and L_T are always evaluated.
        """
        if self.conditional and condition is None:
            raise InputError("this model is conditional: pass the condition of each example")
        scaled = self.scaling.inward(x)
        last = torch.ones(len(x), dtype=torch.float64, device=x.device)
        signal, dirt = (like(number, scaled) for number in self.path.coefficients(last))
        zero = torch.zeros_like(scaled)
        bound = -normal_kl(signal * scaled, dirt.square(), zero, torch.ones_like(dirt))
        bound = bound + self.bound_term(scaled, last / self.num_steps, noise.normal(*x.shape), condition)
        for low, high in _strata(self.num_steps, self.bound_steps - 1):
            step = low + noise.integers(high - low, len(x))
            time = step.double() / self.num_steps
            bound = bound + (high - low) * self.bound_term(scaled, time, noise.normal(*x.shape), condition)
        return bound if self.discrete else bound + self.scaling.log_volume.to(bound)

    def bound_term(
        self, x: Tensor, time: Tensor, noise: Tensor, condition: Condition | None = None
    ) -> Tensor:
        """One term of the bound for scaled examples: −KL(q(x_{t−1}|x_t, x_0) ‖ p) or ln p(x_0|x_1).

        Args:
            x: scaled examples ``(n, *shape)``.
            time: t/T, float64 ``(n,)``.
            noise: ε of x_t, like ``x``.
            condition: of each example, see :class:`genus.core.batch.Batch`.

        Returns:
            ``(n,)`` in nats.
        """
        seen = self.path.diffuse(x, time, noise.to(x.dtype))
        return self._bound_of(x, seen, time, self.own_estimate(seen, time, condition))

    def _bound_of(self, x: Tensor, seen: Tensor, time: Tensor, found: Estimate) -> Tensor:
        clean = found.clean if self.spec.range is None else found.clean.clamp(-1, 1)
        earlier = (self.step_of(time) - 1).double() / self.num_steps
        mean, small, large = self.path.posterior(seen, clean, time, earlier)
        is_first = earlier == 0
        small = torch.where(like(is_first.double(), x) > 0, self._smallest(x), small)
        variance = large
        if found.spread is not None:
            variance = (found.spread * large.log() + (1 - found.spread) * small.log()).exp()
        true_mean = self.path.posterior(seen, x, time, earlier)[0]
        divergence = normal_kl(true_mean, small, mean, variance)
        if self.discrete:
            assert self.levels is not None
            decoder = discretised_normal(x, mean, variance, self.levels)
        else:
            decoder = normal_log_density(x, mean, variance)
        return torch.where(is_first, decoder, -divergence)

    def _smallest(self, x: Tensor) -> Tensor:
        """Variance of q(x_1 | x_2, x_0): the lower bound of the decoder's, which has none of its own."""
        two, one = (
            torch.full((1,), k / self.num_steps, dtype=torch.float64, device=x.device) for k in (2, 1)
        )
        return self.path.posterior(x[:1], x[:1], two, one)[1]


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
