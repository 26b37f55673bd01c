"""The restricted Boltzmann machine with Gaussian visible units as mathematics."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genus.core.noise import Noise
from genus.models.energy.machine import BoltzmannMachine

_SMALLEST = 1e-4
"""Variance of a visible unit, at least, beside data of deviation 1 or range 2."""
_FIRST = 0.1
"""Variance at first: at 1, one Gaussian fits standardised data and W = 0 has no gradient to leave by."""


class GaussianMachine(BoltzmannMachine):
    """Real units v and binary h with E(v, h) = Σ_i (v_i − b_i)²/2σ_i² − c·h − (v/σ²)ᵀWh.

    p(v | h) = N(b + Wh, σ²), so that p(v) is a mixture of 2^hidden Gaussians of one shape. The logarithm of
    each σ_i² is learned; ∂F/∂ ln σ_i² = −(v_i − b_i)²/2σ_i² + (v_i/σ_i²) (Wp)_i.

    Args:
        visible: number of visible units.
        hidden: number of hidden units.

    Paper: doi:10.1007/978-3-642-21735-7_2 (Cho, Ilin and Raiko 2011).
    """

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__(visible, hidden)
        self.log_variance = nn.Parameter(torch.full((visible,), math.log(_FIRST)))

    @property
    def variance(self) -> Tensor:
        """σ² of each visible unit, ``(visible,)``."""
        return self.log_variance.exp().clamp_min(_SMALLEST)

    def visible_given(self, h: Tensor) -> Tensor:
        """Mean of p(v | h), ``(n, visible)``."""
        return torch.addmm(self.visible_bias, h, self.weight.t()).to(self.weight.dtype)

    def _energy(self, v: Tensor, field: Tensor) -> Tensor:
        return ((v - self.visible_bias).square() / (2 * self.variance)).sum(1) - softplus(field).sum(1)

    def _field(self, v: Tensor) -> Tensor:
        return super()._field(v / self.variance)

    def _chances(self, n: int, steps: int, noise: Noise) -> tuple[Tensor, Tensor]:
        visible, hidden = self.weight.shape
        return noise.normal(n, steps, visible), noise.uniform(n, steps, hidden)

    def _visible_drawn(self, means: Tensor, chance: Tensor) -> Tensor:
        return means + self.variance.sqrt() * chance.to(means.dtype)

    def _gradients(self, v: Tensor, p: Tensor, sign: Tensor) -> dict[nn.Parameter, Tensor]:
        signed, variance = p * sign[:, None], self.variance
        off, scaled = v - self.visible_bias, v / variance
        by_log_variance = off.square() / (2 * variance) - scaled * (p @ self.weight.t())
        by_log_variance = by_log_variance * (self.log_variance.exp() > _SMALLEST)
        return {
            self.weight: (scaled.t() @ signed).to(p.dtype),
            self.visible_bias: (sign @ (off / variance)).to(p.dtype),
            self.hidden_bias: signed.sum(0),
            self.log_variance: (sign @ by_log_variance).to(p.dtype),
        }

    def _field_at(self, v: Tensor, beta: float) -> Tensor:
        """β ((v − b)/σ²)ᵀW + β² (c + (b/σ²)ᵀW).

        The components' weights are then those of β = 1 to the power β²: none vanishes and comes back.
        """
        away = torch.addmm(self.hidden_bias, self.visible_bias[None] / self.variance, self.weight)
        return beta * (self._field(v) - away) + beta**2 * away

    def _visible_at(self, h: Tensor, beta: float, noise: Noise) -> Tensor:
        means = torch.addmm(self.visible_bias, h, self.weight.t(), alpha=beta)
        return self._visible_drawn(means, noise.normal(*means.shape))

    def _log_base(self) -> Tensor:
        return 0.5 * (2 * math.pi * self.variance).log().sum()
