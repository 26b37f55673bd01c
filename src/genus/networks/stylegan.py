"""The generator of StyleGAN: a constant, convolutions, noise, and adaptive instance normalisation."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.noise import Noise
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.equalised import EqualisedConvolution
from genus.layers.modulation import AdaptiveInstanceNorm, channels_last, convolve, convolve_up, scaled, spread
from genus.layers.style import SLOPE, draw_like
from genus.networks.style_shapes import GeneratorShape, StyleGenerator


@network("stylegan", paper="arXiv:1812.04948")
def stylegan(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 16,
    channels: Count = 512,
    layers: Count = 8,
) -> nn.Module:
    """From a latent to an image through styles: configuration F, 26.2 million parameters at 1024².

    What differs from the authors' code: sides need not be powers of two; the whole network is
    there from the start (it does not grow); up-sampling by the filter [1, 3, 3, 1] between
    inserted zeros stands for repeating places and blurring them by [1, 2, 1], the same function
    but for the border. The output is linear.

    Args:
        inputs: ``(latent,)``; styles have the same size.
        outputs: channels, then 1 to 3 sides of at least 4.
        condition: features of the condition per example; 0 for none.
        width: channels of the finest resolution; they double with each coarser one.
        channels: most channels of any resolution.
        layers: layers of the mapping network.

    Raises:
        RecipeError: for other shapes.
    """
    shape = GeneratorShape.of(
        "stylegan", inputs, outputs, condition, width=width, channels=channels, layers=layers
    )
    return StyleGANGenerator(shape)


class StyleGANGenerator(StyleGenerator):
    """The module behind :func:`stylegan`.

    Args:
        shape: its sizes.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__(shape, num_styles=2 * len(shape.sizes))
        dims, wide, latent = len(shape.sizes[0]), shape.widths, shape.latent
        self.constant = nn.Parameter(torch.ones(1, wide[0], *shape.sizes[0]))
        self.up = nn.ModuleList(UpsampledConvolution(dims, before, after) for before, after in pairwise(wide))
        self.enter = nn.ModuleList(Epilogue(after, latent) for after in wide)
        self.inside = nn.ModuleList(PlainConvolution(dims, after) for after in wide)
        self.leave = nn.ModuleList(Epilogue(after, latent) for after in wide)
        self.show = EqualisedConvolution(dims, wide[-1], shape.channels, 1, gain=1.0)

    def synthesis(self, styles: Tensor, noise: Noise) -> Tensor:
        style = styles.unbind(1)
        x = channels_last(self.constant.expand(len(styles), *self.constant.shape[1:]))
        levels = zip(self.sizes, self.enter, self.inside, self.leave, strict=True)
        for level, (size, enter, inside, leave) in enumerate(levels):
            if level:
                x = self.up[level - 1](x, size)
            x = enter(x, style[2 * level], noise)
            x = leave(inside(x), style[2 * level + 1], noise)
        return self.show(x)


class PlainConvolution(nn.Module):
    """Convolution of kernel 3 with an equalised rate; the bias follows the noise.

    Args:
        dims: spatial axes.
        channels: of input and output.
    """

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(channels_last(torch.randn(channels, channels, *(3,) * dims)))
        self.scale = math.sqrt(2 / (channels * 3**dims))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, *sides)`` to the same shape."""
        return convolve(*scaled(x, self.weight, self.scale))


class UpsampledConvolution(nn.Module):
    """Convolution of kernel 3 that doubles the sides, with an equalised rate and a low-pass filter.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(channels_last(torch.randn(before, after, *(3,) * dims)))
        self.scale = 2**dims * math.sqrt(2 / (before * 3**dims))

    def forward(self, x: Tensor, size: tuple[int, ...]) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``."""
        x, weight = scaled(x, self.weight, self.scale)
        return convolve_up(x, weight, size)


class Epilogue(nn.Module):
    """The operations after each convolution: AdaIN(leaky(x + strength · noise + bias)).

    Noise is one number per place, its strength one per channel, 0 at the start.

    Args:
        channels: of the feature map.
        style: size of the style.
    """

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.norm = AdaptiveInstanceNorm(channels, style)

    def forward(self, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        """Map ``(n, channels, *sides)`` and styles ``(n, style)`` to the shape of ``x``."""
        dims = x.dim() - 2
        x = torch.addcmul(x, draw_like(x, noise), spread(self.strength, dims))
        x.add_(spread(self.bias, dims))
        return self.norm(F.leaky_relu_(x, SLOPE), style)
