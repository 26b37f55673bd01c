"""Consistency models: one network call from noise to an example."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.components import Network, Sampler
from genus.core.noise_path import Estimate, like
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Positive
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.condition import StepEmbedding
from genus.layers.noise_paths import VarianceExploding
from genus.models.diffusion.denoising import Denoising
from genus.models.diffusion.guidance import GuidanceOptions


@model("consistency", paper="arXiv:2310.14189")
class Consistency(Denoising):
    """A map f(x_σ, σ) that is constant along the probability-flow ODE, and the identity at its clean end.

    Trained without a teacher: f at a level of noise is drawn to f at the level below of the same example and
    noise, by the pseudo-Huber distance √(d² + c²) − c, weighted by the inverse of the gap. The number of
    levels doubles in the course of training, and levels are drawn from a discretised log-normal distribution.

    Args:
        network: conditioned on the level; ``unet`` for images and volumes, ``residual-mlp`` for vectors.
        sigma_min: smallest deviation of noise, where f is the identity.
        sigma_max: largest one, where sampling begins.
        deviation: of the data on the network's scale, [−1, 1] where they are bounded.
        levels_first: steps between levels at the beginning of training.
        levels_last: at its end.
        mean: of ln σ in training.
        spread: deviation of ln σ in training.
        huber: c in units of √d; d is the number of elements.
        conditional: learn p(x | condition).
        features: size of the embedding of level and condition, even.
        sampler: ``consistency``, which adds noise to an example and maps it again, as often as there are
            steps.
        sampling_steps: network calls per sample.
    """

    path: VarianceExploding

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        sigma_min: Positive = 0.002,
        sigma_max: Positive = 80.0,
        deviation: Positive = 0.5,
        levels_first: Count = 10,
        levels_last: Count = 1280,
        mean: float = -1.1,
        spread: Positive = 2.0,
        huber: Positive = 0.00054,
        conditional: bool = False,
        features: Count = 128,
        sampler: Sampler,
        sampling_steps: Count = 1,
    ) -> None:
        super().__init__(
            spec, network=network, path=VarianceExploding(sigma_min=sigma_min, sigma_max=sigma_max),
            predicts="clean", deviation=deviation, conditional=conditional, features=features,
            guidance=GuidanceOptions(), sampler=sampler, sampling_steps=sampling_steps,
        )  # fmt: skip
        self.require("levels_last of levels_first or more", levels_last >= levels_first)
        self.levels_first, self.levels_last = levels_first, levels_last
        self.mean, self.spread = mean, spread
        self.huber = huber * math.sqrt(spec.size)

    def phases(self) -> Sequence[Phase]:
        """One phase: agree with the level below."""
        return [Phase(name="agree", updates={"network": self.own_parameters}, loss=self.loss)]

    def count_levels(self, fraction: float) -> int:
        """Levels, one more than steps, when this fraction of training is done; doubled at equal intervals."""
        doublings = math.ceil(math.log2(self.levels_last / self.levels_first)) + 1
        done = min(int(fraction * doublings), doublings - 1)
        return min(self.levels_first * 2**done, self.levels_last) + 1

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Pseudo-Huber distance between neighbouring levels, a weighted mean over examples."""
        x = self.scaling.inward(batch.x)
        levels = self.path.grid(self.count_levels(ctx.progress.fraction))[:-1].flip(0).to(x.device)
        edges = torch.special.erf((levels.log() - self.mean) / (math.sqrt(2) * self.spread))
        ends = edges.diff().cumsum(0)
        uniform = ctx.noise.uniform(len(x)).double() * ends[-1]
        lower = torch.searchsorted(ends, uniform, right=True).clamp_max(len(ends) - 1)
        noise = ctx.noise.normal(*x.shape)
        condition = self.condition_of(batch)
        low, high = levels[lower], levels[lower + 1]
        found = self.map(self.path.diffuse(x, high, noise), high, condition)
        with torch.no_grad():
            below = self.map(self.path.diffuse(x, low, noise), low, condition)
        square = (found - below).flatten(1).square().sum(1)
        distance = (square + self.huber**2).sqrt() - self.huber
        return {"distance": (distance / (high - low).to(x.dtype)).mean()}

    def map(self, x: Tensor, time: Tensor, condition: Condition | None = None) -> Tensor:
        """f of noisy examples ``(n, *shape)`` at levels ``(n,)``, float64."""
        return self.own_estimate(x, time, condition).clean

    def estimate_of(
        self,
        network: nn.Module,
        embedding: StepEmbedding,
        x: Tensor,
        time: Tensor,
        condition: Condition | None,
    ) -> Estimate:
        output = network(self.network_input(x, time), embedding(self.path.position(time), condition)).to(
            x.dtype
        )
        above, d = time - self.path.first, self.deviation
        skip = d**2 / (above.square() + d**2)
        scale = above * d / (time.square() + d**2).sqrt()
        clean = like(skip, x) * x + like(scale, x) * output
        return Estimate(clean, (x - clean) / like(time, x))

    def sampling_times(self) -> Tensor:
        return torch.cat([self.path.grid(self.sampling_steps + 1)[:-2], torch.zeros(1, dtype=torch.float64)])
