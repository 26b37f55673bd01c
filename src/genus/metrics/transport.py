"""Exact Wasserstein distance of empirical distributions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from genus.core.errors import DataError
from genus.core.model import Samples
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import mean_interval
from genus.metrics.moments import Array, as_rows
from genus.metrics.score import Score, join_notes, where_defined

BLOCK = 500
_BLOCKS = 4


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


def small_blocks(x: ArrayLike, y: ArrayLike) -> list[tuple[Array, Array]]:
    """Part the first examples of two sets into 2 to 4 pairs of equal blocks of at most 500.

    For distances whose cost or bias depends on the number of examples: what two blocks are
    apart is what two samples of that size are apart, bias included.

    Args:
        x: ``(n, d)`` in random order, n ≥ 4.
        y: ``(m, d)`` in random order, m ≥ 4.

    Raises:
        DataError: for fewer than four examples.
    """
    first, second = as_rows(x), as_rows(y)
    n = min(len(first), len(second))
    if n < 4:
        raise DataError("an interval over blocks needs at least 4 examples in each set")
    size = min(BLOCK, n // 2)
    starts = range(0, size * min(_BLOCKS, n // size), size)
    return [(first[i : i + size], second[i : i + size]) for i in starts]


def block_note(blocks: list[tuple[Array, Array]]) -> str:
    """How the blocks make the number what it is."""
    size = len(blocks[0][0])
    return (
        f"mean of {len(blocks)} disjoint blocks of {size}; two samples of that size are never 0 apart: "
        "compare with the floor, real blocks of the same size"
    )


def means_over_blocks(
    evidence: Evidence, size: int, distance: Callable[[Array, Array], float]
) -> tuple[float | None, float | None]:
    """Floor and baseline of a distance between blocks; None where blocks of that size cannot be made."""
    pairs = (evidence.floor_sets, (evidence.mixture, evidence.reference))
    found = [where_defined(small_blocks, first.features, second.features) for first, second in pairs]
    floor, baseline = (
        float(np.mean([distance(a, b) for a, b in blocks])) if blocks and len(blocks[0][0]) == size else None
        for blocks in found
    )
    return floor, baseline


@metric("wasserstein")
@needs(Samples, features=True)
def wasserstein_scores(evidence: Evidence) -> list[Score]:
    """Exact 1- and 2-Wasserstein distances between blocks of samples and of training examples."""
    blocks = small_blocks(evidence.generated.features, evidence.reference.features)
    scores: list[Score] = []
    for order in (1, 2):
        values = np.array([wasserstein_distance(a, b, order=order) for a, b in blocks])
        low, high = mean_interval(values)
        floor, baseline = means_over_blocks(
            evidence, len(blocks[0][0]), partial(wasserstein_distance, order=order)
        )
        scores.append(
            Score(
                name=f"wasserstein-{order}",
                value=float(values.mean()),
                low=max(low, 0.0),
                high=high,
                n=sum(len(a) for a, _ in blocks),
                floor=floor,
                baseline=baseline,
                better="lower",
                note=join_notes(
                    f"features: {evidence.protocol.features}",
                    f"exact; {block_note(blocks)}",
                ),
            )
        )
    return scores
