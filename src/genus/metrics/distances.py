"""Squared distances between two sets of vectors: screened in float32, decided in float64.

Comparing all pairs is a matrix product, which float32 does at twice the speed of float64 in half
the memory; its rounding is bounded, so that the few pairs it cannot decide are found and taken
again, difference by difference, in float64. Results are those of float64 throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.core.errors import DataError
from genus.metrics.moments import require_same_width

CHUNK = 12_500_000
"""Largest number of distances in a chunk; memory grows with it, results do not depend on it."""

Rows = NDArray[np.float32] | NDArray[np.float64]
Screened = NDArray[np.float32]
_ELEMENTS = 500_000
_SQUARE = 512
_EQUAL = 1e-13
_HALF_ULP = 2.0**-24
_LARGE = 1e15  # beyond, float32 squares might overflow


def finite_rows(x: ArrayLike) -> Rows:
    """Return finite rows ``(n, d)``, float32 ones uncopied and everything else as float64.

    Raises:
        DataError: when there is no row, or a value is not finite.
    """
    rows = np.asarray(x)
    if not len(rows):
        raise DataError("a distance needs at least one example in each set; one of the sets is empty")
    rows = rows.reshape(len(rows), -1)
    if rows.dtype != np.float32:
        rows = rows.astype(np.float64, copy=False)
    largest = _largest(rows)
    if not np.isfinite(largest):
        bad = int((~np.isfinite(rows).all(1)).sum())
        raise DataError(f"{bad} of {len(rows)} examples have NaN or infinite features; check the samples")
    return rows.astype(np.float64) if rows.dtype == np.float32 and largest > _LARGE else rows


class Distances:
    """All squared distances between the rows of two sets, a chunk at a time.

    Two rows are the same where float32 could not tell them apart: squared distances below 1e-13
    of the squared norms (from the common mean) are 0, because features of one image differ by
    that much from batch to batch.

    Args:
        x: ``(n, d)``, see :func:`finite_rows`.
        y: ``(m, d)``; None compares ``x`` with itself.

    Raises:
        DataError: when the widths differ.
    """

    def __init__(self, x: Rows, y: Rows | None = None) -> None:
        other = x if y is None else y
        require_same_width(other.shape[1], x.shape[1])
        self.x, self.y = x, other
        self._origin = other.mean(0).astype(np.float32)  # any vector near the mean will do
        largest = max(_largest(x), _largest(other)) + _largest(self._origin)
        # a power of two, by which float32 divides exactly; no row is longer than 1 in this unit
        longest = largest * math.sqrt(x.shape[1])
        self.unit = 2.0 ** math.ceil(math.log2(longest)) if longest > 0 else 1.0
        self._a, self._norms_a = self._screened(x)
        self._b, self._norms_b = (self._a, self._norms_a) if y is None else self._screened(other)
        # An inner product of d terms is off by at most λ √d half-ulps of the norms' product but with
        # probability 2d exp(−λ²/2) (Higham & Mary 2019), here 1e-10; the norms' product is at most
        # half the sum of their squares. The rest is rounding of the inputs.
        self._relative = (8 * x.shape[1] ** 0.5 + 16) * _HALF_ULP

    def chunks(self, *, once: bool = False) -> Iterator[tuple[slice, slice, Screened, Screened]]:
        """Some rows of ``x``, some of ``y``, their screened distances, and bounds of the error.

        The distances ``(rows, columns)`` are in squares of ``unit``, float32; they may be changed,
        and are overwritten by the next chunk's. The bound is one number per column ``(columns,)``.

        Args:
            once: each pair of a set and itself only once, because distances are the same both
                ways, but for chunks with the same rows and columns; else each chunk has all columns.
        """
        n, m = len(self.x), len(self.y)
        memory = np.empty(min(n * m, max(CHUNK, m, _SQUARE**2)), np.float32)  # fresh pages take time
        for rows, columns in _pairs(0, n) if once else _rectangles(slice(0, n), slice(0, m)):
            a2, b2 = self._norms_a[rows], self._norms_b[columns]
            found = memory[: len(a2) * len(b2)].reshape(len(a2), len(b2))
            np.matmul(-2 * self._a[rows], self._b[columns].T, out=found)
            found += b2
            found += a2[:, None]
            yield rows, columns, found, (b2 + a2.max()) * self._relative

    def exact(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Squared distances of chosen pairs in float64, in the units of the data."""
        found = np.empty(len(rows))
        for part in _pieces(len(rows), self.x.shape[1]):
            i, j = rows[part], columns[part]
            gap = self.x[i].astype(np.float64) - self.y[j]
            gap *= 1 / self.unit  # scaled first, for neither squares nor norms fit float32 in data units
            squares = np.einsum("ij,ij->i", gap, gap)
            same = squares < _EQUAL * (self._norms_a[i] + self._norms_b[j])
            found[part] = np.where(same, 0.0, squares * self.unit**2)
        return found

    def _screened(self, x: Rows) -> tuple[Screened, Screened]:
        """Rows from the origin in ``unit``, in float32, each rounded once; their squared norms."""
        screened, norms = np.empty(x.shape, np.float32), np.empty(len(x), np.float32)
        for part in _pieces(len(x), x.shape[1]):
            screened[part] = (x[part] - self._origin.astype(x.dtype)) * x.dtype.type(1 / self.unit)
            norms[part] = np.square(screened[part]).sum(1)
        return screened, norms


def places(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column numbers of the true entries of a matrix; fast where few are, eight at a glance."""
    if not mask.flags.c_contiguous:
        columns, rows = places(np.ascontiguousarray(mask.T))
        return rows, columns
    flat = mask.ravel()
    words = len(flat) // 8
    busy = np.flatnonzero(flat[: 8 * words].view(np.int64))
    perhaps = np.concatenate([(8 * busy[:, None] + np.arange(8)).ravel(), np.arange(8 * words, len(flat))])
    rows, columns = np.divmod(perhaps[flat[perhaps]], mask.shape[1])
    return rows, columns


def _largest(x: Rows) -> float:
    """Largest absolute value, 0 of nothing, NaN where one is."""
    return float(max(x.max(), -x.min())) if x.size else 0.0


def _pairs(first: int, last: int) -> Iterator[tuple[slice, slice]]:
    """Rectangles that hold each pair of different rows once, and small squares along the diagonal."""
    if last - first <= _SQUARE:
        yield slice(first, last), slice(first, last)
        return
    middle = (first + last) // 2
    yield from _rectangles(slice(first, middle), slice(middle, last))
    yield from _pairs(first, middle)
    yield from _pairs(middle, last)


def _rectangles(rows: slice, columns: slice) -> Iterator[tuple[slice, slice]]:
    """As many of the rows at once as a chunk holds, at least one, with all columns."""
    step = max(1, CHUNK // (columns.stop - columns.start))
    return ((part, columns) for part in _steps(rows.start, rows.stop, step))


def _pieces(n: int, width: int) -> Iterator[slice]:
    """Slices of ``n`` rows that hold at most about half a million elements each, which stay in the cache."""
    return _steps(0, n, max(1, _ELEMENTS // max(1, width)))


def _steps(first: int, last: int, step: int) -> Iterator[slice]:
    for start in range(first, last, step):
        yield slice(start, min(start + step, last))
