"""Annealed importance sampling of normalising constants."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor


def annealed_log_weights(
    start: Tensor,
    log_ratio: Callable[[Tensor, float, float], Tensor],
    transition: Callable[[Tensor, float], Tensor],
    temperatures: int,
) -> Tensor:
    """Log importance weights of chains annealed from a tractable to a target distribution.

    Σ_t log f_{β_t}(v_{t−1}) − log f_{β_{t−1}}(v_{t−1}), with β from 0 to 1 and a transition that
    leaves f_{β_t} invariant in between. exp of the mean weight estimates Z_1 / Z_0 without bias.

    Args:
        start: chains drawn exactly from f_0, ``(chains, …)``.
        log_ratio: ``(v, β, β')`` to log f_β'(v) − log f_β(v), ``(chains,)``.
        transition: ``(v, β)`` to the next states.
        temperatures: number of steps.

    Returns:
        Log weights ``(chains,)``.

    Paper: doi:10.1023/A:1008923215028 (Neal 2001); arXiv:0809.1492 for RBMs.
    """
    betas = torch.linspace(0, 1, temperatures + 1, dtype=torch.float64).tolist()
    state, total = start, torch.zeros(len(start), dtype=start.dtype, device=start.device)
    for before, beta in itertools.pairwise(betas):
        total = total + log_ratio(state, before, beta)
        state = transition(state, beta)
    return total


def log_mean_exp(weights: Tensor) -> Tensor:
    """log of the mean of exp(weights), a scalar."""
    return weights.logsumexp(0) - math.log(len(weights))
