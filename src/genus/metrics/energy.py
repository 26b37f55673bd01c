"""Squared generalised energy distance between two sets of vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.blocks import many_blocks
from genus.metrics.distance_score import unbiased_distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.moments import Array, as_row_pair
from genus.metrics.score import Score


def energy_distance(x: ArrayLike, y: ArrayLike, *, exponent: float = 1.0) -> float:
    r"""Unbiased squared generalised energy distance.

    .. math:: 2\,E\,\|X - Y\|^\alpha - E\,\|X - X'\|^\alpha - E\,\|Y - Y'\|^\alpha

    0 in the mean for equal distributions, and for no others where 0 < α < 2; about half of such
    values are negative. Time and memory grow with the product of the sizes: take blocks of large sets.

    Args:
        x: features ``(n, d)``, n ≥ 2.
        y: features ``(m, d)``, m ≥ 2.
        exponent: α in (0, 2); 1 is the usual distance.

    Returns:
        A number in feature units to the power α. SciPy's one-dimensional ``energy_distance`` is its
        root, without the correction of the bias.

    Raises:
        DataError: for fewer than two examples, sets of different width, or another exponent.

    Paper: Székely & Rizzo, doi:10.1016/j.jspi.2013.03.018.

    >>> energy_distance([[0.0], [2.0]], [[1.0], [1.0]])
    0.0
    """
    first, second = as_row_pair(x, y)
    if min(len(first), len(second)) < 2:
        raise DataError("an energy distance needs at least 2 examples in each set")
    if not 0 < exponent < 2:
        raise DataError(f"exponent {exponent}: choose one between 0 and 2, both excluded")
    pairs = ((first, second), (first, first), (second, second))
    return energy_of_dissimilarities(*(_powers(a, b, exponent) for a, b in pairs))


def _powers(x: Array, y: Array, exponent: float) -> Array:
    """Distances of each x to each y to a power, ``(n, m)``."""
    return np.asarray(cdist(x, y) ** exponent, dtype=np.float64)


def energy_of_dissimilarities(
    across: Array, alone_x: Array, alone_y: Array, *, unbiased: bool = True
) -> float:
    """Energy distance from the dissimilarities of all pairs.

    Args:
        across: of each x to each y, ``(n, m)``.
        alone_x: of each x to each x, ``(n, n)``, 0 on the diagonal.
        alone_y: of each y to each y, ``(m, m)``.
        unbiased: leave out the dissimilarity of each example to itself.
    """
    within = [part.sum() / (len(part) * (len(part) - unbiased)) for part in (alone_x, alone_y)]
    return float(2 * across.mean() - sum(within))


def energy_distance_blocks(x: ArrayLike, y: ArrayLike, *, exponent: float = 1.0) -> Array:
    """Energy distances of :func:`many_blocks`: independent, unbiased values ``(blocks,)``.

    Their mean is the estimate and their spread its error.

    Raises:
        DataError: for fewer than four examples, and as :func:`energy_distance`.
    """
    return np.array([energy_distance(a, b, exponent=exponent) for a, b in many_blocks(x, y)])


@metric("energy-distance", paper="doi:10.1016/j.jspi.2013.03.018")
@needs(Samples, features=True)
def energy_scores(evidence: Evidence) -> list[Score]:
    """Squared energy distance of samples to training examples."""
    note = "squared, exponent 1, feature units"
    return [unbiased_distance_score(evidence, "energy-distance", energy_distance_blocks, note)]
