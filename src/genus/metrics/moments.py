"""Mean and covariance in float64, built up batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.core.errors import DataError

Array = NDArray[np.float64]


def as_rows(x: ArrayLike) -> Array:
    """Return finite float64 rows ``(n, d)``; one-dimensional input becomes ``(n, 1)``.

    Raises:
        DataError: when there is no row, or a value is not finite.
    """
    rows = np.asarray(x, dtype=np.float64)
    if not len(rows):
        raise DataError("a distance needs at least one example in each set; one of the sets is empty")
    rows = rows.reshape(len(rows), -1)
    bad = int((~np.isfinite(rows)).any(1).sum())
    if bad:
        raise DataError(f"{bad} of {len(rows)} examples have NaN or infinite features; check the samples")
    return rows


def as_row_pair(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Return both sets as finite float64 rows of one width.

    Raises:
        DataError: as :func:`as_rows`, and for sets of different width.
    """
    first, second = as_rows(x), as_rows(y)
    require_same_width(first.shape[1], second.shape[1])
    return first, second


def require_same_width(d: int, e: int) -> None:
    """Refuse two sets of different width.

    Raises:
        DataError: with both widths.
    """
    if d != e:
        raise DataError(f"the two sets have {d} and {e} features; use one feature map")


@dataclass(frozen=True)
class Moments:
    """Number, mean and scatter of some vectors; ``+`` merges two of them exactly.

    Deviations are taken from each batch's own mean and merged in float64, because a sum of
    squares in float32 loses every digit when the mean is large.

    Args:
        n: number of vectors.
        mean: ``(d,)``.
        scatter: sum of outer products of the deviations from the mean, ``(d, d)``.
    """

    n: int
    mean: Array
    scatter: Array

    @classmethod
    def of(cls, x: ArrayLike) -> Moments:
        """Moments of the rows of ``x``, shape ``(n, d)``."""
        rows = as_rows(x)
        shifted = rows - rows[0]  # exact zeros for constant features, whatever their size
        offset = shifted.mean(0)
        deviations = shifted - offset
        return cls(len(rows), rows[0] + offset, deviations.T @ deviations)

    @classmethod
    def merged(cls, parts: Iterable[Moments]) -> Moments:
        """Moments of the union of at least one part."""
        return reduce(Moments.__add__, parts)

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        gap = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(gap, gap) * (self.n * other.n / n)
        return Moments(n, self.mean + gap * (other.n / n), scatter)

    @property
    def size(self) -> int:
        """Number of dimensions d."""
        return len(self.mean)

    @property
    def covariance(self) -> Array:
        """Unbiased covariance ``(d, d)``; zero for a single vector."""
        return self.scatter / max(self.n - 1, 1)
