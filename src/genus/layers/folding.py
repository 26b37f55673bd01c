"""Fold blocks of neighbouring elements into channels, and back; for any number of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """Fold blocks of neighbours into channels.

    Sides that ``block`` does not divide are padded with zeros at their ends.

    Args:
        x: ``(n, channels, *sides)``.
        block: side of a block, >= 1.

    Returns:
        ``(n, channels * block**dims, *ceil(sides / block))``; the channels of one input channel
        stay together.

    >>> import torch
    >>> space_to_depth(torch.arange(4.0).view(1, 1, 2, 2), 2).flatten().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    if block == 1:
        return x
    sides = x.shape[2:]
    missing = [-side % block for side in sides]
    if any(missing):
        x = F.pad(x, [pad for side in reversed(missing) for pad in (0, side)])
    dims = len(sides)
    counts = [math.ceil(side / block) for side in sides]
    x = x.reshape(*x.shape[:2], *(size for count in counts for size in (count, block)))
    order = [0, 1, *range(3, 3 + 2 * dims, 2), *range(2, 2 + 2 * dims, 2)]
    return x.permute(order).reshape(x.shape[0], -1, *counts)


def depth_to_space(x: Tensor, block: int, sides: Sequence[int]) -> Tensor:
    """Undo :func:`space_to_depth`, cropping to ``sides``.

    Args:
        x: ``(n, channels * block**dims, *counts)``.
        block: side of a block, >= 1.
        sides: sides of the result.

    Returns:
        ``(n, channels, *sides)``.

    >>> import torch
    >>> x = torch.arange(12.0).view(1, 1, 3, 4)
    >>> bool((depth_to_space(space_to_depth(x, 2), 2, (3, 4)) == x).all())
    True
    """
    if block == 1:
        return x
    counts = x.shape[2:]
    dims = len(counts)
    x = x.reshape(x.shape[0], -1, *([block] * dims), *counts)
    order = [0, 1, *(axis for i in range(dims) for axis in (2 + dims + i, 2 + i))]
    x = x.permute(order).reshape(*x.shape[:2], *(count * block for count in counts))
    return x[(..., *(slice(side) for side in sides))]
