"""A planar flow fitted to an energy, not to examples: variational inference with normalising flows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, Samples
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Share
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.bijection import Chain
from genus.layers.planar import Planar
from genus.objectives.plane_energies import PlaneEnergy, plane_energy


@model("planar-flow", paper="arXiv:1505.05770")
class PlanarFlow(Model, Samples, Density):
    """Fits q, planar layers on a standard normal, to p = exp(−U)/Z by the reverse divergence KL(q‖p).

    The loss is E_q[ln q + β U], −ln Z at best where β = 1; β grows from 0.01 to 1. Examples are not
    looked at: a batch says how many points are drawn, and data ``energy`` are what samples are scored by.

    Args:
        spec: points of the plane.
        energy: U, one of four test energies.
        layers: planar layers.
        annealing: share of training in which β grows.
    """

    kind = "exact"
    example_kinds = ("vector",)

    def __init__(
        self,
        spec: DataSpec,
        *,
        energy: Literal["u1", "u2", "u3", "u4"] = "u1",
        layers: Count = 32,
        annealing: Share = 0.5,
    ) -> None:
        super().__init__(spec)
        self.require("points of the plane", spec.shape == (2,) and spec.range is None)
        self.energy: PlaneEnergy = energy
        self.annealing = annealing
        self.flow = Chain(Planar(2) for _ in range(layers))

    def phases(self) -> Sequence[Phase]:
        """One update of all layers."""
        return [Phase(name="divergence", updates={"network": self.parameters}, loss=self.loss)]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Mean of ln q and of β U over points drawn from q, in nats; U itself is observed."""
        z = ctx.noise.normal(len(batch), 2).to(batch.x.dtype)
        x, change = self.flow(z)
        potential = plane_energy(self.energy, x)
        ctx.observe(potential=potential.mean())
        done = min(1.0, ctx.progress.fraction / self.annealing) if self.annealing else 1.0
        return {
            "entropy": (_log_normal(z) - change).mean(),
            "energy": (0.01 + 0.99 * done) * potential.mean(),
        }

    @torch.no_grad()
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Points of q."""
        return self.flow(noise.normal(n, 2).to(next(self.parameters()).dtype))[0]

    @torch.no_grad()
    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """ln q in nats, ``(n,)``: every layer is inverted by bisection."""
        z = self.flow.inverse(x)
        return _log_normal(z) - self.flow(z)[1]


def _log_normal(z: Tensor) -> Tensor:
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
