"""Scores learned by explicit, sliced or denoising score matching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Samples
from genus.core.components import Network
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Positive
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.scaling import Scaling
from genus.objectives.score_matching import denoising, explicit, sliced


@model("score-matching", paper="arXiv:1905.07088")
class ScoreMatching(Model, Samples):
    """A network s(x) that learns ∇ log p(x), and Langevin dynamics along it.

    Samples begin at standard normal noise and make x + ½ h² s(x) + h z; modes far apart keep the share of
    noise that fell to them, which noise at several levels (``ncsn``) mends.

    Args:
        network: from an example to a score of its shape.
        method: ``explicit`` (the divergence of s, for few elements), ``sliced`` (its slope along random
            directions) or ``denoising`` (the score of the data smoothed by noise of deviation ``sigma``).
        sigma: of ``denoising``, on the network's scale.
        step_size: h of Langevin dynamics.
        sampling_steps: Langevin steps per sample.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        method: Literal["explicit", "sliced", "denoising"] = "sliced",
        sigma: Positive = 0.1,
        step_size: Positive = 0.1,
        sampling_steps: Count = 300,
    ) -> None:
        super().__init__(spec)
        self.require("at most 64 numbers per example, for explicit", method != "explicit" or spec.size <= 64)
        self.scaling = Scaling(spec)
        self.network = network(spec.shape, spec.shape)
        self.method, self.sigma = method, sigma
        self.step_size, self.sampling_steps = step_size, sampling_steps

    def phases(self) -> Sequence[Phase]:
        """One phase."""
        return [Phase(name="match", updates={"network": self.parameters}, loss=self.loss)]

    def score(self, x: Tensor) -> Tensor:
        """∇ log p of scaled examples ``(n, *shape)``."""
        return self.network(x).to(x.dtype)

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """The chosen loss, a mean over examples and elements."""
        x = self.scaling.inward(batch.x)
        if self.method == "explicit":
            found = explicit(self.score, x)
        elif self.method == "sliced":
            signs = ctx.noise.bernoulli(torch.full_like(x, 0.5)) * 2 - 1
            found = sliced(self.score, x, signs)
        else:
            found = self.sigma**2 * denoising(self.score, x, ctx.noise.normal(*x.shape), self.sigma)
        return {"score": found.mean() / self.spec.size}

    @torch.no_grad()
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Langevin dynamics from noise."""
        x = noise.normal(n, *self.spec.shape).to(next(self.parameters()).dtype)
        for _ in range(self.sampling_steps):
            drawn = noise.normal(*x.shape).to(x.dtype)
            x = x + 0.5 * self.step_size**2 * self.score(x) + self.step_size * drawn
        return self.scaling.outward(x if self.spec.range is None else x.clamp(-1, 1))
