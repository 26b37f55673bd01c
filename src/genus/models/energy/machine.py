"""The restricted Boltzmann machine as mathematics: energies, conditionals, Gibbs steps, log Z."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from genus.core.noise import Noise, coins
from genus.samplers.annealed import annealed_log_weights, log_mean_exp

AIS_CHAINS, AIS_TEMPERATURES = 100, 1000
STEPS_PER_DRAW = 20
"""Gibbs steps whose random numbers are drawn together: seeding costs, memory too."""


class Contrast(NamedTuple):
    """A batch of data against Gibbs chains.

    Args:
        divergence: scalar, mean F(data) − mean F(chains).
        energy: scalar, mean F(data), without gradient.
        chains: p(h = 1 | v) where the chains stand now, ``(n, hidden)``.
    """

    divergence: Tensor
    energy: Tensor
    chains: Tensor


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
        """What the hidden units receive, c + vW."""
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
        visible, hidden = self.weight.shape
        v = means = p
        for first in range(0, steps, STEPS_PER_DRAW):
            count = min(STEPS_PER_DRAW, steps - first)
            uniform = noise.uniform(p.shape[0], count, visible + hidden)
            for step in range(count):
                off, on = uniform[:, step, :visible], uniform[:, step, visible:]
                if first or step:
                    p = self.hidden_given(v)
                means = self.visible_given(coins(on, p))
                v = coins(off, means)
        return v, means

    def contrast(self, v: Tensor, steps: int, noise: Noise, chains: Tensor | None = None) -> Contrast:
        """Contrastive divergence: F(v) − F(v_k), v_k after k Gibbs steps.

        Its gradient is that of the free energies for given v and v_k, in closed form.

        Args:
            v: binary data, ``(n, visible)``.
            steps: k, >= 1.
            noise: randomness.
            chains: p(h = 1 | v) where the chains stand; by default they start at the data.
        """
        with torch.no_grad():
            v_k, _ = self.gibbs(self.hidden_given(v) if chains is None else chains, steps, noise)
            n, m = v.shape[0], v_k.shape[0]
            both = torch.cat([v, v_k])  # one product with W is faster than two
            if torch.is_autocast_enabled(v.device.type):  # the gradient's product follows
                both = both.to(torch.get_autocast_dtype(v.device.type))
            field = self._field(both)
            energies = self._energy(both, field)
            p = field.sigmoid_()
            sign = p.new_full((n + m,), 1 / n)
            sign[n:] = -1 / m
        value, parameters = sign @ energies, (self.weight, self.visible_bias, self.hidden_bias)
        divergence: Any = _Divergence.apply(*parameters, value, both, p, sign)
        return Contrast(divergence, energies[:n].mean(), p[n:])

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


class _Divergence(torch.autograd.Function):
    """Σ sign F(v), known already; its gradients are −Σ sign v pᵀ, −Σ sign v and −Σ sign p."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        ctx.save_for_backward(*inputs[4:])
        return inputs[3]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:  # type: ignore[override]
        v, p, sign = ctx.saved_tensors
        minus = sign * -grad_outputs[0]
        signed = p * minus[:, None]
        weight, visible_bias = v.t() @ signed.to(v.dtype), minus.to(v.dtype) @ v
        return weight, visible_bias, signed.sum(0), None, None, None, None


def bernoulli_entropy(probability: Tensor) -> Tensor:
    """Entropy of independent bits with the given probabilities ``(n, d)``, in nats ``(n,)``."""
    p = probability.clamp(1e-7, 1 - 1e-7)
    return -(p * p.log() + (1 - p) * (1 - p).log()).sum(1)
