"""Which axis of an array is which."""

from __future__ import annotations

import numpy as np

from genus.core.errors import DataError
from genus.core.spec import Kind
from genus.data.checks import Array

_AXES = {"vector": 1, "hw": 2, "hwc": 3, "chw": 3, "dhw": 3, "cdhw": 4}
_MOST_CHANNELS = 4


def arrange(array: Array, layout: str, where: str) -> tuple[Array, Kind, int | None]:
    """Bring an array of examples to ``(N, channels, …)`` and a type that sources read.

    Args:
        array: examples along the first axis.
        layout: ``auto`` or the axes after the first: vector, hw, hwc, chw, dhw, cdhw.
        where: for messages.

    Returns:
        A view where possible, what one example is, and its number of levels; None for floats.

    Raises:
        DataError: when the axes are not clear or the type is not numeric.

    >>> arrange(np.zeros((5, 8, 9, 3), np.uint8), "auto", "x")[0].shape
    (5, 3, 8, 9)
    """
    if layout == "auto":
        layout = _recognised(array.shape[1:], where)
    if array.ndim - 1 != _AXES[layout]:
        raise DataError(f"{where} has shape {array.shape}, which is not N and {layout!r}")
    if array.size == 0:
        raise DataError(f"{where} has shape {array.shape}: it is empty")
    if layout in ("hw", "dhw"):
        array = array[:, None]
    elif layout == "hwc":
        array = array.transpose(0, 3, 1, 2)
    kind: Kind = "vector" if layout == "vector" else ("volume" if "d" in layout else "image")
    return _typed(array, kind, where)


def _recognised(shape: tuple[int, ...], where: str) -> str:
    if len(shape) == 1:
        return "vector"
    if len(shape) == 2:
        return "hw"
    if len(shape) == 3:
        first, last = shape[0] <= _MOST_CHANNELS, shape[-1] <= _MOST_CHANNELS
        if first != last:
            return "chw" if first else "hwc"
        if not first:
            return "dhw"
    if len(shape) == 4 and shape[0] <= _MOST_CHANNELS < shape[-1]:
        return "cdhw"
    raise DataError(f"{where}: axes of {shape} are not clear; set layout: vector, hw, hwc, chw, dhw or cdhw")


def _typed(array: Array, kind: Kind, where: str) -> tuple[Array, Kind, int | None]:
    if array.dtype == bool:
        return array.view(np.uint8), kind, 2
    if array.dtype.kind in "iu" and array.dtype not in (np.uint8, np.uint16):
        if kind == "vector":
            return array.astype(np.float32), kind, None
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 65535:
            raise DataError(
                f"{where}: whole numbers from {low} to {high} are no 8-bit or 16-bit image; "
                "scale them to floats in [0, 1]"
            )
        array = array.astype(np.uint8 if high < 256 else np.uint16)
    if array.dtype.kind == "u":
        return array, kind, 256 if array.dtype == np.uint8 else 65536
    if array.dtype.kind == "f":
        return array, kind, None
    raise DataError(f"{where}: type {array.dtype} is not supported; use whole numbers or floats")
