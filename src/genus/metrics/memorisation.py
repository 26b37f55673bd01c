"""Memorisation: are samples new, or training examples again?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.core.errors import DataError
from genus.metrics.distances import finite_rows
from genus.metrics.moments import Array
from genus.metrics.nearest import nearest_neighbours

FALSE_POSITIVES = 0.005
_FEWEST = 10
_Z = 1.959963984540054


@dataclass(frozen=True)
class Authenticity:
    """Samples that are farther from their training example than that is from its own neighbours.

    Args:
        authentic: one truth value per sample ``(n,)``.
    """

    authentic: NDArray[np.bool_]

    @property
    def value(self) -> float:
        """Share of authentic samples."""
        return float(self.authentic.mean())


def authenticity(generated: ArrayLike, train: ArrayLike) -> Authenticity:
    r"""Share of samples that are not inside the smallest gap around their training example.

    .. math:: a_j = 1\big[\|y_j - x_{i^*}\| > \min_{i \ne i^*}\|x_i - x_{i^*}\|\big],
        \qquad i^* = \arg\min_i \|y_j - x_i\|

    Copies are inside: 0. New examples of the training distribution are authentic to a share
    that depends on the dimension, so read it against held-out examples.

    Args:
        generated: features of samples ``(n, d)``.
        train: features of training examples ``(m, d)``, m ≥ 2.

    Raises:
        DataError: for fewer than two training examples, or sets of different width.

    Paper: arXiv:2102.08921.
    """
    numbers, distances = nearest_neighbours(generated, train)
    gaps = nearest_neighbours(train)[1][:, 0]
    return Authenticity(distances[:, 0] > gaps[numbers[:, 0]])


@dataclass(frozen=True)
class DataCopying:
    """The three-sample test of data copying.

    Args:
        z: standardised; below −2 samples are nearer to training examples than test examples are
            (copying), above 2 farther away (underfitting).
        low: lower end of its 95 % interval.
        high: upper end.
    """

    z: float
    low: float
    high: float


def data_copying(generated: ArrayLike, train: ArrayLike, held_out: ArrayLike) -> DataCopying:
    r"""Are samples nearer to the training examples than held-out examples are?

    .. math:: C_T = \frac{U - nm/2}{\sqrt{nm(n+m+1)/12}},\qquad
        U = \#\{(j, i): d(y_j) > d(h_i)\} + \tfrac12\#\{=\}

    with d the distance to the nearest training example: the Mann-Whitney statistic of the two
    sets of distances, on the whole space as a single cell. Near a standard normal when the model
    is as good as the data; n and m enter, so only values of one protocol compare.

    The interval is analytic (DeLong's): U/nm is a mean over pairs, whose variance is that of
    each example's mean over its partners.

    Args:
        generated: features of samples ``(n, d)``.
        train: features of training examples ``(t, d)``.
        held_out: features of test examples ``(m, d)``.

    Raises:
        DataError: for fewer than two samples or test examples, or sets of different width.

    Paper: arXiv:2004.05675.
    """
    return data_copying_from_distances(
        nearest_neighbours(generated, train)[1][:, 0], nearest_neighbours(held_out, train)[1][:, 0]
    )


def data_copying_from_distances(generated: Array, held_out: Array) -> DataCopying:
    """The same of the distances to the nearest training examples, ``(n,)`` and ``(m,)``."""
    n, m = len(generated), len(held_out)
    if min(n, m) < 2:
        raise DataError("the test of data copying needs at least 2 samples and 2 test examples")
    ordered_g, ordered_h = np.sort(generated), np.sort(held_out)
    wins = _share_below(ordered_h, generated)  # of each sample over the test examples
    losses = 1 - _share_below(ordered_g, held_out)
    share = float(wins.mean())
    scale = math.sqrt(12 * n * m / (n + m + 1))
    half = _Z * math.sqrt(wins.var(ddof=1) / n + losses.var(ddof=1) / m) * scale
    z = (share - 0.5) * scale
    return DataCopying(z, z - half, z + half)


def _share_below(ordered: Array, values: Array) -> Array:
    """Share of ordered numbers below each value, equal ones counted by half."""
    below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return below / (2 * len(ordered))


@dataclass(frozen=True)
class Copies:
    """Samples that are too near to a training example to be new.

    Args:
        ratios: distance to the nearest training example over that one's own gap ``(n,)``.
        numbers: that training example ``(n,)``.
        threshold: ratios up to this are copies.
        found: which samples are copies ``(n,)``.
    """

    ratios: Array
    numbers: NDArray[np.intp]
    threshold: float
    found: NDArray[np.bool_]


def find_copies(
    generated: ArrayLike, train: ArrayLike, held_out: ArrayLike, *, false_positives: float = FALSE_POSITIVES
) -> Copies:
    r"""Find samples that repeat a training example, exactly or nearly.

    .. math:: r(y) = \frac{\|y - x_{i^*}\|}{\min_{i\ne i^*}\|x_i - x_{i^*}\|}
        \le \text{threshold}

    The threshold is the given quantile of the ratios of held-out real examples, which are no
    copies: that share of new samples is accused wrongly. A ratio, because a distance that is
    small among outliers is large in a crowd. A copy displaced by a share s < ½ of the gap has
    ratio s exactly, so every copy displaced by less than the threshold is found.

    Args:
        generated: features of samples ``(n, d)``.
        train: features of training examples ``(m, d)``, m ≥ 2.
        held_out: features of test examples ``(t, d)``; 1/t bounds the rate that can be set.
        false_positives: share of real examples that are taken for copies.

    Raises:
        DataError: for fewer than ten test examples or two different training examples, or sets
            of different width.
    """
    distinct, gaps = training_gaps(train)
    rows = finite_rows(train)[distinct]
    threshold = copy_threshold(_ratios(held_out, rows, gaps)[0], false_positives)
    ratios, numbers = _ratios(generated, rows, gaps)
    return Copies(ratios, distinct[numbers], threshold, ratios <= threshold)


def training_gaps(train: ArrayLike) -> tuple[NDArray[np.intp], Array]:
    """Numbers of the different training examples, and each one's distance to the nearest other.

    Raises:
        DataError: when all are the same.
    """
    rows = finite_rows(train)
    distinct = np.sort(np.unique(rows, axis=0, return_index=True)[1])
    if len(distinct) < 2:
        raise DataError("copies cannot be told from new samples when all training examples are the same")
    return distinct, nearest_neighbours(rows[distinct])[1][:, 0]


def copy_threshold(held_out: Array, false_positives: float = FALSE_POSITIVES) -> float:
    """The ratio that this share of held-out examples does not exceed.

    Where that would be less than one example, half the smallest ratio.

    Args:
        held_out: ratios of held-out examples ``(t,)``.
        false_positives: the share.

    Raises:
        DataError: for fewer than ten.
    """
    if len(held_out) < _FEWEST:
        raise DataError(
            f"finding copies needs at least {_FEWEST} held-out examples to set its threshold by; got "
            f"{len(held_out)}"
        )
    ordered = np.sort(held_out)
    rank = math.floor(false_positives * len(ordered))
    return float(ordered[rank - 1]) if rank else float(ordered[0]) / 2


def _ratios(x: ArrayLike, train: ArrayLike, gaps: Array) -> tuple[Array, NDArray[np.intp]]:
    numbers, distances = nearest_neighbours(x, train)
    return gap_ratios(distances[:, 0], gaps[numbers[:, 0]]), numbers[:, 0]


def gap_ratios(distances: Array, gaps: Array) -> Array:
    """Distances over gaps; 0 where both are 0, and infinite over a gap of 0 otherwise."""
    ratios = np.full(len(distances), np.inf)
    np.divide(distances, gaps, out=ratios, where=gaps > 0)
    ratios[distances == 0] = 0
    return ratios
