"""Numbers as the user's files hold them, and as models see them (data units).

They are the same but for columns of a table that are read less an offset, since 32-bit numbers as large as
1.7e9 are 128 apart.
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
        The values themselves, or float64 numbers where columns have an offset.

    >>> from genus.core.column import Column
    >>> from genus.core.space import table_space
    >>> float(to_file(np.ones((1, 1), np.float32), table_space([Column(name="time", offset=1.7e9)]))[0, 0])
    1700000001.0
    """
    offsets = column_offsets(space)
    return values.astype(np.float64) + offsets if offsets.any() else values


def column_offsets(space: Space) -> NDArray[np.float64]:
    """Offset of each place of a row, float64 ``(size,)``; one 0 where there are no columns."""
    return np.array([c.offset for c in space.columns for _ in range(c.width)] or [0.0], dtype=np.float64)
