"""The wavelet discriminator of StyleSwin, which sees frequencies on which artefacts of blocks show."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.haar import haar
from genus.layers.modulation import channels_last
from genus.layers.resampling import fir_down, smooth
from genus.layers.style import RectifiedConvolution, beside
from genus.networks.style_shapes import DiscriminatorShape
from genus.networks.stylegan_discriminator import StyleGANHead, even


@network("styleswin-discriminator", paper="arXiv:2112.10762, arXiv:2102.06108")
def styleswin_discriminator(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    channels: Count = 512,
    group: Count = 4,
) -> nn.Module:
    """Convolutions on the Haar wavelets of the image at every resolution, as the authors' code has them.

    Args:
        inputs: channels, then 1 to 3 sides of at least 7.
        outputs: ``(features,)``.
        condition: features of the condition, which become constant channels beside the image.
        width: channels of the finest features, whose sides are half the image's; they double
            with each coarser resolution.
        channels: most channels of any resolution.
        group: examples whose deviation is one more feature; the batch is cut into such groups.

    Raises:
        RecipeError: for other shapes.
    """
    shape = DiscriminatorShape.of(
        "styleswin-discriminator", inputs, outputs, condition,
        width=width, channels=channels, group=group, finest=False,
    )  # fmt: skip
    return WaveletDiscriminator(shape)


class WaveletDiscriminator(nn.Module):
    """The module behind :func:`styleswin_discriminator`.

    Args:
        shape: its sizes.
    """

    def __init__(self, shape: DiscriminatorShape) -> None:
        super().__init__()
        dims, wide = len(shape.sizes[0]), shape.widths[::-1]
        self.condition = shape.condition
        bands = shape.channels * 2**dims
        self.read = nn.ModuleList(RectifiedConvolution(dims, bands, size, 1) for size in wide)
        self.down = nn.ModuleList(Halving(dims, before, after) for before, after in pairwise(wide))
        self.head = StyleGANHead(wide[-1], shape.features, shape.sizes[0], shape.group)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, channels, *sides)`` with a condition ``(n, condition)`` to ``(n, features)``."""
        image = channels_last(beside(x, condition, self.condition))
        h = self.read[0](haar(image))
        for down, read in zip(self.down, self.read[1:], strict=True):
            image = fir_down(image)
            h = down(h) + read(haar(image))
        return self.head(h)


class Halving(nn.Module):
    """A convolution, then another after a filter, which halves the sides.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        self.keep = RectifiedConvolution(dims, before, before, 3)
        self.halve = RectifiedConvolution(dims, before, after, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *halved)``."""
        return self.halve(smooth(even(self.keep(x)), 2, 2))
