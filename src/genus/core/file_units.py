"""Numbers as the user's files hold them, and as models see them (data units).

They are the same but for columns of a table that are read less an offset, since 32-bit numbers as large as
1.7e9 are 128 apart; and for images of which a window of the range fills the whole of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genus.core.space import Space

Numbers = NDArray[Any]


def to_file(values: Numbers, space: Space) -> Numbers:
    """Values in data units as the file would hold them.

    Args:
        values: ``(n, *space.shape)``.
        space: what one of them is.

    Returns:
        The values themselves, float64 numbers where columns have an offset, or float32 shares of the range of
        image files.

    >>> from genus.core.column import Column
    >>> from genus.core.space import table_space
    >>> float(to_file(np.ones((1, 1), np.float32), table_space([Column(name="time", offset=1.7e9)]))[0, 0])
    1700000001.0
    """
    if space.window is not None:
        low, high = space.window
        return (low + (high - low) * values).astype(np.float32)
    offsets = column_offsets(space)
    return values.astype(np.float64) + offsets if offsets.any() else values


def from_file(values: Numbers, space: Space) -> Numbers:
    """Numbers as the files hold them, in data units: those outside a window become its ends.

    >>> space = Space(kind="image", shape=(1, 1, 2), range=(0.0, 1.0), window=(0.0, 0.25))
    >>> from_file(np.array([[[[0.125, 0.5]]]]), space).tolist()
    [[[[0.5, 1.0]]]]
    """
    if space.window is not None:
        low, high = space.window
        return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    offsets = column_offsets(space)
    return (values - offsets).astype(np.float32) if offsets.any() else values


def file_levels(space: Space) -> int:
    """Levels of the image files that examples come from; 0 where they hold floats.

    >>> file_levels(Space(kind="image", shape=(1, 8, 8), levels=4096, window=(0.0, 4095 / 65535)))
    65536
    """
    if space.levels is None or space.window is None:
        return space.levels or 0
    return round((space.levels - 1) / (space.window[1] - space.window[0])) + 1


def column_offsets(space: Space) -> NDArray[np.float64]:
    """Offset of each place of a row, float64 ``(size,)``; one 0 where there are no columns."""
    return np.array([c.offset for c in space.columns for _ in range(c.width)] or [0.0], dtype=np.float64)
