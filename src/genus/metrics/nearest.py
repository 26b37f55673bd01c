"""Nearest neighbours, exact, in memory that does not grow with the product of the set sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.core.errors import DataError
from genus.metrics.distances import Distances, Screened, finite_rows, places

_SPARE = 4


def nearest_neighbours(
    x: ArrayLike, among: ArrayLike | None = None, *, k: int = 1
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The k nearest rows of a set to each row of another, by Euclidean distance, nearest first.

    Cost grows with the product of the sizes; memory with their sum. Candidates are found in
    float32 and decided in float64, so the answer is float64's; of equally near rows any may come
    first.

    Args:
        x: ``(n, d)``.
        among: where to look, ``(m, d)``; None looks among the other rows of ``x``.
        k: neighbours wanted, at most ``m`` (``n`` − 1 among ``x`` itself).

    Returns:
        Row numbers in ``among`` and distances, both ``(n, k)``.

    Raises:
        DataError: for an empty set, values that are not finite, sets of different width, or
            fewer than ``k`` rows to look among.

    >>> numbers, distances = nearest_neighbours([[0.0], [5.0]], [[1.0], [7.0], [4.0]], k=2)
    >>> numbers.tolist(), distances.tolist()
    ([[0, 2], [2, 1]], [[1.0, 4.0], [1.0, 2.0]])
    """
    rows = finite_rows(x)
    distances = Distances(rows, None if among is None else finite_rows(among))
    available = len(distances.y) - (among is None)
    if not 1 <= k <= available:
        raise DataError(
            f"{k} nearest neighbours were requested and {available} examples are there to be found"
        )
    numbers, squares = smallest(distances, k, alone=among is None)
    return numbers, np.sqrt(squares)


def smallest(distances: Distances, k: int, *, alone: bool) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Columns and squared distances of the k smallest of each row, in order ``(n, k)``.

    Args:
        distances: of two sets.
        k: how many, at most the number of columns.
        alone: whether both sets are one, and no row is its own neighbour.
    """
    numbers = np.empty((len(distances.x), k), dtype=np.intp)
    squares = np.empty((len(distances.x), k))
    for own, values, columns, error in _candidates(distances, k, alone=alone):
        numbers[own], squares[own] = _in_order(distances, own, columns[:, :k])
        if values.shape[1] == len(distances.y) - alone:  # every column is a candidate
            numbers[own], squares[own] = (v[:, :k] for v in _in_order(distances, own, columns))
            continue
        unsure = (values[:, k] <= values[:, k - 1] + error) & (squares[own, -1] > 0)
        _decide(distances, own[unsure], values[unsure], columns[unsure], error, alone, numbers, squares)
    return numbers, squares


def kth_smallest(distances: Distances, k: int, *, alone: bool) -> NDArray[np.float64]:
    """Only the k-th of :func:`smallest`'s squared distances ``(n,)``, for less work."""
    numbers = np.empty((len(distances.x), k), dtype=np.intp)
    squares = np.empty((len(distances.x), k))
    for own, values, columns, error in _candidates(distances, k, alone=alone):
        squares[own, -1] = distances.exact(own, columns[:, k - 1])
        gaps = np.abs(np.delete(values, k - 1, 1) - values[:, k - 1 : k])
        unsure = (gaps <= error).any(1)
        _decide(distances, own[unsure], values[unsure], columns[unsure], error, alone, numbers, squares)
    return squares[:, -1]


def _candidates(
    distances: Distances, k: int, *, alone: bool
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.intp], float]]:
    """Row numbers, screened distances of their nearest few, whose columns, and twice the error."""
    wanted = min(k + _SPARE, len(distances.y) - alone)
    if alone:
        yield _own_candidates(distances, wanted)
        return
    for rows, _, screened, bound in distances.chunks():
        best = _Best(len(screened), wanted)
        best.offer(slice(None), screened, 0)
        yield np.arange(rows.start, rows.stop), best.values, best.columns, 2 * float(bound.max())


def _own_candidates(
    distances: Distances, wanted: int
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.intp], float]:
    """Candidates of all rows among the other rows; each distance is made once and used both ways."""
    n, error = len(distances.x), 0.0
    best = _Best(n, wanted)
    for rows, columns, screened, bound in distances.chunks(once=True):
        if rows == columns:
            np.fill_diagonal(screened, np.inf)
        else:
            best.offer(columns, screened.T, rows.start)
        best.offer(rows, screened, columns.start)
        error = max(error, 2 * float(bound.max()))
    return np.arange(n), best.values, best.columns, error


class _Best:
    """The nearest few of each row among the columns offered so far, nearest first."""

    def __init__(self, n: int, wanted: int) -> None:
        self.values = np.full((n, wanted), np.inf, dtype=np.float32)
        self.columns = np.zeros((n, wanted), dtype=np.intp)

    def offer(self, rows: slice, block: Screened, first: int) -> None:
        """Take what is near enough from distances of these rows to the columns from ``first`` on."""
        values, columns = self.values[rows], self.columns[rows]
        wanted = values.shape[1]
        limit = values[:, -1]
        if np.isinf(limit).any():  # at first; later few come this near
            limit = np.minimum(limit, _limit(block, wanted))
        i, j = places(block <= limit[:, None])
        if not len(i):
            return
        near = block[i, j]
        order = np.lexsort((near, i))  # by row, then by distance
        i, j, near = i[order], j[order], near[order]
        some, start, row = np.unique(i, return_index=True, return_inverse=True)
        rank = np.arange(len(i)) - start[row]
        few = rank < wanted
        offered = np.full((len(some), wanted), np.inf, dtype=np.float32)
        numbers = np.zeros((len(some), wanted), dtype=np.intp)
        offered[row[few], rank[few]] = near[few]
        numbers[row[few], rank[few]] = j[few] + first
        both = np.concatenate([values[some], offered], 1)
        order = np.argsort(both, axis=1, kind="stable")[:, :wanted]
        values[some] = np.take_along_axis(both, order, 1)
        columns[some] = np.take_along_axis(np.concatenate([columns[some], numbers], 1), order, 1)


def _limit(block: Screened, wanted: int) -> Screened:
    """A bound of the ``wanted``-th smallest of each row: that of the minima of groups of columns."""
    n, width = block.shape
    groups = min(16 * wanted, width)
    if groups < wanted:
        return np.full(n, np.inf, dtype=np.float32)
    size = width // groups
    minima = block[:, : groups * size].reshape(n, size, groups).min(1)
    return np.partition(minima, wanted - 1, axis=1)[:, wanted - 1]


def _decide(
    distances: Distances,
    own: NDArray[np.intp],
    values: NDArray[np.float32],
    columns: NDArray[np.intp],
    error: float,
    alone: bool,
    numbers: NDArray[np.intp],
    squares: NDArray[np.float64],
) -> None:
    """Take all candidates of these rows in float64, and all columns where even that leaves doubt."""
    if not len(own):
        return
    k = numbers.shape[1]
    found, exact = _in_order(distances, own, columns)
    numbers[own], squares[own] = found[:, :k], exact[:, :k]
    if values.shape[1] == len(distances.y) - alone:
        return
    # what was not a candidate is no nearer than the last one, but for rounding
    nearest_left = (values[:, -1] - error / 2) * distances.unit**2
    for row in own[(exact[:, k - 1] > nearest_left) & (exact[:, k - 1] > 0)]:
        others = np.delete(np.arange(len(distances.y)), [row] if alone else [])
        found, exact = _in_order(distances, np.array([row]), others[None])
        numbers[row], squares[row] = found[0, :k], exact[0, :k]


def _in_order(
    distances: Distances, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Columns ``(rows, c)`` by rising distance, and their squared distances."""
    exact = distances.exact(np.repeat(rows, columns.shape[1]), columns.ravel()).reshape(columns.shape)
    order = np.argsort(exact, axis=1, kind="stable")
    return np.take_along_axis(columns, order, 1), np.take_along_axis(exact, order, 1)
