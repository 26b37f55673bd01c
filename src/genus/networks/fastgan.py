"""The generator of FastGAN: few layers, noise, and skip-layer excitation across resolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genus.core.network import TakesNoise
from genus.core.noise import Noise
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.convolution import convolution, normalisation
from genus.layers.doubled_convolution import doubled_convolution
from genus.layers.excitation import SkipLayerExcitation, gated
from genus.layers.modulation import channels_last
from genus.layers.style import beside, draw_like
from genus.networks.style_shapes import generator_sizes

MULTIPLES = (16, 8, 4, 2, 2, 1, 0.5, 0.25, 0.125)
"""Channels of each resolution from 4² to 1024², in units of the width."""
_GAP = 4
"""Doublings between the map that gates and the map that is gated."""
_GATES = 4
"""Most gates: from 4² to 64², and so on to 512²."""


@network("fastgan", paper="arXiv:2101.04775")
def fastgan(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    spectral: bool = True,
) -> nn.Module:
    """From a latent to an image of any size from 4 up, by one or two convolutions per resolution.

    As in the authors' code every other resolution has two convolutions with noise, and maps gate
    those 4 doublings above them (fewer in images below 64). What differs from it: there is one
    image, without a second one of 128² from features of that size; the condition, which the paper
    does not have, stands beside the latent. The output is linear.

    Args:
        inputs: ``(latent,)``.
        outputs: channels, then 1 to 3 sides of at least 4.
        condition: features of the condition per example; 0 for none.
        width: channels at 128²; 16 times as many at 4².
        spectral: spectral normalisation of every convolution, as in the authors' code.

    Raises:
        RecipeError: for other shapes.
    """
    latent, sizes = generator_sizes("fastgan", inputs, outputs)
    wide = [multiple_of(width, level) for level in range(len(sizes))]
    return FastGAN(latent, outputs[0], sizes, condition, wide, spectral)


def multiple_of(width: int, level: int) -> int:
    """Channels of a resolution, counted from the smallest.

    >>> [multiple_of(64, level) for level in (0, 3, 8, 20)]
    [1024, 128, 8, 8]
    """
    return max(1, int(width * MULTIPLES[min(level, len(MULTIPLES) - 1)]))


class FastGAN(TakesNoise):
    """The module behind :func:`fastgan`.

    Args:
        latent: size of the latent.
        channels: of the image.
        sizes: sides of each resolution, the smallest first.
        condition: features of the condition, 0 for none.
        wide: channels of each resolution.
        spectral: spectral normalisation.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        sizes: list[tuple[int, ...]],
        condition: int,
        wide: list[int],
        spectral: bool,
    ) -> None:
        super().__init__()
        self.condition = condition
        dims, top = len(sizes[0]), len(sizes) - 1
        self.places = (1,) * dims
        self.first = convolution(
            dims, latent + condition, 2 * wide[0], sizes[0], transposed=True, spectral=spectral, bias=False
        )
        self.norm = normalisation("batch", 2 * wide[0], dims)
        self.up = nn.ModuleList(
            FastGANUp(wide[level - 1], wide[level], sizes[level], spectral=spectral, twice=level % 2 == 1)
            for level in range(1, top + 1)
        )
        self.gap = min(_GAP, top)
        self.gates = nn.ModuleList(
            SkipLayerExcitation(dims, wide[level], wide[level + self.gap], spectral=spectral)
            for level in range(min(_GATES, top + 1 - self.gap) if top else 0)
        )
        self.show = convolution(dims, wide[-1], channels, 3, padding=1, spectral=spectral, bias=False)
        initialise(self)

    def forward(self, x: Tensor, condition: Tensor | None = None, *, noise: Noise) -> Tensor:
        """Map latents ``(n, latent)`` with a condition ``(n, condition)`` to images."""
        h = beside(x.reshape(*x.shape, *self.places), condition, self.condition)
        h = channels_last(self.first(h))
        maps = [gated(self.norm(h))]
        for level, up in enumerate(self.up, 1):
            h = up(maps[-1], noise)
            below = level - self.gap
            maps.append(self.gates[below](maps[below], h) if 0 <= below < len(self.gates) else h)
        return self.show(maps[-1])


class FastGANUp(nn.Module):
    """Doubling, convolution, (noise,) batch normalisation and a gated linear unit; once or twice.

    Noise comes in where there are two convolutions, by a learned strength that starts at 0.

    Args:
        before: channels of the input.
        after: channels of the output.
        size: sides of the output.
        spectral: spectral normalisation.
        twice: a second convolution, and noise after both.
    """

    def __init__(
        self, before: int, after: int, size: tuple[int, ...], *, spectral: bool, twice: bool
    ) -> None:
        super().__init__()
        dims = len(size)
        self.grow = doubled_convolution(dims, before, 2 * after, size, spectral=spectral)
        self.norm = normalisation("batch", 2 * after, dims)
        self.twice = twice
        if twice:
            self.strength = nn.Parameter(torch.zeros(2))
            self.keep = convolution(dims, after, 2 * after, 3, padding=1, spectral=spectral, bias=False)
            self.second_norm = normalisation("batch", 2 * after, dims)

    def forward(self, x: Tensor, noise: Noise) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``."""
        x = self.grow(x)
        if not self.twice:
            return gated(self.norm(x))
        x = gated(self.norm(x.add_(draw_like(x, noise) * self.strength[0])))
        x = self.keep(x)
        return gated(self.second_norm(x.add_(draw_like(x, noise) * self.strength[1])))


def initialise(module: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02²), scales of norms from N(1, 0.02²), as DCGAN's."""
    for name, parameter in module.named_parameters():
        if "norm" in name and name.endswith("weight"):
            nn.init.normal_(parameter, 1.0, 0.02)
        elif parameter.dim() > 2:
            nn.init.normal_(parameter, 0.0, 0.02)
