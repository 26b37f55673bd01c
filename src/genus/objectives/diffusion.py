"""Terms of the variational bound of a diffusion model, in nats per example."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normal_kl(mean: Tensor, variance: Tensor, other_mean: Tensor, other_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(μ', σ'²)) = ½(σ²/σ'² + (μ − μ')²/σ'² − 1 − ln(σ²/σ'²)), summed over elements.

    Args:
        mean, variance: of the first, broadcastable to ``(n, …)``.
        other_mean, other_variance: of the second.

    Returns:
        ``(n,)`` in nats.

    >>> one = torch.ones(1, 1)
    >>> round(float(normal_kl(0 * one, one, one, 4 * one)), 6)
    0.443147
    """
    ratio = variance / other_variance
    squares = (mean - other_mean).square() / other_variance
    terms = 0.5 * (ratio + squares - 1 - ratio.log())
    return terms.flatten(1).sum(1)


def normal_log_density(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """ln N(x; μ, σ²) summed over elements.

    Args:
        x, mean: ``(n, …)``.
        variance: broadcastable to them.

    Returns:
        ``(n,)`` in nats.
    """
    terms = -0.5 * ((x - mean).square() / variance + torch.log(2 * math.pi * variance))
    return terms.flatten(1).sum(1)


def discretised_normal(x: Tensor, mean: Tensor, variance: Tensor, levels: int) -> Tensor:
    """Probability of grey values under a normal distribution cut into bins (arXiv:2006.11239, eq. 13).

    The bins of ``levels`` values in [-1, 1] have the width 2/(levels − 1); the outermost two
    reach to infinity, so the probabilities of all values sum to one.

    Args:
        x: values on the grid, ``(n, …)`` in [-1, 1].
        mean: ``(n, …)``.
        variance: broadcastable.
        levels: number of grey values, >= 2.

    Returns:
        log-probability ``(n,)`` in nats.

    >>> grid = torch.tensor([[-1.0], [0.0], [1.0]])
    >>> found = discretised_normal(grid, torch.full((3, 1), 0.3), torch.tensor(0.2), 3)
    >>> round(float(found.exp().sum()), 5)
    1.0
    """
    half = 1 / (levels - 1)
    scale = variance.sqrt()
    upper = ((x - mean + half) / scale).masked_fill(x > 1 - half, torch.inf)
    lower = ((x - mean - half) / scale).masked_fill(x < half - 1, -torch.inf)
    # Φ(b) − Φ(a) = Φ(−a) − Φ(−b): the side where both are small keeps the digits
    flip = lower > 0
    low, high = torch.where(flip, -upper, lower), torch.where(flip, -lower, upper)
    log_high = torch.special.log_ndtr(high)
    gap = torch.special.log_ndtr(low) - log_high
    terms = log_high + torch.log(-torch.expm1(gap).clamp_max(-torch.finfo(x.dtype).tiny))
    return terms.flatten(1).sum(1)
