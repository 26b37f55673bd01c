"""Squared distances between two sets of vectors: screened in float32, decided in float64.

Comparing all pairs is a matrix product, which float32 does at twice the speed of float64 in half
the memory; its rounding is bounded, so that the few pairs it cannot decide are found and taken
again, difference by difference, in float64. Results are those of float64 throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genus.core.errors import DataError

CHUNK = 512
"""Rows of a chunk of the distance matrix; memory grows with it, results do not depend on it."""

Rows = NDArray[np.float32] | NDArray[np.float64]
_ELEMENTS = 500_000
_EQUAL = 1e-13
_HALF_ULP = 2.0**-24
_LARGE = 1e15  # beyond, float32 squares might overflow


def finite_rows(x: ArrayLike) -> Rows:
    """Return finite rows ``(n, d)``, float32 ones uncopied and everything else as float64.

    Raises:
        DataError: when there is no row, or a value is not finite.
    """
    rows = np.asarray(x)
    if rows.dtype != np.float32 or np.abs(rows).max(initial=0) > _LARGE:
        rows = rows.astype(np.float64, copy=False)
    if not len(rows):
        raise DataError("a distance needs at least one example in each set; one of the sets is empty")
    rows = rows.reshape(len(rows), -1)
    parts = _pieces(len(rows), rows.shape[1])
    bad = sum(int((~np.isfinite(rows[part]).all(1)).sum()) for part in parts)
    if bad:
        raise DataError(f"{bad} of {len(rows)} examples have NaN or infinite features; check the samples")
    return rows


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
        if x.shape[1] != other.shape[1]:
            raise DataError(
                f"the two sets have {other.shape[1]} and {x.shape[1]} features; use one feature map"
            )
        self.x, self.y = x, other
        self._origin = _origin(other)
        largest = max(_largest(part, self._origin) for part in ((x,) if y is None else (x, other)))
        # a power of two, by which float32 divides exactly; no row is longer than 1 in this unit
        longest = largest * math.sqrt(x.shape[1])
        self.unit = 2.0 ** math.ceil(math.log2(longest)) if longest > 0 else 1.0
        self._a, self._norms_a = self._screened(x)
        self._b, self._norms_b = (self._a, self._norms_a) if y is None else self._screened(other)
        # An inner product of d terms is off by at most λ √d half-ulps of the norms' product but with
        # probability 2d exp(−λ²/2) (Higham & Mary 2019), here 1e-10; the norms' product is at most
        # half the sum of their squares. The rest is rounding of the inputs.
        self._relative = (8 * x.shape[1] ** 0.5 + 16) * _HALF_ULP

    def chunks(self, *, upper: bool = False) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Rows of ``x``, their screened distances to all of ``y``, and bounds of the error.

        The distances ``(rows, m)`` are in squares of ``unit``, float32, and may be changed; the
        bound is one number per column ``(m,)``.

        Args:
            upper: only columns from the chunk's first row on, for a set and itself: distances
                are the same both ways.
        """
        for first in range(0, len(self.x), CHUNK):
            rows = slice(first, min(first + CHUNK, len(self.x)))
            columns = slice(first if upper else 0, None)
            a2, b2 = self._norms_a[rows], self._norms_b[columns]
            # NumPy's product: it is faster here, and always in float32, whatever training has chosen
            product = (-2 * self._a[rows]).numpy() @ self._b[columns].numpy().T
            found = torch.from_numpy(product).add_(b2).add_(a2[:, None])
            yield rows, found, (b2 + a2.max()) * self._relative

    def exact(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Squared distances of chosen pairs in float64, in the units of the data."""
        found = np.empty(len(rows))
        for part in _pieces(len(rows), self.x.shape[1]):
            i, j = rows[part], columns[part]
            gap = self.x[i].astype(np.float64) - self.y[j]
            scale = (self._norms_a[i] + self._norms_b[j]).numpy() * self.unit**2
            squares = np.einsum("ij,ij->i", gap, gap)
            found[part] = np.where(squares < _EQUAL * scale, 0.0, squares)
        return found

    def _screened(self, x: Rows) -> tuple[Tensor, Tensor]:
        """Rows from the origin in ``unit``, in float32, each rounded once; their squared norms."""
        screened, norms = torch.empty(x.shape), torch.empty(len(x))
        for part in _pieces(len(x), x.shape[1]):
            gaps = torch.from_numpy(x[part] - self._origin.astype(x.dtype))
            screened[part] = gaps.mul_(1 / self.unit)
            norms[part] = screened[part].square().sum(1)
        return screened, norms


def _origin(x: Rows) -> NDArray[np.float32]:
    """The mean, rounded to float32, so that float32 rows are moved there with a single rounding."""
    total = np.zeros(x.shape[1])
    for part in _pieces(len(x), x.shape[1]):
        total += x[part].sum(0, dtype=np.float64)
    return (total / len(x)).astype(np.float32)


def _largest(x: Rows, origin: NDArray[np.float32]) -> float:
    """Largest element's distance from the origin."""
    parts = _pieces(len(x), x.shape[1])
    return max(float(np.abs(x[part] - origin.astype(x.dtype)).max(initial=0)) for part in parts)


def _pieces(n: int, width: int) -> Iterator[slice]:
    """Slices of ``n`` rows that hold at most about half a million elements each, which stay in the cache."""
    step = max(1, _ELEMENTS // max(1, width))
    for first in range(0, n, step):
        yield slice(first, min(first + step, n))
