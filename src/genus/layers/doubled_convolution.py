"""Repeating every place and convolving the result, with a weight that may be normalised."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.modulation import channels_last, convolve
from genus.layers.resampling import cut
from genus.layers.resized_convolution import sums_of_neighbours

_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_PLACES = 64
"""Places of the input from which on summing weights pays; below, there are more weights than values."""


class DoubledConvolution(nn.Module):
    """Nearest-neighbour doubling of all sides, then a convolution of kernel 3, without bias.

    Like :class:`genus.layers.resized_convolution.UpConvolution`, but for bias and size, so that it
    stands before normalisations and takes parametrisations of its weight.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(before * 3**dims)
        self.weight = nn.Parameter(
            channels_last(torch.empty(after, before, *(3,) * dims).uniform_(-bound, bound))
        )

    def forward(self, x: Tensor, size: tuple[int, ...]) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``, twice the sides or one less."""
        sides = x.shape[2:]
        if math.prod(sides) < _PLACES:
            return cut(convolve(F.interpolate(x, scale_factor=2.0), self.weight), size)
        weight = sums_of_neighbours(self.weight).flip(list(range(2, x.dim()))).transpose(0, 1)
        return cut(_TRANSPOSED[len(sides)](x, weight, stride=2, padding=1), size)
