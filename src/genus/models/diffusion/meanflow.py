"""Mean flows: the average velocity between two times, which takes one step to an example."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.components import Network, Sampler
from genus.core.noise import Noise
from genus.core.noise_path import Estimate, like
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Positive, Share, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.condition import StepEmbedding
from genus.layers.noise_paths import Straight
from genus.models.diffusion.denoising import Denoising
from genus.models.diffusion.guidance import GuidanceOptions


@model("meanflow", paper="arXiv:2505.13447")
class MeanFlow(Denoising):
    """Learns u(x_t, r, t), the mean of the velocity along the ODE from time r to time t, on straight paths.

    Trained on the identity u = v − (t − r) du/dt, whose right side is not differentiated; d/dt is taken along
    (v, 0, 1) by forward differentiation. Where r = t it is flow matching, so samplers of the ODE take it,
    too.

    Args:
        network: conditioned on the times; ``unet`` for images and volumes, ``residual-mlp`` for vectors.
        mean: of the logit of both times in training.
        spread: deviation of that logit.
        apart: share of training examples with r ≠ t.
        power: p of the weights 1/(‖error‖² + c)^p, means over elements.
        floor: c.
        conditional: learn p(x | condition).
        features: size of the embedding of times and condition, even.
        sampler: of the ODE; null for steps of the mean velocity, one network call each.
        sampling_steps: of either.
    """

    path: Straight

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        mean: float = -0.4,
        spread: Positive = 1.0,
        apart: Share = 0.25,
        power: Weight = 1.0,
        floor: Positive = 1e-3,
        conditional: bool = False,
        features: Count = 128,
        sampler: Sampler | None = None,
        sampling_steps: Count = 1,
    ) -> None:
        super().__init__(
            spec, network=network, path=Straight(), predicts="velocity", deviation=1.0,
            conditional=conditional, features=features, guidance=GuidanceOptions(), sampler=sampler,
            sampling_steps=sampling_steps,
        )  # fmt: skip
        self.mean, self.spread, self.apart = mean, spread, apart
        self.power, self.floor = power, floor
        self.gap = StepEmbedding(features)

    def own_parameters(self) -> list[nn.Parameter]:
        return [*super().own_parameters(), *self.gap.parameters()]

    def phases(self) -> Sequence[Phase]:
        """One phase: the identity of the mean velocity."""
        return [Phase(name="flow", updates={"network": self.own_parameters}, loss=self.loss)]

    def mean_velocity(
        self, x: Tensor, earlier: Tensor, time: Tensor, condition: Condition | None = None
    ) -> Tensor:
        """u(x_t, r, t) of noisy examples ``(n, *shape)``; times ``(n,)`` in the type of ``x``."""
        features = self.embedding(self.path.position(time), condition)
        features = features + self.gap(self.path.position(time - earlier))
        return self.network(x, features).to(x.dtype)

    def draw_pair(self, n: int, ctx: Context) -> tuple[Tensor, Tensor]:
        """Times r ≤ t to train at, ``(n,)`` each; equal in all but a share ``apart`` of examples."""
        drawn = (self.mean + self.spread * ctx.noise.normal(n, 2)).sigmoid()
        earlier, time = drawn.amin(1), drawn.amax(1)
        return torch.where(ctx.noise.uniform(n) < self.apart, earlier, time), time

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Weighted squared error of the identity, a mean over examples."""
        x = self.scaling.inward(batch.x)
        earlier, time = self.draw_pair(len(x), ctx)
        noise, condition = ctx.noise.normal(*x.shape), self.condition_of(batch)
        earlier, time = earlier.to(x.dtype), time.to(x.dtype)
        velocity = noise - x
        seen = (1 - like(time, x)) * x + like(time, x) * noise

        def mean_velocity(point: Tensor, at: Tensor) -> Tensor:
            return self.mean_velocity(point, earlier, at, condition)

        found, slope = _with_slope(mean_velocity, (seen, time), (velocity, torch.ones_like(time)))
        target = (velocity - like(time - earlier, x) * slope).detach()
        error = (found - target).flatten(1).square().mean(1)
        return {"error": (error / (error.detach() + self.floor) ** self.power).mean()}

    def estimate_of(
        self,
        network: nn.Module,
        embedding: StepEmbedding,
        x: Tensor,
        time: Tensor,
        condition: Condition | None,
    ) -> Estimate:
        at = time.to(x.dtype)
        return self.path.estimate(self.mean_velocity(x, at, at, condition), x, time, "velocity")

    @torch.no_grad()
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Draw ``n`` examples; classes are uniform where they matter and none are requested."""
        if self.sampler is not None:
            return super().sample(n, condition=condition, noise=noise)
        condition = self.requested_or_uniform(n, condition, noise)
        x = noise.normal(n, *self.spec.shape).to(next(self.parameters()).dtype)
        ends = torch.linspace(1, 0, self.sampling_steps + 1).to(x)
        self.calls = self.sampling_steps
        for time, earlier in pairwise(ends):
            x = x - (time - earlier) * self.mean_velocity(x, earlier.expand(n), time.expand(n), condition)
        return self.scaling.outward(x if self.bounds is None else x.clamp(*self.bounds))


def _with_slope(
    function: Callable[..., Tensor], at: tuple[Tensor, ...], along: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """A function's value and its derivative along a direction, by forward differentiation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what torch itself imports for it
        found: Any = torch.func.jvp(function, at, along)
    return found[0], found[1]
