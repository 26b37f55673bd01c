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


class UpConvolution(nn.Module):
    """Double by repetition, then convolve with 3 weights per axis, then cut to a size.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        size: sides of the output: twice those of the input, or one less.
    """

    def __init__(self, dims: int, before: int, after: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = convolution(dims, before, after, 3, padding=1)
        self.dims = dims
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``."""
        if math.prod(x.shape[2:]) < _PLACES:
            return cut(self.conv(F.interpolate(x, scale_factor=2.0)), self.size)
        kernel = sums_of_neighbours(self.conv.weight).flip(tuple(range(2, x.dim()))).transpose(0, 1)  # type: ignore[arg-type]
        return cut(_TRANSPOSED[self.dims](x, kernel, self.conv.bias, 2, 1), self.size)  # type: ignore[arg-type]


class DownConvolution(nn.Module):
    """Convolve with 3 weights per axis, then average pairs of places; the odd last one is left out.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        self.conv = convolution(dims, before, after, 3, padding=1)
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *⌊sides/2⌋)``."""
        if math.prod(x.shape[2:]) < _PLACES * 2**self.dims:
            return _POOL[self.dims](self.conv(x), 2)
        kernel = sums_of_neighbours(self.conv.weight) / 2**self.dims  # type: ignore[arg-type]
        return _CONVOLVE[self.dims](x, kernel, self.conv.bias, 2, 1)  # type: ignore[arg-type]
