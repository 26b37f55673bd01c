"""Convolutions fused with the doubling before or the averaging after them.

Repeating every place twice and convolving with 3 weights per axis reads each input several times
with sums of the same weights. Done with these sums it is a transposed convolution of stride 2
and 4 weights per axis, with less than half of the products; averaging pairs of places after a
convolution is likewise one of stride 2. Values are the same up to rounding.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.convolution import convolution
from genus.layers.resampling import cut

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_PLACES = 64
"""Places of the smaller map from which on fusing pays; on smaller ones weights dominate the cost."""


def sums_of_neighbours(weight: Tensor) -> Tensor:
    """Kernels convolved with a box of two places per axis: [a, b, c] → [a, a + b, b + c, c].

    Args:
        weight: ``(after, before, *kernel)``.
    """
    for axis in range(2, weight.dim()):
        position = 2 * (weight.dim() - 1 - axis)
        before, after = [0] * (2 * weight.dim() - 4), [0] * (2 * weight.dim() - 4)
        before[position] = after[position + 1] = 1
        weight = F.pad(weight, before) + F.pad(weight, after)
    return weight


def up_convolve(x: Tensor, weight: Tensor, bias: Tensor | None, size: tuple[int, ...]) -> Tensor:
    """Double by repetition, then convolve with 3 weights per axis, then cut to a size.

    Args:
        x: ``(n, before, *sides)``.
        weight: ``(after, before, 3, …)``.
        bias: ``(after,)``.
        size: sides of the output: twice those of the input, or one less.

    Returns:
        ``(n, after, *size)``.
    """
    dims = x.dim() - 2
    if math.prod(x.shape[2:]) < _PLACES:
        return cut(_CONVOLVE[dims](F.interpolate(x, scale_factor=2.0), weight, bias, 1, 1), size)
    kernel = sums_of_neighbours(weight).flip(tuple(range(2, x.dim()))).transpose(0, 1)
    return cut(_TRANSPOSED[dims](x, kernel, bias, 2, 1), size)


def down_convolve(x: Tensor, weight: Tensor, bias: Tensor | None, *, ceil: bool = False) -> Tensor:
    """Convolve with 3 weights per axis, then average pairs of places.

    Args:
        x: ``(n, before, *sides)``.
        weight: ``(after, before, 3, …)``.
        bias: ``(after,)``.
        ceil: where a side is odd, keep its last place alone; else it is left out.

    Returns:
        ``(n, after, *halves)``.
    """
    dims = x.dim() - 2
    ragged = ceil and any(side % 2 for side in x.shape[2:])
    if ragged or math.prod(x.shape[2:]) < _PLACES * 2**dims:
        full = _CONVOLVE[dims](x, weight, bias, 1, 1)
        return _POOL[dims](full, 2, ceil_mode=ceil).to(full.dtype)  # autocast pools volumes in float32
    return _CONVOLVE[dims](x, sums_of_neighbours(weight) / 2**dims, bias, 2, 1)


class UpConvolution(nn.Module):
    """:func:`up_convolve` with weights of its own.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        size: sides of the output: twice those of the input, or one less.
    """

    def __init__(self, dims: int, before: int, after: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = convolution(dims, before, after, 3, padding=1)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``."""
        return up_convolve(x, self.conv.weight, self.conv.bias, self.size)  # type: ignore[arg-type]


class DownConvolution(nn.Module):
    """:func:`down_convolve` with weights of its own; the odd last place of a side is left out.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        self.conv = convolution(dims, before, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *⌊sides/2⌋)``."""
        return down_convolve(x, self.conv.weight, self.conv.bias)  # type: ignore[arg-type]
