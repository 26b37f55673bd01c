"""The restricted Boltzmann machine as mathematics: energies, conditionals, Gibbs steps, log Z."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genus.core.noise import Noise
from genus.samplers.annealed import annealed_log_weights, log_mean_exp

AIS_CHAINS, AIS_TEMPERATURES = 100, 1000
STEPS_PER_DRAW = 20
"""Gibbs steps whose random numbers are drawn together: seeding costs, memory too."""


class BoltzmannMachine(nn.Module):
    """Binary units v and h with E(v, h) = −b·v − c·h − vᵀWh.

    Args:
        visible: number of visible units.
        hidden: number of hidden units.
    """

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(visible, hidden) * 0.01)
        self.visible_bias = nn.Parameter(torch.zeros(visible))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))

    def free_energy(self, v: Tensor, beta: float = 1.0) -> Tensor:
        """F(v) = −b·v − Σ_j softplus(c_j + (vW)_j), so that p(v) = exp(−F(v)) / Z.

        Args:
            v: ``(n, visible)``.
            beta: W and c are multiplied by it (for annealing); b is not.

        Returns:
            ``(n,)`` nats.
        """
        hidden = torch.addmm(self.hidden_bias, v, self.weight)
        return -(v @ self.visible_bias) - softplus(hidden * beta).sum(1)

    def hidden_given(self, v: Tensor) -> Tensor:
        """p(h = 1 | v), ``(n, hidden)``."""
        return torch.addmm(self.hidden_bias, v, self.weight).sigmoid()

    def visible_given(self, h: Tensor) -> Tensor:
        """p(v = 1 | h), ``(n, visible)``."""
        return torch.addmm(self.visible_bias, h, self.weight.t()).sigmoid()

    @torch.no_grad()
    def gibbs(self, v: Tensor, steps: int, noise: Noise) -> tuple[Tensor, Tensor]:
        """Alternate h ~ p(h|v) and v ~ p(v|h).

        Args:
            v: where the chains stand, ``(n, visible)``.
            steps: full steps, >= 1.
            noise: randomness.

        Returns:
            The last v and the probabilities p(v = 1 | h) it was drawn from.
        """
        visible, hidden = self.weight.shape
        means = v
        for first in range(0, steps, STEPS_PER_DRAW):
            count = min(STEPS_PER_DRAW, steps - first)
            uniform = noise.uniform(len(v), count, visible + hidden).to(v.dtype)
            for step in range(count):
                on, off = uniform[:, step, :hidden], uniform[:, step, hidden:]
                h = (on < self.hidden_given(v)).to(v.dtype)
                means = self.visible_given(h)
                v = (off < means).to(v.dtype)
        return v, means

    @torch.no_grad()
    def log_partition(
        self, noise: Noise, chains: int = AIS_CHAINS, temperatures: int = AIS_TEMPERATURES
    ) -> Tensor:
        """Estimate log Z by annealed importance sampling from the machine without weights.

        Args:
            noise: randomness.
            chains: independent annealing runs.
            temperatures: steps of each.

        Returns:
            Scalar, nats; exp of it is unbiased for Z.
        """
        bias, hidden = self.visible_bias, self.weight.shape[1]
        start = noise.bernoulli(bias.sigmoid().expand(chains, -1))
        base = softplus(bias).sum() + hidden * math.log(2)

        def ratio(v: Tensor, before: float, after: float) -> Tensor:
            field = torch.addmm(self.hidden_bias, v, self.weight)
            return (softplus(field * after) - softplus(field * before)).sum(1)

        def step(v: Tensor, beta: float) -> Tensor:
            h = noise.bernoulli((torch.addmm(self.hidden_bias, v, self.weight) * beta).sigmoid())
            return noise.bernoulli(torch.addmm(bias, h, self.weight.t(), alpha=beta).sigmoid())

        return base + log_mean_exp(annealed_log_weights(start, ratio, step, temperatures))


def bernoulli_entropy(probability: Tensor) -> Tensor:
    """Entropy of independent bits with the given probabilities ``(n, d)``, in nats ``(n,)``."""
    p = probability.clamp(1e-7, 1 - 1e-7)
    return -(p * p.log() + (1 - p) * (1 - p).log()).sum(1)
