"""The discriminator of FastGAN, which learns to reconstruct images, too."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from genus.core.errors import RecipeError
from genus.core.network import SelfSupervised
from genus.core.noise import Noise
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.convolution import Norm, convolution, normalisation
from genus.layers.excitation import SkipLayerExcitation
from genus.layers.modulation import channels_last
from genus.layers.resampling import box_down, halved
from genus.layers.style import SLOPE
from genus.networks.fastgan import initialise, multiple_of
from genus.networks.fastgan_blocks import DOUBLINGS, Decoder, Down, Entrance
from genus.networks.style_shapes import discriminator_sizes

_ENTRY = 6
"""Level (256²) at which residual blocks begin; strided convolutions lead there from above."""
_GAP = 3


@network("fastgan-discriminator", paper="arXiv:2101.04775")
def fastgan_discriminator(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    norm: Literal["batch", "layer", "instance", "none"] = "batch",
    spectral: bool = True,
) -> nn.Module:
    """Residual blocks down to 8², gated across resolutions, with two decoders for real images.

    ``forward_with_loss`` also gives the paper's L_recon: one decoder draws the whole image (at most
    128²) from the last features, the other a random quadrant of it from the same part of the
    features before. What differs: errors are mean absolute ones, where the authors' code has a
    pre-trained perceptual distance; every example has a quadrant of its own; decoders end
    linearly, as data may be unbounded; the paper's 5 × 5 scores are averaged; the code's second
    branch for images of 128² is not in the paper and left out. Images below 64 have fewer
    gates, and those below 16 end at 4².

    Args:
        inputs: channels, then 1 to 3 sides of at least 7.
        outputs: ``(features,)``.
        condition: 0; this network takes none.
        width: channels at 64²; 4 times as many at 8².
        norm: in all blocks and decoders; slopes of each example's score (gradient penalties) need
            another than the paper's ``batch``.
        spectral: spectral normalisation of every convolution, as in the authors' code.

    Raises:
        RecipeError: for other shapes, and for a condition.
    """
    if condition:
        raise RecipeError("network 'fastgan-discriminator' takes no condition; use 'stylegan2-discriminator'")
    sizes = discriminator_sizes("fastgan-discriminator", inputs, outputs)
    if len(sizes) < 2:
        raise RecipeError(
            f"network 'fastgan-discriminator' needs sides of at least 7, got {inputs[1:]}; use 'mlp'"
        )
    return FastGANDiscriminator(inputs[0], outputs[0], sizes, width, norm, spectral)


class FastGANDiscriminator(SelfSupervised):
    """The module behind :func:`fastgan_discriminator`.

    Levels are counted as the generator's, from 4² up. Features at a level have the generator's
    channels one level above.

    Args:
        channels: of the image.
        features: of the output.
        sizes: sides of each level, the smallest first; two at least.
        width: channels at 64².
        norm: in all blocks and decoders.
        spectral: spectral normalisation.
    """

    def __init__(
        self,
        channels: int,
        features: int,
        sizes: list[tuple[int, ...]],
        width: int,
        norm: Norm,
        spectral: bool,
    ) -> None:
        super().__init__()
        dims = len(sizes[0])
        self.top = len(sizes) - 1
        self.last = min(1, self.top - 1)
        self.entry = min(self.top, _ENTRY)
        self.gap = min(_GAP, self.entry - self.last)
        wide = [multiple_of(width, level + 1) for level in range(self.top + 1)]
        self.read = Entrance(dims, channels, wide[self.entry :], norm, spectral)
        self.down = nn.ModuleList(
            Down(dims, wide[level + 1], wide[level], norm, spectral)
            for level in range(self.entry - 1, self.last - 1, -1)
        )
        self.gates = nn.ModuleList(
            SkipLayerExcitation(dims, wide[level + self.gap], wide[level], spectral=spectral)
            for level in range(self.entry - self.gap, self.last - 1, -1)
        )
        inner = multiple_of(width, self.last)
        place = tuple(min(4, side) for side in sizes[self.last])
        self.score = nn.Sequential(
            convolution(dims, wide[self.last], inner, 1, spectral=spectral, bias=False),
            normalisation(norm, inner, dims),
            nn.LeakyReLU(SLOPE, inplace=True),
            convolution(dims, inner, features, place, spectral=spectral, bias=False),
        )
        above = sizes[self.last + 1 :]  # a quadrant of the features before starts from the same size
        ends = (width, norm, spectral)
        self.whole = Decoder(dims, wide[self.last], channels, above[:DOUBLINGS], *ends)
        self.part = Decoder(
            dims, wide[self.last + 1], channels, above[:-1][:DOUBLINGS], width, norm, spectral
        )
        initialise(self)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, channels, *sides)`` to scores ``(n, features)``, the mean over places."""
        del condition
        return self._score(self._features(x)[-1])

    def forward_with_loss(self, x: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        *_, before, last = self._features(x)
        corner = noise.integers(2, len(x), x.dim() - 2)
        whole, part = self.whole(last), self.part(quadrant(before, corner))
        loss = distance(whole, box_down(x, self.top - self.last - len(self.whole.up)))
        piece = box_down(quadrant(x, corner), self.top - 1 - self.last - len(self.part.up))
        return self._score(last), loss + distance(part, piece)

    def _features(self, x: Tensor) -> list[Tensor]:
        """Features of every level from the entry down."""
        maps = [self.read(channels_last(x))]
        first = len(self.down) - len(self.gates)
        for step, down in enumerate(self.down):
            h = down(maps[-1])
            gate = step - first
            maps.append(self.gates[gate](maps[gate], h) if gate >= 0 else h)
        return maps

    def _score(self, x: Tensor) -> Tensor:
        return self.score(x).flatten(2).mean(2)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference, in single precision at least."""
    return (one - other).abs().to(torch.promote_types(one.dtype, torch.float32)).mean()


def quadrant(x: Tensor, corner: Tensor) -> Tensor:
    """Cut every example to one half of each axis; halves of odd sides share the middle.

    Args:
        x: ``(n, channels, *sides)``.
        corner: 0 for the first half and 1 for the last, ``(n, axes)``.

    Returns:
        ``(n, channels, *halved)``.
    """
    for axis, (side, half) in enumerate(zip(x.shape[2:], halved(tuple(x.shape[2:])), strict=True)):
        last = corner[:, axis].bool().view(-1, *(1,) * (x.dim() - 1))
        x = torch.where(last, x.narrow(axis + 2, side - half, half), x.narrow(axis + 2, 0, half))
    return x
