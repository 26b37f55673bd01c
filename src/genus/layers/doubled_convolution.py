"""Repeating every place and convolving the result, with a weight that may be normalised."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from genus.layers.modulation import channels_last, convolve
from genus.layers.resampling import cut, halved
from genus.layers.resized_convolution import sums_of_neighbours

_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_PLACES = 64
"""Places of the input from which on summing weights pays; below, there are more weights than values."""


class DoubledConvolution(nn.Module):
    """Nearest-neighbour doubling of all sides, then a convolution of kernel 3, without bias.

    On large maps it is one transposed convolution by sums of neighbouring weights, as in
    :class:`genus.layers.resized_convolution.UpConvolution`; the weight is then kept as that wants
    it, ``(before, after, 3, …)`` with the kernel backwards, for turning it costs as much as it saves.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        size: sides of the output: twice those of the input, or one less.
    """

    def __init__(self, dims: int, before: int, after: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size
        self.fused = math.prod(halved(size)) >= _PLACES
        ends = (before, after) if self.fused else (after, before)
        bound = 1 / math.sqrt(before * 3**dims)
        weight = torch.empty(*ends, *(3,) * dims).uniform_(-bound, bound)
        self.weight = nn.Parameter(channels_last(weight))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``."""
        if self.fused:
            weight = sums_of_neighbours(self.weight)
            return cut(_TRANSPOSED[x.dim() - 2](x, weight, stride=2, padding=1), self.size)
        return cut(convolve(F.interpolate(x, scale_factor=2.0), self.weight), self.size)


def doubled_convolution(
    dims: int, before: int, after: int, size: tuple[int, ...], *, spectral: bool
) -> nn.Module:
    """A :class:`DoubledConvolution`, spectrally normalised where ``spectral`` says so."""
    layer = DoubledConvolution(dims, before, after, size)
    return spectral_norm(layer, dim=1 if layer.fused else 0) if spectral else layer
