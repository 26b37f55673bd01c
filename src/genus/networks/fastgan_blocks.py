"""Parts of FastGAN's discriminator."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.convolution import Norm, convolution, normalisation
from genus.layers.doubled_convolution import doubled_convolution
from genus.layers.excitation import gated
from genus.layers.resampling import box_down
from genus.layers.style import SLOPE
from genus.networks.stylegan_discriminator import even

_DECODER = (2.0, 1.0, 1.0, 0.5)
"""Channels of a decoder after each doubling, in units of the width."""
DOUBLINGS = len(_DECODER)


class Entrance(nn.Module):
    """Convolutions from the image to the level where residual blocks begin.

    Args:
        dims: spatial axes.
        channels: of the image.
        wide: channels of that level and of those above it.
        norm: after each convolution but the first.
        spectral: spectral normalisation.
    """

    def __init__(self, dims: int, channels: int, wide: list[int], norm: Norm, spectral: bool) -> None:
        super().__init__()
        if len(wide) == 1:
            only = convolution(dims, channels, wide[0], 3, padding=1, spectral=spectral, bias=False)
            self.layers = nn.ModuleList([only])
            return
        before, self.layers = channels, nn.ModuleList()
        for after in wide[-2::-1]:
            strided = convolution(dims, before, after, 4, 2, 1, spectral=spectral, bias=False)
            normed = normalisation("none" if before == channels else norm, after, dims)
            self.layers.append(nn.Sequential(strided, normed))
            before = after

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, *sides)`` to ``(n, wide[0], *sides)``, halved where there is more above."""
        for layer in self.layers:
            x = F.leaky_relu_(layer(even(x) if len(self.layers) > 1 else x), SLOPE)
        return x


class Down(nn.Module):
    """Half the sum of a path of two convolutions and of one of pooled values; both halve the sides.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        norm: after each convolution.
        spectral: spectral normalisation.
    """

    def __init__(self, dims: int, before: int, after: int, norm: Norm, spectral: bool) -> None:
        super().__init__()
        self.halve = convolution(dims, before, after, 4, 2, 1, spectral=spectral, bias=False)
        self.halve_norm = normalisation(norm, after, dims)
        self.keep = convolution(dims, after, after, 3, padding=1, spectral=spectral, bias=False)
        self.keep_norm = normalisation(norm, after, dims)
        self.direct = convolution(dims, before, after, 1, spectral=spectral, bias=False)
        self.direct_norm = normalisation(norm, after, dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *halved)``."""
        main = F.leaky_relu_(self.halve_norm(self.halve(even(x))), SLOPE)
        main = F.leaky_relu_(self.keep_norm(self.keep(main)), SLOPE)
        direct = F.leaky_relu_(self.direct_norm(self.direct(box_down(x))), SLOPE)
        return (main + direct) / 2


class Decoder(nn.Module):
    """Doublings with a convolution, a norm and a gated linear unit; then the image.

    Args:
        dims: spatial axes.
        before: channels of the features.
        channels: of the image.
        sizes: sides after each doubling.
        width: of the discriminator; the first doubling has twice as many channels.
        norm: after each doubling.
        spectral: spectral normalisation.
    """

    def __init__(
        self,
        dims: int,
        before: int,
        channels: int,
        sizes: list[tuple[int, ...]],
        width: int,
        norm: Norm,
        spectral: bool,
    ) -> None:
        super().__init__()
        self.up, self.norm = nn.ModuleList(), nn.ModuleList()
        for size, multiple in zip(sizes, _DECODER, strict=False):
            after = max(1, int(width * multiple))
            self.up.append(doubled_convolution(dims, before, 2 * after, size, spectral=spectral))
            self.norm.append(normalisation(norm, 2 * after, dims))
            before = after
        self.show = convolution(dims, before, channels, 3, padding=1, spectral=spectral, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, channels, *last size)``."""
        for up, norm in zip(self.up, self.norm, strict=True):
            x = gated(norm(up(x)))
        return self.show(x)
