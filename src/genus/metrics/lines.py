"""Optimal transport on lines: sorting solves it, for any direction and any two sizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.core.errors import DataError
from genus.metrics.intervals import jackknife
from genus.metrics.moments import Array, as_row_pair

GROUPS = 10


def random_directions(d: int, count: int, seed: int) -> Array:
    """Uniformly random unit vectors ``(count, d)``."""
    found = np.random.default_rng(seed).standard_normal((count, d))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def same_width_pair(x: ArrayLike, y: ArrayLike, order: int) -> tuple[Array, Array]:
    """Both sets as finite float64 rows.

    Raises:
        DataError: for an empty set, sets of different width, or an order below 1.
    """
    first, second = as_row_pair(x, y)
    if order < 1:
        raise DataError(f"the order of a Wasserstein distance is at least 1; got {order}")
    return first, second


def line_plan(n: int, m: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """The plan between n and m sorted points: pairs of ranks and the mass that each moves."""
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # in units of 1/(nm), exact
    starts = np.concatenate([[0], ends[:-1]])
    return starts // m, starts // n, (ends - starts) / (n * m)


def powers(x: Array, y: Array, directions: Array, order: int) -> Array:
    """W_p^p along each direction ``(lines,)``."""
    return sorted_powers(np.sort(x @ directions.T, axis=0), np.sort(y @ directions.T, axis=0), order)


def sorted_powers(x: Array, y: Array, order: int) -> Array:
    """The same of sorted columns ``(n, lines)`` and ``(m, lines)``."""
    i, j, weights = line_plan(len(x), len(y))
    gaps = x - y if len(x) == len(y) else x[i] - y[j]
    return weights @ np.abs(gaps) ** order


def lines_interval(x: Array, y: Array, directions: Array, order: int) -> tuple[float, float]:
    """95 % interval of the mean over given lines: delete-a-group jackknife over both sets.

    Ten runs of rows are left out in turn, so the order must be random. Each line is sorted
    once; leaving rows out keeps the order.
    """
    along = x @ directions.T, y @ directions.T
    ordered = [np.argsort(values, axis=0, kind="stable") for values in along]
    whole = [np.take_along_axis(v, o, 0) for v, o in zip(along, ordered, strict=True)]

    def distance(a: Array, b: Array) -> float:
        return float(sorted_powers(a, b, order).mean() ** (1 / order))

    left: list[list[float]] = []
    for side in (0, 1):
        parts = [_without(whole[side], ordered[side], rows) for rows in _groups(len(along[side]))]
        left.append([distance(part, whole[1]) if side == 0 else distance(whole[0], part) for part in parts])
    value = distance(*whole)
    low, high = jackknife(value, left)
    return max(low, 0.0), high


def _groups(n: int) -> list[NDArray[np.intp]]:
    return [rows for rows in np.array_split(np.arange(n), min(GROUPS, n)) if len(rows) < n]


def _without(values: Array, ordered: NDArray[np.intp], rows: NDArray[np.intp]) -> Array:
    """Sorted columns without the values that came from some rows."""
    kept = (ordered < rows[0]) | (ordered > rows[-1])
    return values.T[kept.T].reshape(values.shape[1], -1).T
