"""Offsets of columns whose numbers are too large for 32 bits: timestamps, identifiers, pressures."""

from __future__ import annotations

import numpy as np

from genus.core.errors import DataError
from genus.data.checks import Array, chunks_of

_ROUNDING = 1e-12
"""Share of a number by which sums in 64 bits may be off; a column that varies less is constant."""
_COARSE = 1e-3
"""Standard deviations by which rounding to 32 bits may move values."""
_NEGLIGIBLE = 1e-6
"""Standard deviations of rounding below which the columns of wide rows are not looked at closely."""
_WIDE = 256
"""Columns from which on rows are wide."""
_LOOK = 10_000
"""Rows whose different values are counted."""
_LOST = 0.01
"""Share of the different values that may become equal."""


def fit_offsets(array: Array) -> Array:
    """What to subtract from each column, in 64 bits, so that its values stay apart in 32 bits.

    A column has an offset, about its median, where rounding would move values by a thousandth of their
    standard deviation, or move whole numbers at all, or make a hundredth of the different values equal.

    Args:
        array: numbers ``(n, width)`` of any type; NaN where one is missing. Read in chunks.

    Returns:
        float64 ``(width,)``, 0 for columns that need none.

    Raises:
        DataError: naming the first column whose values would merge with an offset, too.

    >>> fit_offsets(np.array([[1.7e9, 1], [1.7e9 + 4, 2]])).tolist()
    [1700000002.0, 0.0]
    """
    width = array.shape[1]
    if array.dtype.kind not in "iuf" or array.dtype.itemsize < 4 or array.dtype == np.float32:
        return np.zeros(width)
    spread, whole = _spreads(array)
    needed = _merging(array, np.zeros(width), spread, whole)
    if not needed.any():
        return np.zeros(width)
    with np.errstate(invalid="ignore"):
        middle = np.nanmedian(_some(array)[:, needed].astype(np.float64), axis=0)
    offsets = np.zeros(width)
    offsets[needed] = np.where(whole[needed] | (np.abs(middle) > 1 / _NEGLIGIBLE), np.rint(middle), middle)
    merging = np.flatnonzero(_merging(array, offsets, spread, np.zeros(width, dtype=bool)))
    if len(merging):
        place = int(merging[0])
        raise DataError(
            f"column {place}: its values, of median {offsets[place]:.10g} and standard deviation "
            f"{spread[place]:.3g}, would merge in 32-bit numbers, with any offset; take their logarithms or "
            "ranks, or remove outliers"
        )
    return offsets


def less_offsets(array: Array, offsets: Array) -> Array:
    """Columns less their offsets, subtracted in 64 bits, as float32 ``(n, width)``."""
    parts = [(chunk.astype(np.float64) - offsets).astype(np.float32) for _, chunk in chunks_of(array)]
    return np.concatenate(parts)


def _some(array: Array) -> Array:
    """At most so many rows as are looked at closely, at equal distances."""
    return array[:: -(-len(array) // _LOOK)]


def _spreads(array: Array) -> tuple[Array, Array]:
    """Standard deviation of each column, and whether all its numbers are whole."""
    width = array.shape[1]
    count, total, squares = np.zeros(width), np.zeros(width), np.zeros(width)
    whole = np.ones(width, dtype=bool)
    shift = np.nan_to_num(array[:1].astype(np.float64))
    with np.errstate(over="ignore", invalid="ignore"):
        for _, chunk in chunks_of(array):
            known = ~np.isnan(chunk)
            values = np.where(known, chunk.astype(np.float64) - shift, 0)
            count += known.sum(0)
            total += values.sum(0)
            squares += np.square(values).sum(0)
            whole &= (values == np.rint(values)).all(0)
        mean = total / np.maximum(count, 1)
        spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - np.square(mean), 0))
    whole &= shift[0] == np.rint(shift[0])
    spread[spread <= _ROUNDING * np.abs(shift[0])] = 0
    return spread, whole


def _merging(array: Array, offsets: Array, spread: Array, exact: Array) -> Array:
    """Columns whose values are moved too far, or made equal, by rounding them to 32 bits.

    Args:
        array: see :func:`fit_offsets`.
        offsets: subtracted before.
        spread: standard deviations.
        exact: columns in which nothing may be moved.
    """
    worst = np.zeros(array.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for _, chunk in chunks_of(array):
            wide = chunk.astype(np.float64) - offsets
            worst = np.fmax(worst, np.fmax.reduce(np.abs(wide - wide.astype(np.float32)), axis=0))
    varies = spread > 0
    found = varies & ((worst > _COARSE * spread) | (exact & (worst > 0)))
    some = _some(array)
    suspect = worst > (_NEGLIGIBLE * spread if array.shape[1] > _WIDE else 0)
    for place in np.flatnonzero(varies & ~found & suspect):
        wide = some[:, place].astype(np.float64) - offsets[place]
        different = len(np.unique(wide))
        found[place] = different - len(np.unique(wide.astype(np.float32))) > _LOST * different
    return found
