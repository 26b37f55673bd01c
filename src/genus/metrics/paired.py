"""The difference of two scores measured on the same examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from genus.metrics.intervals import LEVEL, jackknife_variance
from genus.metrics.score import Score


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One score minus another.

    Args:
        value: of the difference.
        low: lower end of its 95 % interval.
        high: upper end.
        p: two-sided p-value of no difference, for these two trained models.
        paired: whether errors from shared examples were taken out.
    """

    value: float
    low: float
    high: float
    p: float
    paired: bool

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def difference(a: Score, b: Score) -> Difference:
    r"""Compare two scores under one protocol.

    Errors that both scores share, because the reference or the test examples are the same, do not
    count twice: with groups of those examples left out,

    .. math:: \mathrm{Var}(a - b) = \frac{g-1}{g} \sum_j (d_j - \bar d)^2 + s_a^2 + s_b^2, \quad
        d_j = a_{(j)} - b_{(j)}

    and s² the variance from each model's own samples; Student's t with g − 1 degrees of freedom.
    Without such groups the two intervals are taken as independent.

    Args:
        a: one score.
        b: the other, of the same quantity.
    """
    gap = 0.0 if a.value == b.value else a.value - b.value  # both may be infinite
    if a.shared and b.shared and len(a.shared) == len(b.shared) > 1:
        variance = jackknife_variance(np.subtract(a.shared, b.shared)) + a.own + b.own
        freedom, paired = len(a.shared) - 1.0, True
    else:
        variance = _variance(a, towards=b.value) + _variance(b, towards=a.value)
        freedom, paired = math.inf, False
    if not math.isfinite(variance):
        return Difference(value=gap, low=-math.inf, high=math.inf, p=1.0, paired=paired)
    if variance == 0:
        return Difference(value=gap, low=gap, high=gap, p=float(gap == 0), paired=paired)
    law, error = stats.t(freedom), math.sqrt(variance)
    half = float(law.ppf(0.5 + LEVEL / 2)) * error
    p = float(2 * law.sf(abs(gap) / error))
    return Difference(value=gap, low=gap - half, high=gap + half, p=p, paired=paired)


def _variance(score: Score, *, towards: float) -> float:
    """Variance that the side of a 95 % interval towards another value stands for."""
    half = score.high - score.value if towards > score.value else score.value - score.low
    return (half / float(stats.norm.ppf(0.5 + LEVEL / 2))) ** 2
