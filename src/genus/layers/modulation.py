"""Convolutions and normalisations whose scales a style sets, anew for each example.

StyleGAN2 scales the weights of a convolution by a style and divides them by their norm. Scaling
input channels and output channels instead is the same function, and one convolution serves the
whole batch; grouped convolutions with weights of their own per example are several times slower
and hold a copy of the weights for each.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.equalised import EqualisedLinear
from genus.layers.resampling import cut, smooth

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_EPSILON = 1e-8
_EXAMPLES = 8
"""Below this many examples' worth of inputs per weight, scaling the input is the cheaper way."""


def spread(x: Tensor, dims: int) -> Tensor:
    """Append ``dims`` axes of length one: ``(n, channels)`` to ``(n, channels, 1, …)``."""
    return x.reshape(*x.shape, *(1,) * dims)


def channels_last(x: Tensor) -> Tensor:
    """The same values with the channels of a place side by side in memory.

    Filters by channel, which all style-based networks use, are three times as fast so on CPUs.
    Layers keep the order of what they receive, and want weights in the same order.
    """
    order = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.dim())
    return x if order is None else x.contiguous(memory_format=order)


def scaled(x: Tensor, weight: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Multiply one of both by ``scale``, whichever has fewer numbers."""
    if x[0].numel() * _EXAMPLES < weight.numel():
        return x * scale, weight
    return x, weight * scale


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve ``(n, before, *sides)`` by ``(after, before, *odd kernel)``; zero outside, sides kept."""
    padding = [side // 2 for side in weight.shape[2:]]
    return _CONVOLVE[x.dim() - 2](x, weight, padding=padding)


def convolve_up(x: Tensor, weight: Tensor, size: tuple[int, ...]) -> Tensor:
    """Double, convolve by a kernel of side 3, and filter by [1, 3, 3, 1].

    Zeros are inserted between the places, the kernel and then the filter run over them: away
    from the border this equals filtering first, at a quarter of the cost in 2-D.

    Args:
        x: ``(n, before, *sides)``.
        weight: ``(before, after, 3, …)``; the output is 2^dims too small, as the filter's sum is 1.
        size: twice the sides, or one less.

    Returns:
        ``(n, after, *size)``.
    """
    return cut(smooth(_TRANSPOSED[x.dim() - 2](x, weight, stride=2), 1, 1), size)


class ModulatedConvolution(nn.Module):
    r"""Convolution with weights w'ᵢⱼ = sⱼ wᵢⱼ, divided by their norm over inputs and places.

    .. math:: y_i = \frac{\sum_j w_{ij} * (s_j x_j)}{\sqrt{\sum_{j,k} (s_j w_{ijk})^2 + \epsilon}}

    The scales s = Aw + b are an affine map of the style, with b = 1 at the start; weights have
    equalised rates.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        style: size of the style.
        kernel: side of the kernel, odd.
        demodulate: divide by the norm of the weights.
        up: double the sides; needs a kernel of 3.

    Paper: arXiv:1912.04958, equations 1 and 3.
    """

    def __init__(
        self,
        dims: int,
        before: int,
        after: int,
        style: int,
        kernel: int = 3,
        *,
        demodulate: bool = True,
        up: bool = False,
    ) -> None:
        super().__init__()
        ends = (before, after) if up else (after, before)
        self.weight = nn.Parameter(channels_last(torch.randn(*ends, *(kernel,) * dims)))
        self.affine = EqualisedLinear(style, before, gain=1.0, start=1.0)
        self.scale = 1 / math.sqrt(before * kernel**dims)
        self.demodulate = demodulate
        self.up = up
        self.dims = dims

    def forward(self, x: Tensor, style: Tensor, size: tuple[int, ...] = ()) -> tuple[Tensor, Tensor | float]:
        """Convolve; the division by the norm is left to the caller, who may have more to multiply.

        Args:
            x: ``(n, before, *sides)``.
            style: ``(n, style)``.
            size: sides of the output, where they double.

        Returns:
            ``(n, after, *sides)`` and its factor, ``(n, after, 1, …)`` or a number.
        """
        scales = self.affine(style) * self.scale
        found = x * spread(scales, self.dims)
        found = convolve_up(found, self.weight, size) if self.up else convolve(found, self.weight)
        gain = 2.0**self.dims if self.up else 1.0
        if not self.demodulate:
            return found, gain
        norms = self.weight.square().sum(list(range(2, self.weight.dim())))
        factor = torch.rsqrt(scales.square() @ (norms if self.up else norms.t()) + _EPSILON)
        return found, spread(factor * gain, self.dims)


class AdaptiveInstanceNorm(nn.Module):
    """y_s · (x − μ(x)) / σ(x) + y_b, with mean and deviation of each channel of each example.

    The style's affine map gives y_s − 1 and y_b, both 0 at the start up to their weights.

    Args:
        channels: of the feature map.
        style: size of the style.

    Paper: arXiv:1812.04948, equation 1.
    """

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.affine = EqualisedLinear(style, 2 * channels, gain=1.0)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map ``(n, channels, *sides)`` and styles ``(n, style)`` to the shape of ``x``."""
        dims = x.dim() - 2
        scale, shift = (spread(part, dims) for part in self.affine(style).chunk(2, 1))
        variance, mean = torch.var_mean(x, list(range(2, x.dim())), correction=0, keepdim=True)
        scale = (1 + scale) * torch.rsqrt(variance + _EPSILON)
        return torch.addcmul(shift - mean * scale, x, scale)
