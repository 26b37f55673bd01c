"""The restricted Boltzmann machine as mathematics: energies, conditionals, Gibbs steps, log Z."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genus.core.noise import Noise, coins
from genus.models.energy.partition import BURN_IN, Normalised, PartitionFunction
from genus.sampling.annealed import annealed_log_weights, joined_log_ratio

STEPS_PER_DRAW = 20
"""Gibbs steps whose random numbers are drawn together: seeding costs, memory too."""


class Contrast(NamedTuple):
    """A batch of data against Gibbs chains.

    Args:
        divergence: scalar, mean F(data) − mean F(chains).
        gradients: of the divergence for given data and chains, by parameter.
        energy: scalar, mean F(data).
        chains: p(h = 1 | v) where the chains stand now, ``(n, hidden)``.
    """

    divergence: Tensor
    gradients: dict[nn.Parameter, Tensor]
    energy: Tensor
    chains: Tensor


class BoltzmannMachine(Normalised):
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

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = −b·v − Σ_j softplus(c_j + (vW)_j), so that p(v) = exp(−F(v)) / Z.

        Args:
            v: ``(n, visible)``.

        Returns:
            ``(n,)`` nats.
        """
        return self._energy(v, self._field(v))

    def _energy(self, v: Tensor, field: Tensor) -> Tensor:
        return -(v @ self.visible_bias) - softplus(field).sum(1)

    def _field(self, v: Tensor) -> Tensor:
        """Input of the hidden units, c + vW."""
        return torch.addmm(self.hidden_bias, v, self.weight).to(self.weight.dtype)

    def hidden_given(self, v: Tensor) -> Tensor:
        """p(h = 1 | v), ``(n, hidden)``."""
        return self._field(v).sigmoid_()

    def visible_given(self, h: Tensor) -> Tensor:
        """p(v = 1 | h), ``(n, visible)``."""
        return torch.addmm(self.visible_bias, h, self.weight.t()).to(self.weight.dtype).sigmoid_()

    @torch.no_grad()
    def gibbs(self, p: Tensor, steps: int, noise: Noise) -> tuple[Tensor, Tensor]:
        """Alternate h ~ p(h|v) and v ~ p(v|h).

        Args:
            p: p(h = 1 | v) where the chains stand, ``(n, hidden)``.
            steps: full steps, >= 1.
            noise: randomness.

        Returns:
            The last v and the probabilities p(v = 1 | h) it was drawn from.
        """
        v = means = p
        for first in range(0, steps, STEPS_PER_DRAW):
            count = min(STEPS_PER_DRAW, steps - first)
            below, above = self._chances(p.shape[0], count, noise)
            for step in range(count):
                if first or step:
                    p = self.hidden_given(v)
                means = self.visible_given(coins(above[:, step], p))
                v = self._visible_drawn(means, below[:, step])
        return v, means

    def _chances(self, n: int, steps: int, noise: Noise) -> tuple[Tensor, Tensor]:
        """Random numbers ``(n, steps, units)`` of Gibbs steps, for visible and for hidden units."""
        visible, hidden = self.weight.shape
        below, above = noise.uniform(n, steps, visible + hidden).split((visible, hidden), 2)
        return below, above

    def _visible_drawn(self, means: Tensor, chance: Tensor) -> Tensor:
        """v of these means, by numbers of :meth:`_chances`."""
        return coins(chance, means)

    @torch.no_grad()
    def contrast(self, v: Tensor, steps: int, noise: Noise, chains: Tensor | None = None) -> Contrast:
        """Contrastive divergence F(v) − F(v_k), v_k after k Gibbs steps, and its gradients.

        −∂F/∂W = v pᵀ, −∂F/∂b = v and −∂F/∂c = p, with p = p(h = 1 | v).

        Args:
            v: binary data, ``(n, visible)``.
            steps: k, >= 1.
            noise: randomness.
            chains: p(h = 1 | v) where the chains stand; by default they start at the data.
        """
        v_k, _ = self.gibbs(self.hidden_given(v) if chains is None else chains, steps, noise)
        n, m = v.shape[0], v_k.shape[0]
        both = torch.cat([v, v_k])  # one product with W is faster than two
        field = self._field(both)
        energies = self._energy(both, field)
        p = field.sigmoid_()
        sign = p.new_full((n + m,), -1 / n)
        sign[n:] = 1 / m
        return Contrast(-(sign @ energies), self._gradients(both, p, sign), energies[:n].mean(), p[n:])

    def _gradients(self, v: Tensor, p: Tensor, sign: Tensor) -> dict[nn.Parameter, Tensor]:
        """−Σ_n sign_n ∂F(v_n) by each parameter, with p = p(h = 1 | v)."""
        signed = p * sign[:, None]
        return {
            self.weight: (v.t() @ signed).to(p.dtype),
            self.visible_bias: (sign @ v).to(p.dtype),
            self.hidden_bias: signed.sum(0),
        }

    def _annealed(self, p: Tensor, noise: Noise, chains: int, temperatures: int) -> PartitionFunction:
        def ratio(v: Tensor, before: float, after: float) -> Tensor:
            return (softplus(self._field_at(v, after)) - softplus(self._field_at(v, before))).sum(1)

        def step(v: Tensor, beta: float) -> Tensor:
            return self._visible_at(noise.bernoulli(self._field_at(v, beta).sigmoid()), beta, noise)

        nothing = self.weight.new_zeros(chains, self.weight.shape[1])
        there = annealed_log_weights(self._visible_at(nothing, 0.0, noise), ratio, step, temperatures)
        own, _ = self.gibbs(p[noise.integers(len(p), chains)], BURN_IN, noise)
        back = annealed_log_weights(own, ratio, step, temperatures, back=True)
        base = self._log_base() + self.weight.shape[1] * math.log(2)
        return PartitionFunction(*(base + part for part in joined_log_ratio(there, back)))

    def _field_at(self, v: Tensor, beta: float) -> Tensor:
        """Input of the hidden units on the way from the machine without weights, 0 at β = 0."""
        return self._field(v) * beta

    def _visible_at(self, h: Tensor, beta: float, noise: Noise) -> Tensor:
        """v ~ p(v|h) of the machine with weights βW."""
        return noise.bernoulli(torch.addmm(self.visible_bias, h, self.weight.t(), alpha=beta).sigmoid())

    def _log_base(self) -> Tensor:
        """Log of the sum over v of the machine without hidden units, a scalar."""
        return softplus(self.visible_bias).sum()


def bernoulli_entropy(probability: Tensor) -> Tensor:
    """Entropy of independent bits with the given probabilities ``(n, d)``, in nats ``(n,)``."""
    p = probability.clamp(1e-7, 1 - 1e-7)
    return -(p * p.log() + (1 - p) * (1 - p).log()).sum(1)
