"""Checks of values and labels against what is declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from genus.core.errors import DataError
from genus.core.spec import DataSpec

Array = np.ndarray[Any, np.dtype[Any]]

CHUNK = 1 << 24
"""Bytes of an array looked at together, so that memory-mapped ones are never held whole."""


class OutOfRange(DataError):
    """Values lie outside the range of the data."""


def check_values(array: Array, spec: DataSpec) -> None:
    """Check that values are finite and in the declared range.

    Args:
        array: level numbers or floats, ``(N, *spec.shape)``; read in chunks.
        spec: the declaration.

    Raises:
        OutOfRange: naming the first value outside the range.
        DataError: naming the first example that is not finite.
    """
    for first, chunk in chunks_of(array):
        low, high = float(chunk.min()), float(chunk.max())
        if not np.isfinite(low) or not np.isfinite(high):
            index = int(np.flatnonzero(~np.isfinite(chunk).reshape(len(chunk), -1).all(1))[0])
            raise DataError(f"example {first + index} contains NaN or infinity; remove or repair it")
        if chunk.dtype.kind == "u":
            bounds = (0.0, float((spec.levels or 2) - 1))
        elif spec.range is not None:
            bounds = spec.range
        else:
            continue
        if low < bounds[0] or high > bounds[1]:
            worst = low if low < bounds[0] else high
            hint = ""
            if chunk.dtype.kind == "f" and 127 < high <= 255 and low >= 0 and bounds == (0.0, 1.0):
                hint = "; they look like 8-bit values: store them as uint8, or divide by 255"
            elif chunk.dtype.kind == "f" and bounds == (0.0, 1.0):
                hint = f"; name their range, such as window=[{min(0.0, low):g}, {high:g}], or scale them"
            elif chunk.dtype.kind == "f":
                hint = "; scale them"
            raise OutOfRange(
                f"values must lie in [{bounds[0]:g}, {bounds[1]:g}], but {worst:g} occurs "
                f"(the data span {low:g} to {high:g}){hint}"
            )


def native(array: Array) -> Array:
    """The same numbers in the byte order of this machine; the array itself where it has that already.

    >>> native(np.array([1, 2], dtype=">u2")).dtype == np.uint16
    True
    """
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_narrow(array: Array) -> None:
    """Check that numbers lie in the range of 32-bit floats, which all models compute with.

    Args:
        array: numbers ``(N, ...)`` of any type; read in chunks.

    Raises:
        DataError: naming the first example beyond it.
    """
    if array.dtype.kind != "f" or array.dtype.itemsize < 8:
        return
    for first, chunk in chunks_of(array):
        with np.errstate(over="ignore", invalid="ignore"):
            beyond = np.isinf(chunk.astype(np.float32)) & np.isfinite(chunk)
        if beyond.any():
            row = int(np.flatnonzero(beyond.reshape(len(chunk), -1).any(1))[0])
            largest = chunk[row][beyond[row]].flat[0]
            raise DataError(
                f"example {first + row} holds {largest:g}, more than 32 bits hold (3.4e38); scale the data"
            )


def within_unit(array: Array) -> bool:
    """Whether all values lie in [0, 1]; NaN does not.

    >>> within_unit(np.array([[0.0], [0.5]])), within_unit(np.array([[0.0], [1.5]]))
    (True, False)
    """
    return all(float(chunk.min()) >= 0 and float(chunk.max()) <= 1 for _, chunk in chunks_of(array))


def chunks_of(array: Array) -> Iterator[tuple[int, Array]]:
    """Examples that are looked at together, with the number of the first."""
    rows = max(1, CHUNK // max(1, array[:1].nbytes))
    for first in range(0, len(array), rows):
        yield first, array[first : first + rows]


def check_labels(labels: Array, n: int, spec: DataSpec) -> None:
    """Check that there is one label per example and that each names a class.

    Raises:
        DataError: saying which label does not fit.
    """
    if labels.shape != (n,):
        raise DataError(f"there are {n} examples, but labels of shape {labels.shape}; expected ({n},)")
    if spec.classes and (labels.min() < 0 or labels.max() >= spec.num_classes):
        raise DataError(
            f"labels run from {labels.min()} to {labels.max()}, but there are {spec.num_classes} classes"
        )
