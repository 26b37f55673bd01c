"""Disjoint blocks of two sets: independent values of a distance, whose spread is its error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genus.core.errors import DataError
from genus.metrics.moments import Array, as_rows

BLOCK = 500
_FEW = 4
_MANY = 10

Blocks = list[tuple[Array, Array]]
"""Pairs of blocks ``(b, d)``, one of each set."""


def block_pairs(x: ArrayLike, y: ArrayLike, *, block: int = BLOCK) -> Blocks:
    """Part two sets into equally many disjoint blocks, at least two, of ``block`` or more examples.

    Args:
        x: ``(n, d)`` in random order, n ≥ 4.
        y: ``(m, d)`` in random order, m ≥ 4.
        block: examples per block of the smaller set.

    Raises:
        DataError: for fewer than four examples.
    """
    x, y = _enough(x, y)
    count = max(2, min(len(x), len(y)) // block)
    return list(zip(np.array_split(x, count), np.array_split(y, count), strict=True))


def many_blocks(x: ArrayLike, y: ArrayLike) -> Blocks:
    """Part two sets into ten or more disjoint blocks of at most about 500 examples.

    Smaller sets give smaller blocks, for fewer of them would leave the error itself unknown.

    Args:
        x: ``(n, d)`` in random order, n ≥ 4.
        y: ``(m, d)`` in random order, m ≥ 4.

    Raises:
        DataError: for fewer than four examples.
    """
    x, y = _enough(x, y)
    return block_pairs(x, y, block=min(BLOCK, max(2, min(len(x), len(y)) // _MANY)))


def small_blocks(x: ArrayLike, y: ArrayLike, *, block: int = BLOCK) -> Blocks:
    """Part the first examples of two sets into 2 to 4 pairs of equal blocks.

    For distances whose cost or bias depends on the number of examples: what two blocks are
    apart is what two samples of that size are apart, bias included.

    Args:
        x: ``(n, d)`` in random order, n ≥ 4.
        y: ``(m, d)`` in random order, m ≥ 4.
        block: most examples of a block.

    Raises:
        DataError: for fewer than four examples.
    """
    x, y = _enough(x, y)
    n = min(len(x), len(y))
    size = min(block, n // 2)
    starts = range(0, size * min(_FEW, n // size), size)
    return [(x[i : i + size], y[i : i + size]) for i in starts]


def _enough(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    first, second = as_rows(x), as_rows(y)
    if min(len(first), len(second)) < 4:
        raise DataError("an interval over blocks needs at least 4 examples in each set")
    return first, second
