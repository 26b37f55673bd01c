"""Order of the axes of an array."""

from __future__ import annotations

import numpy as np

from genus.core.errors import DataError
from genus.core.space import SpaceKind
from genus.data.checks import Array

_AXES = {"vector": 1, "l": 1, "cl": 2, "lc": 2, "hw": 2, "hwc": 3, "chw": 3, "dhw": 3, "cdhw": 4}
_MOST_CHANNELS = 4
"""Up to so many on an outer axis are channels."""
_EXACT = 1 << 24
"""Whole numbers up to this one are exact in 32 bits."""
_FEW = 16
"""Up to so many on an outer axis may be channels or slices, when the other axes are much longer."""


def arrange(array: Array, layout: str, where: str) -> tuple[Array, SpaceKind, int | None]:
    """Bring an array of examples to ``(N, channels, …)`` and a type that sources read.

    Args:
        array: examples along the first axis.
        layout: ``auto`` or the axes after the first: vector, l, cl, lc, hw, hwc, chw, dhw, cdhw.
        where: for messages.

    Returns:
        A view where possible, what one example is, and its number of levels; None for floats.

    Raises:
        DataError: when the axes are not clear or the type is not numeric.

    >>> arrange(np.zeros((5, 8, 9, 3), np.uint8), "auto", "x")[0].shape
    (5, 3, 8, 9)
    """
    axes = _recognised(array.shape[1:], where) if layout == "auto" else layout
    if array.ndim - 1 != _AXES[axes]:
        raise DataError(f"{where} has shape {array.shape}, which is not N and {axes!r}")
    if array.size == 0:
        raise DataError(f"{where} has shape {array.shape}: it is empty")
    other = otherwise(array.shape[1:], layout)
    if axes in ("l", "hw", "dhw"):
        array = array[:, None]
    elif axes in ("lc", "hwc"):
        array = array.transpose(0, array.ndim - 1, *range(1, array.ndim - 1))
    return _typed(array, _kind(axes), where, other)


def otherwise(shape: tuple[int, ...], layout: str) -> str:
    """End of a message about values that no picture has: what else the axes may be.

    Args:
        shape: of one example in the file.
        layout: as requested; there is something to say only where ``auto`` chose height and width.

    >>> otherwise((5, 6, 7), "auto")
    ''
    """
    if layout != "auto" or len(shape) != 2:
        return ""
    return f"; sequences may have any values: {_choices(shape, ('cl', 'lc'))}"


def _kind(axes: str) -> SpaceKind:
    if axes == "vector":
        return "vector"
    if "l" in axes:
        return "sequence"
    return "volume" if "d" in axes else "image"


def _recognised(shape: tuple[int, ...], where: str) -> str:
    if len(shape) == 1:
        return "vector"
    if len(shape) == 2:
        return "hw"
    if len(shape) == 3:
        return _three_axes(shape, where)
    if len(shape) == 4 and shape[0] <= _MOST_CHANNELS < shape[-1]:
        return "cdhw"
    if len(shape) == 4:
        raise DataError(f"{where}: axes of {shape} are not clear; {_choices(shape, ('cdhw',))}")
    raise DataError(f"{where}: examples of shape {shape} have no layout; give them one to four axes")


def _three_axes(shape: tuple[int, ...], where: str) -> str:
    first, last = shape[0] <= _MOST_CHANNELS, shape[-1] <= _MOST_CHANNELS
    if first != last:
        return "chw" if first else "hwc"
    layouts: list[str] = []
    if first or _stands_out(shape[0], shape[1:]):
        layouts.append("chw")
    if last or _stands_out(shape[-1], shape[:-1]):
        layouts.append("hwc")
    if not layouts:
        return "dhw"
    raise DataError(f"{where}: axes of {shape} are not clear; {_choices(shape, (*layouts, 'dhw'))}")


def _stands_out(side: int, others: tuple[int, ...]) -> bool:
    """Whether a side is so short beside the others that it may count channels as well as slices."""
    return side <= _FEW and 2 * side < min(others)


def _choices(shape: tuple[int, ...], layouts: tuple[str, ...]) -> str:
    """Possible layouts, and what examples of a shape become with each."""
    size = "×".join(str(side) for side in shape)
    meanings = {
        "cl": f"{shape[0]} channels of length {shape[-1]}",
        "lc": f"{shape[-1]} channels of length {shape[0]}",
        "chw": f"images of {shape[0]} channels",
        "hwc": f"images of {shape[-1]} channels",
        "dhw": f"volumes of {size}",
        "cdhw": f"volumes of {shape[0]} channels",
    }
    settings = " or ".join(f"data.layout={layout} for {meanings[layout]}" for layout in layouts)
    return f"set {settings} (`genus data info` takes layout={layouts[0]})"


def _typed(array: Array, kind: SpaceKind, where: str, other: str) -> tuple[Array, SpaceKind, int | None]:
    if array.dtype == bool:
        return array.view(np.uint8), kind, 2
    if array.dtype.kind in "iu" and array.dtype not in (np.uint8, np.uint16):
        if kind in ("vector", "sequence"):
            wide = kind == "vector" and max(abs(int(array.min())), abs(int(array.max()))) > _EXACT
            return array.astype(np.float64 if wide else np.float32), kind, None
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 65535:
            raise DataError(
                f"{where}: whole numbers from {low} to {high} are no 8-bit or 16-bit image; "
                f"scale them to floats in [0, 1]{other}"
            )
        array = array.astype(np.uint8 if high < 256 else np.uint16)
    if array.dtype.kind == "u":
        return array, kind, 256 if array.dtype == np.uint8 else 65536
    if array.dtype.kind == "f":
        return array, kind, None
    raise DataError(f"{where}: type {array.dtype} is not supported; use whole numbers or floats")
