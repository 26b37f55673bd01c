"""Fréchet distance without its finite-sample bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.distance_score import distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.frechet import frechet_from_moments, without_each
from genus.metrics.intervals import jackknife
from genus.metrics.moments import Moments, as_rows
from genus.metrics.score import Score


def frechet_limit(x: ArrayLike, reference: Moments, *, seed: int = 0) -> float:
    """Fréchet distance extrapolated to infinitely many examples in ``x``.

    The bias falls as 1/n, so the distances of fractions 1, 1/2, 1/3 and 1/4 of the examples
    (each the mean over disjoint parts) are fitted by a line in 1/n, whose intercept is returned.
    It may be negative. The bias from the reference's own size remains.

    Args:
        x: features ``(n, d)``.
        reference: moments of the other set.
        seed: of the order in which the examples are parted.

    Raises:
        DataError: when a quarter of the examples would not have full rank.

    Paper: arXiv:1911.07023.
    """
    x = as_rows(x)
    if len(x) // 4 <= x.shape[1]:
        raise DataError(
            f"extrapolation needs more than {4 * x.shape[1]} examples of {x.shape[1]} features; got {len(x)}"
        )
    order = np.random.default_rng(seed).permutation(len(x))
    sizes: list[float] = []
    values: list[float] = []
    for parts in (1, 2, 3, 4):
        sets = [Moments.of(x[rows]) for rows in np.array_split(order, parts)]
        sizes.append(float(np.mean([1 / part.n for part in sets])))
        values.append(float(np.mean([frechet_from_moments(part, reference) for part in sets])))
    return float(np.polyfit(sizes, values, 1)[1])


def frechet_limit_interval(x: ArrayLike, reference: Moments, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the limit by the delete-a-group jackknife over ``x`` alone.

    Args:
        x: features ``(n, d)`` in random order.
        reference: moments of the other set, taken as they are.
        seed: of the order in which the examples are parted.

    Raises:
        DataError: as :func:`frechet_limit`.
    """
    parts = [frechet_limit(part, reference, seed=seed) for part in without_each(as_rows(x))]
    return jackknife(frechet_limit(x, reference, seed=seed), [parts])


@metric("frechet-limit", paper="arXiv:1911.07023")
@needs(Samples, features=True)
def frechet_limit_scores(evidence: Evidence) -> list[Score]:
    """Fréchet distance to training examples, extrapolated to infinitely many samples."""
    seed, reference = evidence.protocol.seed, Moments.of(evidence.real.reference.features)
    return [
        distance_score(
            evidence,
            "frechet-limit",
            lambda x, y: frechet_limit(x, Moments.of(y), seed=seed),
            frechet_limit_interval(evidence.generated.features, reference, seed=seed),
            "line in 1/n through four sizes; may be negative",
            "interval over the samples alone",
        )
    ]
