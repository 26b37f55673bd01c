"""Fold blocks of neighbouring elements into channels, and back; for any number of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Squeezing = Literal["plain", "haar"]
"""How blocks of 2 become channels."""


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """Fold blocks of neighbours into channels.

    Sides that ``block`` does not divide are padded with zeros at their ends.

    Args:
        x: ``(n, channels, *sides)``.
        block: side of a block, >= 1.

    Returns:
        ``(n, channels * block**dims, *ceil(sides / block))``; the channels of one input channel
        stay together.

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


def haar(x: Tensor) -> Tensor:
    """One level of the orthonormal Haar transform over all sides, which must be even.

    Like :func:`space_to_depth` with blocks of 2, but sums come first and differences after them:
    the first channels of the result are the image at half its size.

    Args:
        x: ``(n, channels, *sides)``.

    Returns:
        ``(n, 2**dims * channels, *sides / 2)``.

    >>> [round(v, 4) for v in haar(torch.tensor([[[3.0, 5.0]]])).flatten().tolist()]
    [5.6569, -1.4142]
    """
    blocks = space_to_depth(x, 2).unflatten(1, (x.shape[1], -1)).transpose(1, 2)
    return _butterflies(blocks, x.dim() - 2).flatten(1, 2)


def inverse_haar(y: Tensor) -> Tensor:
    """Undo :func:`haar`.

    Args:
        y: ``(n, 2**dims * channels, *sides)``.

    Returns:
        ``(n, channels, *2 * sides)``.
    """
    dims = y.dim() - 2
    parts = _butterflies(y.unflatten(1, (2**dims, -1)), dims)
    return depth_to_space(parts.transpose(1, 2).flatten(1, 2), 2, [2 * side for side in y.shape[2:]])


def squeeze(x: Tensor, how: Squeezing) -> Tensor:
    """Blocks of 2 become channels, as they are or by :func:`haar`; sides must be even."""
    return haar(x) if how == "haar" else space_to_depth(x, 2)


def unsqueeze(y: Tensor, how: Squeezing) -> Tensor:
    """Undo :func:`squeeze`."""
    return inverse_haar(y) if how == "haar" else depth_to_space(y, 2, [2 * side for side in y.shape[2:]])


def _butterflies(blocks: Tensor, dims: int) -> Tensor:
    """Sums and differences along each axis of blocks ``(n, 2**dims, …)``, over √2; its own inverse.

    Additions keep full precision where a matrix product would not, under mixed precision.
    """
    for axis in range(dims):
        before, after = 2**axis, 2 ** (dims - axis - 1)
        pairs = blocks.unflatten(1, (before, 2, after))
        first, second = pairs[:, :, 0], pairs[:, :, 1]
        blocks = torch.stack([first + second, first - second], 2).flatten(1, 3) / 2**0.5
    return blocks
