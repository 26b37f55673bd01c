"""Halving and doubling of signals, images and volumes of any size, and the chain of their sizes.

A side of s places is halved to ⌈s/2⌉; doubled, it gives 2s places or 2s − 1, whichever the
caller's chain of sizes asks for. So odd sizes go down and come back exactly.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.errors import RecipeError

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_ENLARGES = (0.25, 0.75, 0.75, 0.25)
_SHRINKS = (0.125, 0.375, 0.375, 0.125)
_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def halved(size: tuple[int, ...]) -> tuple[int, ...]:
    """Half of every side, rounded up.

    >>> halved((28, 7))
    (14, 4)
    """
    return tuple(-(-side // 2) for side in size)


def pyramid(size: tuple[int, ...], smallest: int = 4) -> list[tuple[int, ...]]:
    """Sizes from the smallest to ``size``, each the half of the next, rounded up.

    Args:
        size: sides of an image.
        smallest: the chain ends before a side would be shorter, or where no side can be halved.

    Raises:
        RecipeError: when ``size`` itself has a shorter side.

    >>> pyramid((28, 32))
    [(4, 4), (7, 8), (14, 16), (28, 32)]
    """
    if min(size) < smallest:
        raise RecipeError(f"the network needs sides of at least {smallest}, got {size}; use 'mlp'")
    sizes = [size]
    while min(half := halved(sizes[0])) >= smallest and half != sizes[0]:
        sizes.insert(0, half)
    return sizes


def widths(levels: int, width: int, channels: int) -> list[int]:
    """Channels of each level, the smallest first: min(channels, width·2^k), k levels below the finest.

    Args:
        levels: number of resolutions.
        width: channels of the finest.
        channels: most of any level; no less than ``width``.

    >>> widths(4, 32, 100)
    [100, 100, 64, 32]
    """
    return [min(max(channels, width), width * 2**k) for k in reversed(range(levels))]


def nearest_up(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Repeat every place two, four, … times along each axis and cut the end.

    Args:
        x: ``(n, channels, *sides)``.
        size: the sides at a higher level of a pyramid that ``x`` stands in.

    Returns:
        ``(n, channels, *size)``.

    Raises:
        ValueError: when no number of doublings leads there.
    """
    factor = _doublings(tuple(x.shape[2:]), size)
    if factor == 1:
        return x
    return cut(F.interpolate(x, scale_factor=float(factor)), size)


def box_down(x: Tensor, halvings: int = 1) -> Tensor:
    """Mean of cells of 2^halvings places per axis; cells at the end may be cut short.

    Args:
        x: ``(n, channels, *sides)``.
        halvings: how often each side is halved, rounding up.

    >>> box_down(torch.tensor([[[1.0, 3.0, 5.0]]])).tolist()
    [[[2.0, 5.0]]]
    """
    if halvings == 0:
        return x
    return _POOL[x.dim() - 2](x, 2**halvings, ceil_mode=True)


def fir_up(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Double by the filter [1, 3, 3, 1]/4 between inserted zeros: linear interpolation.

    Args:
        x: ``(n, channels, *sides)``, taken as zero outside.
        size: twice the sides, or one less.

    Returns:
        ``(n, channels, *size)``.

    Paper: arXiv:1812.04948, arXiv:1912.04958 (the same filter with the same padding).
    """
    dims, channels = x.dim() - 2, x.shape[1]
    kernel = separable(_ENLARGES, dims, x.dtype, x.device).expand(channels, 1, *(4,) * dims)
    return cut(_TRANSPOSED[dims](x, kernel, stride=2, padding=1, groups=channels), size)


def fir_down(x: Tensor) -> Tensor:
    """Halve, rounding up, after the filter [1, 3, 3, 1]/8; zero outside.

    Args:
        x: ``(n, channels, *sides)``.

    Paper: arXiv:1812.04948, arXiv:1912.04958 (the same filter with the same padding).
    """
    dims, channels = x.dim() - 2, x.shape[1]
    odd = [side % 2 for side in x.shape[2:]]
    if any(odd):
        x = F.pad(x, [pad for extra in reversed(odd) for pad in (0, extra)])
    kernel = separable(_SHRINKS, dims, x.dtype, x.device).expand(channels, 1, *(4,) * dims)
    return _CONVOLVE[dims](x, kernel, stride=2, padding=1, groups=channels)


def smooth(x: Tensor, before: int, after: int) -> Tensor:
    """Filter by [1, 3, 3, 1]/8 along every axis, at full rate.

    Args:
        x: ``(n, channels, *sides)``.
        before: zeros put before each axis, ≥ 0.
        after: zeros put after each axis, ≥ 0; each side changes by ``before + after − 3``.
    """
    dims, channels = x.dim() - 2, x.shape[1]
    if before != after:
        x = F.pad(x, [before, after] * dims)
        before = 0
    kernel = separable(_SHRINKS, dims, x.dtype, x.device).expand(channels, 1, *(4,) * dims)
    return _CONVOLVE[dims](x, kernel, padding=before, groups=channels)


def cut(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Leave the first ``size`` places of each spatial axis."""
    if tuple(x.shape[2:]) == size:
        return x
    return x[(slice(None), slice(None), *(slice(side) for side in size))]


def _doublings(small: tuple[int, ...], large: tuple[int, ...]) -> int:
    factor = 2 ** math.ceil(math.log2(max(b / a for a, b in zip(small, large, strict=True))))
    if any(not (a - 1) * factor < b <= a * factor for a, b in zip(small, large, strict=True)):
        raise ValueError(f"{small} and {large} are not sizes of one pyramid")
    return factor


@lru_cache(maxsize=64)
def separable(line: tuple[float, ...], dims: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A filter along one axis as a constant kernel ``(1, 1, …)`` over ``dims`` axes.

    It is made outside of inference mode, so that training may share it.
    """
    with torch.inference_mode(False):
        along = torch.tensor(line, dtype=dtype, device=device)
        kernel = along
        for _ in range(dims - 1):
            kernel = kernel[..., None] * along
        return kernel[None, None]
