"""Confidence intervals; all are two-sided at 95 % unless another level is given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from genus.core.errors import DataError

LEVEL = 0.95


def wilson(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval for a proportion, which stays in [0, 1] and is honest at 0 and at 1.

    Args:
        successes: number of successes, between 0 and ``n``.
        n: number of trials, or what dependent ones amount to.
        level: coverage.

    Raises:
        DataError: when there was no trial.

    >>> low, high = wilson(10, 10)
    >>> round(low, 3), high
    (0.722, 1.0)
    """
    if n <= 0:
        raise DataError("a proportion of no examples is undefined; evaluate with more")
    z = float(stats.norm.ppf(0.5 + level / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(max(0.0, min(centre - half, share))), float(min(1.0, max(centre + half, share)))


def standard_error(values: ArrayLike) -> float:
    """Standard error of the mean of independent values; infinite for a single one."""
    values = np.asarray(values, dtype=np.float64)
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.inf


def mean_interval(values: ArrayLike, level: float = LEVEL) -> tuple[float, float]:
    """Student's interval for the mean of independent values; unbounded for a single or infinite one."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2 or np.isinf(values).any():
        return -math.inf, math.inf
    half = float(stats.t.ppf(0.5 + level / 2, len(values) - 1)) * standard_error(values)
    return float(values.mean()) - half, float(values.mean()) + half


def jackknife_variance(left_out: ArrayLike) -> float:
    """Variance of a statistic from its values with one of g groups left out, ``(g,)``."""
    values = np.asarray(left_out, dtype=np.float64)
    return (len(values) - 1) / len(values) * float(((values - values.mean()) ** 2).sum())


def means_without_each(values: ArrayLike, groups: int = 20) -> list[float]:
    """Means of values ``(n,)`` with one of (at most n) runs of them left out at a time.

    >>> means_without_each([1.0, 2.0, 6.0], groups=3)
    [4.0, 3.5, 1.5]
    """
    values = np.asarray(values, dtype=np.float64)
    runs = np.array_split(values, min(groups, len(values)))
    return [float((values.sum() - run.sum()) / (len(values) - len(run))) for run in runs]


def jackknife(value: float, left_out: Sequence[ArrayLike], level: float = LEVEL) -> tuple[float, float]:
    r"""Interval from a statistic's values with one group of examples left out at a time.

    .. math:: \mathrm{Var} = \sum_s \frac{g_s-1}{g_s} \sum_{j=1}^{g_s} (\theta_{s,j} - \bar\theta_s)^2

    summed over independent sets s of examples. The bootstrap is not used for distances: drawing
    with replacement repeats examples and so moves the very finite-sample bias that is measured,
    up to putting the value outside its own interval; leaving groups out does not.

    Args:
        value: the statistic of all examples; the centre.
        left_out: for each set, the values with each of its groups left out (two or more).
        level: coverage, from Student's t with one degree of freedom less than the smallest
            number of groups.
    """
    groups = [np.asarray(values, dtype=np.float64) for values in left_out]
    fewest = min(len(values) for values in groups)
    if fewest < 2:
        return -math.inf, math.inf
    variance = sum(jackknife_variance(values) for values in groups)
    half = float(stats.t.ppf(0.5 + level / 2, fewest - 1)) * math.sqrt(variance)
    return value - half, value + half
