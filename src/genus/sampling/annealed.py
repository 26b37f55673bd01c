"""Annealed importance sampling of normalising constants."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


def annealed_log_weights(
    start: Tensor,
    log_ratio: Callable[[Tensor, float, float], Tensor],
    transition: Callable[[Tensor, float], Tensor],
    temperatures: int,
    *,
    back: bool = False,
) -> Tensor:
    """Log importance weights of chains annealed from a tractable to a target distribution, or back.

    Σ_t log f_{β_t}(v_{t−1}) − log f_{β_{t−1}}(v_{t−1}), with β from 0 to 1 and a transition that
    leaves f_{β_t} invariant in between. The mean of exp(weights) estimates Z_1 / Z_0 without bias,
    which in logarithms is more often too low than too high. Back, β goes from 1 to 0, and the same
    sum estimates Z_0 / Z_1: its negative is more often too high.

    Args:
        start: chains drawn from f_0, or back from f_1, ``(chains, …)``.
        log_ratio: ``(v, β, β')`` to log f_β'(v) − log f_β(v), ``(chains,)``.
        transition: ``(v, β)`` to the next states.
        temperatures: number of steps.
        back: from the target to the tractable distribution.

    Returns:
        Log weights ``(chains,)``.

    Paper: doi:10.1023/A:1008923215028 (Neal 2001); arXiv:0809.1492 for RBMs.
    """
    ends = (1, 0) if back else (0, 1)
    betas = torch.linspace(*ends, temperatures + 1, dtype=torch.float64).tolist()
    state, total = start, torch.zeros(len(start), dtype=start.dtype, device=start.device)
    for before, beta in itertools.pairwise(betas):
        total = total + log_ratio(state, before, beta)
        state = transition(state, beta)
    return total


def log_mean_exp(weights: Tensor) -> Tensor:
    """log of the mean of exp(weights), a scalar."""
    return weights.logsumexp(0) - math.log(len(weights))


def bennett(forward: Tensor, back: Tensor) -> Tensor:
    """log Z_1 / Z_0 from log weights of annealing in both directions, a scalar.

    The root c of Σ_i σ(w_i − c) = Σ_j σ(c + u_j), for as many weights w of the way there as u of the
    way back: Bennett's acceptance ratio, which has the least variance of all that use both.

    Args:
        forward: w, ``(n,)``.
        back: u, ``(n,)``.

    Paper: doi:10.1016/0021-9991(76)90078-4.

    >>> round(float(bennett(torch.tensor([1.0, 3.0]), torch.tensor([-1.0, -3.0]))), 6)
    2.0
    """
    w, u = forward.double(), back.double()
    low, high = (torch.cat([w, -u]).min(), torch.cat([w, -u]).max())
    for _ in range(100):
        c = (low + high) / 2
        if (w - c).sigmoid().sum() > (c + u).sigmoid().sum():
            low = c
        else:
            high = c
    return ((low + high) / 2).to(forward.dtype)


class LogRatio(NamedTuple):
    """An estimate of log Z_1 / Z_0 with its 95 % interval, scalars."""

    estimate: Tensor
    low: Tensor
    high: Tensor


def joined_log_ratio(forward: Tensor, back: Tensor) -> LogRatio:
    """log Z_1 / Z_0 from annealing in both directions, with sampling error.

    Where the weights of both ways overlap, they are joined by :func:`bennett`, with its asymptotic variance
    (Σ over both ways of Var f / (n E[f]²), f the terms of its equation) and Student's quantile; else the way
    back is taken, as the careful one, with the same variance of its own weights. The interval also reaches to
    the estimate of each way alone: where they differ by more than their error, one of them has missed
    something.

    Args:
        forward: log weights of the way there, ``(n,)``.
        back: log weights of the way back, ``(n,)``.

    Paper: doi:10.1016/0021-9991(76)90078-4, for the variance, too.
    """
    low, high = log_mean_exp(forward), -log_mean_exp(back)
    if forward.max() >= (-back).min():
        estimate = bennett(forward, back)
        terms = ((forward - estimate).sigmoid(), (estimate + back).sigmoid())
    else:
        estimate, terms = high, ((back - back.max()).exp(),)
    variance = torch.stack([_relative_variance(term) for term in terms]).sum()
    half = _student(len(forward)) * variance.sqrt()
    ends = torch.stack([low, high, estimate - half, estimate + half])
    return LogRatio(estimate, ends.min(), ends.max())


def _relative_variance(terms: Tensor) -> Tensor:
    """Variance of a mean over the square of the mean; infinite for a single term."""
    if len(terms) < 2:
        return terms.new_tensor(math.inf)
    return terms.var() / (len(terms) * terms.mean() ** 2)


def _student(n: int) -> float:
    """Student's quantile of a 95 % interval from n values."""
    from scipy.stats import t

    return float(t.ppf(0.975, max(n - 1, 1)))
