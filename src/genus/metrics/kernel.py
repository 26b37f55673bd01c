"""Kernel distance: squared maximum mean discrepancy with a polynomial kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.blocks import BLOCK, block_pairs
from genus.metrics.distance_score import unbiased_distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.moments import Array, as_row_pair
from genus.metrics.score import Score


def kernel_distance(x: ArrayLike, y: ArrayLike) -> float:
    r"""Unbiased squared maximum mean discrepancy with the cubic kernel.

    .. math:: \frac{\sum_{i\ne j} k(x_i,x_j)}{n(n-1)} + \frac{\sum_{i\ne j} k(y_i,y_j)}{m(m-1)}
        - \frac{2}{nm}\sum_{i,j} k(x_i,y_j), \qquad k(a,b) = (a\cdot b/d + 1)^3

    Its mean is 0 for equal distributions, so that about half of such values are negative; of a
    set against itself it is negative, not 0.

    Args:
        x: features ``(n, d)``, n ≥ 2.
        y: features ``(m, d)``, m ≥ 2.

    Raises:
        DataError: for fewer than two examples, or sets of different width.

    Paper: arXiv:1801.01401.
    """
    x, y = as_row_pair(x, y)
    if min(len(x), len(y)) < 2:
        raise DataError("the kernel distance needs at least 2 examples in each set")
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * float(_kernel(x, y).mean())


def kernel_distance_blocks(x: ArrayLike, y: ArrayLike, *, block: int = BLOCK) -> Array:
    """Kernel distances of disjoint blocks: independent, unbiased values ``(blocks,)``.

    Their mean is the estimate and their spread its error; memory grows with ``block``, not n.

    Args:
        x: features ``(n, d)`` in random order, n ≥ 4.
        y: features ``(m, d)`` in random order, m ≥ 4.
        block: examples per block of the smaller set; at least two blocks are made.

    Raises:
        DataError: for fewer than four examples.
    """
    return np.array([kernel_distance(a, b) for a, b in block_pairs(x, y, block=block)])


def _kernel(x: Array, y: Array) -> Array:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _mean_of_pairs(x: Array) -> float:
    values = _kernel(x, x)
    return float((values.sum() - np.trace(values)) / (len(x) * (len(x) - 1)))


@metric("kid", paper="arXiv:1801.01401")
@needs(Samples, features=True)
def kid_scores(evidence: Evidence) -> list[Score]:
    """Kernel distance (KID on the protocol's features) of samples to training examples."""
    return [unbiased_distance_score(evidence, "kid", kernel_distance_blocks)]
