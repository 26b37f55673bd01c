"""The generator of StyleGAN2: modulated convolutions, and images summed over resolutions."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.noise import Noise
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.modulation import ModulatedConvolution, channels_last, spread
from genus.layers.resampling import fir_up
from genus.layers.style import GAIN, SLOPE, draw_like
from genus.networks.style_shapes import GeneratorShape, StyleGenerator


@network("stylegan2", paper="arXiv:1912.04958")
def stylegan2(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 32,
    channels: Count = 512,
    layers: Count = 8,
) -> nn.Module:
    """From a latent to an image through styles: configuration F, the skip generator.

    At 1024² the defaults are the paper's network, 30.37 million parameters. Sides halve, rounding
    up, down to at least 4, where a learned constant stands. As in the authors' code an image layer
    takes the style of the layer after it. The output is linear.

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
        "stylegan2", inputs, outputs, condition, width=width, channels=channels, layers=layers
    )
    return StyleGAN2Generator(shape)


class StyleGAN2Generator(StyleGenerator):
    """The module behind :func:`stylegan2`.

    Args:
        shape: its sizes.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__(shape, num_styles=2 * len(shape.sizes))
        dims, wide, latent = len(shape.sizes[0]), shape.widths, shape.latent
        self.constant = nn.Parameter(torch.randn(1, wide[0], *shape.sizes[0]))
        self.first = StyledConvolution(dims, wide[0], wide[0], latent)
        self.up = nn.ModuleList(
            StyledConvolution(dims, before, after, latent, up=True) for before, after in pairwise(wide)
        )
        self.keep = nn.ModuleList(StyledConvolution(dims, after, after, latent) for after in wide[1:])
        self.show = nn.ModuleList(ImageLayer(dims, after, shape.channels, latent) for after in wide)

    def synthesis(self, styles: Tensor, noise: Noise) -> Tensor:
        style = styles.unbind(1)
        x = channels_last(self.constant.expand(len(styles), *self.constant.shape[1:]))
        x = self.first(x, style[0], noise, self.sizes[0])
        image = self.show[0](x, style[1])
        later = zip(self.sizes[1:], self.up, self.keep, self.show[1:], strict=True)
        for level, (size, up, keep, show) in enumerate(later, 1):
            x = up(x, style[2 * level - 1], noise, size)
            x = keep(x, style[2 * level], noise, size)
            image = fir_up(image, size) + show(x, style[2 * level + 1])
        return image


class StyledConvolution(nn.Module):
    """√2 · leaky(modulated convolution + strength · noise + bias), one strength per layer.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        style: size of the style.
        up: double the sides.
    """

    def __init__(self, dims: int, before: int, after: int, style: int, *, up: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(dims, before, after, style, up=up)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Tensor, style: Tensor, noise: Noise, size: tuple[int, ...]) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``; the gain is multiplied in beforehand."""
        y, factor = self.convolution(x, style, size)
        bias = spread(self.bias * GAIN, len(size))
        y = torch.addcmul(bias, y, factor * GAIN)
        y.add_(draw_like(y, noise) * (self.strength * GAIN))
        return F.leaky_relu_(y, SLOPE)


class ImageLayer(nn.Module):
    """Modulated convolution of one place, without demodulation, to the channels of the image.

    Args:
        dims: spatial axes.
        before: channels of the features.
        channels: of the image.
        style: size of the style.
    """

    def __init__(self, dims: int, before: int, channels: int, style: int) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(dims, before, channels, style, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, channels, *sides)``."""
        y, _ = self.convolution(x, style)
        return y + spread(self.bias, x.dim() - 2)
