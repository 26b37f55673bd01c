"""Pieces that style-based generators and their discriminators share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.noise import Noise
from genus.layers.equalised import EqualisedLinear, PixelNorm
from genus.layers.modulation import channels_last, scaled

SLOPE = 0.2
"""Of leaky rectifiers below zero."""
GAIN = math.sqrt(2)
"""By which a rectifier's output is multiplied, so that variances stay about one."""

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def draw_like(x: Tensor, noise: Noise) -> Tensor:
    """Standard normal numbers for each place of ``(n, channels, *sides)``, ``(n, 1, *sides)``."""
    return noise.normal(len(x), 1, *x.shape[2:]).to(x)


def beside(x: Tensor, condition: Tensor | None, features: int) -> Tensor:
    """Put a condition ``(n, features)`` beside ``(n, channels, *sides)`` as constant channels.

    Raises:
        ValueError: when there are features but no condition was given.
    """
    if not features:
        return x
    if condition is None:
        raise ValueError("this network was built with a condition and needs one")
    maps = condition.reshape(*condition.shape, *(1,) * (x.dim() - 2)).to(x.dtype)
    return torch.cat([x, maps.expand(-1, -1, *x.shape[2:])], 1)


class Mapping(nn.Module):
    """The network f: Z → W: a perceptron on the latent scaled to length √latent.

    A condition is embedded by a linear map of its own, scaled likewise, and put beside the
    latent.

    Args:
        latent: size of the latent.
        style: size of the style and of all layers.
        condition: features of the condition; 0 for none.
        layers: number of layers, ≥ 1.
        rate: learning rate relative to other layers.

    Paper: arXiv:1812.04948, sections 2 and C; arXiv:2006.06676 for the condition.
    """

    def __init__(self, latent: int, style: int, condition: int, layers: int, rate: float = 0.01) -> None:
        super().__init__()
        self.norm = PixelNorm()
        self.embed = EqualisedLinear(condition, latent, gain=1.0) if condition else None
        first = 2 * latent if condition else latent
        self.layers = nn.ModuleList(
            EqualisedLinear(first if number == 0 else style, style, gain=1.0, rate=rate)
            for number in range(layers)
        )

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, latent)``, with a condition ``(n, condition)``, to styles ``(n, style)``."""
        x = self.norm(z)
        if self.embed is not None:
            if condition is None:
                raise ValueError("this network was built with a condition and needs one")
            x = torch.cat([x, self.norm(self.embed(condition))], 1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE) * GAIN
        return x


class RectifiedConvolution(nn.Module):
    """gain · leaky(w ∗ x + b): convolution with equalised rates, then the rectifier.

    The gain multiplies weights and biases, which is the same and costs nothing.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        kernel: side of the kernel.
        stride: of the convolution; without padding where it is not 1.
        gain: of the output.

    Paper: arXiv:1912.04958.
    """

    def __init__(
        self, dims: int, before: int, after: int, kernel: int, *, stride: int = 1, gain: float = GAIN
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(channels_last(torch.randn(after, before, *(kernel,) * dims)))
        self.bias = nn.Parameter(torch.zeros(after))
        self.scale = gain / math.sqrt(before * kernel**dims)
        self.gain = gain
        self.stride = stride
        self.padding = kernel // 2 if stride == 1 else 0
        self.convolve = _CONVOLVE[dims]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *sides)``."""
        x, weight = scaled(x, self.weight, self.scale)
        y = self.convolve(x, weight, self.bias * self.gain, self.stride, self.padding)
        return F.leaky_relu_(y, SLOPE)
