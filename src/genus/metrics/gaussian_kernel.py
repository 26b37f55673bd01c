"""Squared maximum mean discrepancy with the Gaussian (RBF) kernel."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.blocks import many_blocks
from genus.metrics.distance_score import unbiased_distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.moments import Array, as_row_pair, as_rows
from genus.metrics.score import Score

PAIRED = 1000
_CHUNK = 512


def median_bandwidth(x: ArrayLike) -> float:
    """Median distance between two of the first thousand rows: the usual choice of a bandwidth.

    Args:
        x: features ``(n, d)`` in random order, n ≥ 2.

    Raises:
        DataError: when at least half of the pairs are equal, or there is no pair.

    Paper: Gretton et al., A kernel two-sample test, JMLR 13 (2012).
    """
    rows = as_rows(x)[:PAIRED]
    if len(rows) < 2:
        raise DataError("a bandwidth needs at least 2 examples")
    found = float(np.median(pdist(rows)))
    if found <= 0:
        raise DataError("the median distance is 0: half of the pairs are equal, so no bandwidth fits")
    return found


def rbf_distance(x: ArrayLike, y: ArrayLike, *, bandwidth: float) -> float:
    r"""Unbiased squared maximum mean discrepancy with the Gaussian kernel.

    .. math:: \frac{\sum_{i\ne j} k(x_i,x_j)}{n(n-1)} + \frac{\sum_{i\ne j} k(y_i,y_j)}{m(m-1)}
        - \frac{2}{nm}\sum_{i,j} k(x_i,y_j), \qquad k(a,b) = e^{-\|a-b\|^2/(2\sigma^2)}

    Kernels are summed in chunks: time grows with the product of the sizes, memory does not.

    Args:
        x: features ``(n, d)``, n ≥ 2.
        y: features ``(m, d)``, m ≥ 2.
        bandwidth: σ > 0 in feature units; see :func:`median_bandwidth`.

    Raises:
        DataError: for fewer than two examples, sets of different width, or a σ that is not positive.

    Paper: Gretton et al., A kernel two-sample test, JMLR 13 (2012).
    """
    first, second = as_row_pair(x, y)
    n, m = len(first), len(second)
    if min(n, m) < 2:
        raise DataError("the kernel distance needs at least 2 examples in each set")
    if not bandwidth > 0:
        raise DataError(f"the bandwidth must be positive; got {bandwidth}")
    centre = second.mean(0)
    a, b = (first - centre) / bandwidth, (second - centre) / bandwidth
    alone_a = (_sum_of_kernels(a, a) - n) / (n * (n - 1))
    alone_b = (_sum_of_kernels(b, b) - m) / (m * (m - 1))
    return alone_a + alone_b - 2 * _sum_of_kernels(a, b) / (n * m)


def rbf_distance_blocks(x: ArrayLike, y: ArrayLike, *, bandwidth: float) -> Array:
    """Distances of :func:`many_blocks`: independent, unbiased values ``(blocks,)``.

    Their mean is the estimate and their spread its error.

    Raises:
        DataError: for fewer than four examples.
    """
    return np.array([rbf_distance(a, b, bandwidth=bandwidth) for a, b in many_blocks(x, y)])


def _sum_of_kernels(x: Array, y: Array) -> float:
    """Sum over all pairs for σ = 1; a pair of a row with itself counts exactly 1."""
    total = 0.0
    squares = (y**2).sum(1)
    for first in range(0, len(x), _CHUNK):
        part = x[first : first + _CHUNK]
        gaps = (part**2).sum(1)[:, None] + squares - 2 * part @ y.T
        if x is y:
            np.fill_diagonal(gaps[:, first:], 0.0)
        total += float(np.exp(-0.5 * gaps.clip(0)).sum())
    return total


@metric("mmd-rbf")
@needs(Samples, features=True)
def rbf_scores(evidence: Evidence) -> list[Score]:
    """Squared maximum mean discrepancy with a Gaussian kernel, of samples to training examples."""
    bandwidth = median_bandwidth(evidence.real.reference.features)
    return [
        unbiased_distance_score(
            evidence,
            "mmd-rbf",
            partial(rbf_distance_blocks, bandwidth=bandwidth),
            f"σ = {bandwidth:.4g}, median distance of reference pairs",
        )
    ]
