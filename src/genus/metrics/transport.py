"""Exact Wasserstein distance of empirical distributions."""

from __future__ import annotations

from functools import partial

from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.distance_score import block_distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.moments import as_rows
from genus.metrics.score import Score


def wasserstein_distance(x: ArrayLike, y: ArrayLike, *, order: int = 1) -> float:
    r"""Exact p-Wasserstein distance between two equally large sets, by optimal assignment.

    .. math:: W_p = \Big(\min_{\pi} \frac1n\sum_i \|x_i - y_{\pi(i)}\|^p\Big)^{1/p}

    Between equally many equally heavy points some optimal plan is a permutation. In d > 2
    dimensions the distance of two samples of one distribution falls only as n^(−1/d), so it is
    mostly bias there. Takes time as n³ and memory as n².

    Args:
        x: ``(n, d)``.
        y: ``(n, d)``.
        order: p ≥ 1.

    Raises:
        DataError: for sets of different shape, an empty one, or p < 1.

    >>> wasserstein_distance([[0.0], [1.0]], [[3.0], [5.0]])
    3.5
    """
    first, second = as_rows(x), as_rows(y)
    if first.shape != second.shape or order < 1:
        raise DataError(
            f"an exact Wasserstein distance needs two sets of one shape and an order ≥ 1; got {first.shape} "
            f"and {second.shape}, order {order}: take equally many of each"
        )
    costs = cdist(first, second) ** order
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].mean() ** (1 / order))


@metric("wasserstein")
@needs(Samples, features=True)
def wasserstein_scores(evidence: Evidence) -> list[Score]:
    """Exact 1- and 2-Wasserstein distances between blocks of samples and of training examples."""
    return [
        block_distance_score(
            evidence, f"wasserstein-{order}", partial(wasserstein_distance, order=order), "exact"
        )
        for order in (1, 2)
    ]
