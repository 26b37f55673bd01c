"""Projected Wasserstein distance: plans of random lines, priced in the whole space."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.metrics.distance_score import block_distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.lines import line_plan, random_directions, same_width_pair
from genus.metrics.score import Score

PROJECTIONS = 128


def projected_wasserstein(
    x: ArrayLike, y: ArrayLike, *, order: int = 2, projections: int = PROJECTIONS, seed: int = 0
) -> float:
    r"""Cost, in the whole space, of the plans that are optimal along random lines.

    .. math:: PW_p = \Big(\mathbb E_\theta \sum_{ij} \gamma^\theta_{ij} \|x_i-y_j\|^p\Big)^{1/p}

    Every such plan is a plan, so it is at least the exact distance; the sliced distance counts
    only what is moved along the line and is at most the exact one.

    Args:
        x: ``(n, d)``.
        y: ``(m, d)``.
        order: p ≥ 1.
        projections: number of lines.
        seed: of the directions.

    Raises:
        DataError: for an empty set, sets of different width, or p < 1.

    Paper: arXiv:1903.03784.
    """
    first, second = same_width_pair(x, y, order)
    i, j, weights = line_plan(len(first), len(second))
    total = 0.0
    for theta in random_directions(first.shape[1], projections, seed):
        a, b = np.argsort(first @ theta, kind="stable"), np.argsort(second @ theta, kind="stable")
        gaps = np.linalg.norm(first[a[i]] - second[b[j]], axis=1)
        total += float(weights @ gaps**order)
    return (total / projections) ** (1 / order)


@metric("projected-wasserstein", paper="arXiv:1903.03784")
@needs(Samples, features=True)
def projected_scores(evidence: Evidence) -> list[Score]:
    """Projected 2-Wasserstein distance between blocks of samples and of training examples."""
    return [
        block_distance_score(
            evidence,
            "projected-wasserstein",
            partial(projected_wasserstein, seed=evidence.protocol.seed),
            f"order 2, {PROJECTIONS} random lines",
        )
    ]
