"""The discriminators of StyleGAN and StyleGAN2: convolutions that halve by a filter, plain or residual."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.batch_coupling import MinibatchDeviation
from genus.layers.equalised import EqualisedConvolution, EqualisedLinear
from genus.layers.modulation import channels_last
from genus.layers.resampling import fir_down, smooth
from genus.layers.style import GAIN, SLOPE, RectifiedConvolution, beside
from genus.networks.style_shapes import DiscriminatorShape


@network("stylegan-discriminator", paper="arXiv:1812.04948, arXiv:1710.10196")
def stylegan_discriminator(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 16,
    channels: Count = 512,
    group: Count = 4,
) -> nn.Module:
    """The discriminator of StyleGAN: that of progressive growing at its full size, with filters.

    At 1024² the defaults are the paper's network, 23.1 million parameters. What differs from the
    authors' code: the filter [1, 3, 3, 1] before the stride stands for [1, 2, 1] before and a mean
    of two after it, the same function but for the border.

    Args:
        inputs: channels, then 1 to 3 sides of at least 8.
        outputs: ``(features,)``.
        condition: features of the condition, which become constant channels beside the image.
        width: channels of the finest resolution; they double with each coarser one.
        channels: most channels of any resolution.
        group: examples whose deviation is one more feature; the batch is cut into such groups.

    Raises:
        RecipeError: for other shapes.
    """
    shape = DiscriminatorShape.of(
        "stylegan-discriminator", inputs, outputs, condition, width=width, channels=channels, group=group
    )
    return StyleDiscriminator(shape, Plain)


@network("stylegan2-discriminator", paper="arXiv:1912.04958")
def stylegan2_discriminator(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 32,
    channels: Count = 512,
    group: Count = 4,
) -> nn.Module:
    """The residual discriminator of StyleGAN2, configuration F.

    At 1024² the defaults are the paper's network, 29.0 million parameters.

    Args:
        inputs: channels, then 1 to 3 sides of at least 8.
        outputs: ``(features,)``.
        condition: features of the condition, which become constant channels beside the image.
        width: channels of the finest resolution; they double with each coarser one.
        channels: most channels of any resolution.
        group: examples whose deviation is one more feature; the batch is cut into such groups.

    Raises:
        RecipeError: for other shapes.
    """
    shape = DiscriminatorShape.of(
        "stylegan2-discriminator", inputs, outputs, condition, width=width, channels=channels, group=group
    )
    return StyleDiscriminator(shape, Residual)


class Plain(nn.Module):
    """One resolution: leaky(w ∗ x + b), then the same with half the sides, twice the channels.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        self.keep = EqualisedConvolution(dims, before, before, 3)
        self.halve = EqualisedConvolution(dims, before, after, 3, stride=2, padding=0)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *halved)``."""
        x = even(F.leaky_relu_(self.keep(x), SLOPE))
        return F.leaky_relu_(self.halve(smooth(x, 2, 2)), SLOPE)


class Residual(nn.Module):
    """One resolution: (two convolutions + a linear skip connection) / √2, which halves the sides.

    The division is multiplied into the gains of both summands.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        self.keep = RectifiedConvolution(dims, before, before, 3)
        self.halve = RectifiedConvolution(dims, before, after, 3, stride=2, gain=1.0)
        self.skip = EqualisedConvolution(dims, before, after, 1, bias=False, gain=math.sqrt(0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *halved)``."""
        skipped = self.skip(fir_down(x))
        return skipped.add_(self.halve(smooth(even(self.keep(x)), 2, 2)))


class StyleDiscriminator(nn.Module):
    """Blocks of one kind down to the smallest size, then the head.

    Args:
        shape: its sizes.
        block: :class:`Plain` or :class:`Residual`.
    """

    def __init__(self, shape: DiscriminatorShape, block: type[Plain] | type[Residual]) -> None:
        super().__init__()
        dims, wide = len(shape.sizes[0]), shape.widths[::-1]
        gain = GAIN if block is Residual else 1.0
        self.condition = shape.condition
        self.read = RectifiedConvolution(dims, shape.channels, wide[0], 1, gain=gain)
        steps = pairwise(wide)
        self.blocks = nn.ModuleList(block(dims, before, after) for before, after in steps)
        self.head = StyleGANHead(wide[-1], shape.features, shape.sizes[0], shape.group)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, channels, *sides)`` with a condition ``(n, condition)`` to ``(n, features)``."""
        x = self.read(channels_last(beside(x, condition, self.condition)))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class StyleGANHead(nn.Module):
    """Deviation over the batch, a convolution, a dense layer, and a linear read-out.

    Args:
        channels: of the input.
        features: of the output.
        size: sides of the input.
        group: examples over which the deviation is taken.
    """

    def __init__(self, channels: int, features: int, size: tuple[int, ...], group: int) -> None:
        super().__init__()
        self.deviation = MinibatchDeviation(group)
        self.convolution = RectifiedConvolution(len(size), channels + 1, channels, 3)
        self.dense = EqualisedLinear(channels * math.prod(size), channels)
        self.out = EqualisedLinear(channels, features, gain=1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, *size)`` to ``(n, features)``."""
        x = self.convolution(self.deviation(x))
        return self.out(F.leaky_relu(self.dense(x.flatten(1)), SLOPE))


def even(x: Tensor) -> Tensor:
    """Append a zero to every odd spatial axis, so that halving rounds up."""
    odd = [side % 2 for side in x.shape[2:]]
    return F.pad(x, [pad for extra in reversed(odd) for pad in (0, extra)]) if any(odd) else x
