"""The residual pair of BigGAN, in 1-D, 2-D and 3-D, for any size and number of channels."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.ranges import Count, Natural
from genus.core.registry import network
from genus.layers.conditional_norm import ConditionalNorm
from genus.layers.convolution import convolution
from genus.layers.gan_blocks import UpBlock, initialise, normalise_spectrally
from genus.layers.pooled_attention import PooledAttention
from genus.networks.resnet_gan import ResidualDiscriminator, chain, channel_widths, generates, place


@network("biggan", paper="arXiv:1809.11096")
def biggan(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    widths: Literal["constant", "doubling"] = "doubling",
    halvings: Natural | None = None,
    blocks: Natural = 0,
    attention: Natural | None = None,
) -> nn.Module:
    """Residual blocks whose norms depend on a piece of the latent and on the condition.

    From ``(latent,)`` to ``(channels, *size)`` it is the paper's generator, with a linear output:
    the latent is split into one piece for the first map and one for each block, and the gains
    and shifts of a block's norms are linear maps of [its piece, condition]. The condition is the
    paper's embedding of the class, shared by all blocks. From ``(channels, *size)`` to
    ``(features,)`` it is the discriminator; with a condition, its one score gets a projection.
    All layers are normalised spectrally, all weights start orthogonal.

    With the defaults, attention 1 and width 96 these are the paper's networks for 128²; with
    constant widths of 256, attention 1, and in the discriminator halvings 2 and blocks 1, the
    authors' for 32². For 256² and 512² the paper repeats some widths instead of doubling them.
    The first map sees its piece of the latent only, as in the authors' code; the paper's table 4
    gives it the condition, too. Attention has no bias and pools, as in that code.

    Args:
        width: channels next to the image.
        widths: constant, or doubling with each halving of the sides, to at most 16-fold; the
            generator's smallest two sizes are equally wide.
        halvings: how often the size is halved (the generator starts there); null for as often
            as leaves the shortest side at 4 or more.
        blocks: residual blocks more at the smallest size (the discriminator has one there anyway).
        attention: self-attention stands where the size was halved so often; null for none.

    Raises:
        RecipeError: when neither side is a vector, the image or the latent is too small, or there
            is no such place for attention.

    >>> biggan((12,), (3, 16, 16), 8, width=4)(torch.zeros(2, 12), torch.zeros(2, 8)).shape
    torch.Size([2, 3, 16, 16])
    """
    net: nn.Module
    if generates("biggan", inputs, outputs):
        sizes = chain(outputs[1:], halvings)
        wide = channel_widths(width, widths, max(len(sizes) - 1, 1))
        spot = place("biggan", attention, 0, len(sizes) - 1)
        net = HierarchicalGenerator(
            inputs[0], outputs[0], wide, sizes, condition, blocks=blocks, attention=spot
        )
    else:
        levels = len(chain(inputs[1:], halvings)) - 1
        wide = channel_widths(width, widths, levels + 1)
        net = ResidualDiscriminator(
            inputs, outputs[0], wide, condition, halvings=levels, blocks=blocks + 1, norm="none",
            attention=place("biggan", attention, 1, levels), wide=True,
        )  # fmt: skip
    initialise(net, "orthogonal")
    normalise_spectrally(net, affine=True)
    return net


def pieces(latent: int, count: int) -> list[int]:
    """Sizes of the pieces of a latent, as equal as can be.

    Raises:
        RecipeError: when there are fewer numbers than pieces.

    >>> pieces(120, 6), pieces(10, 4)
    ([20, 20, 20, 20, 20, 20], [3, 3, 2, 2])
    """
    if latent < count:
        raise RecipeError(
            f"network 'biggan' splits its latent of {latent} into {count} pieces; "
            f"use a latent of {count} or more"
        )
    return [latent // count + (number < latent % count) for number in range(count)]


class HierarchicalGenerator(nn.Module):
    """The module behind :func:`biggan` from a vector.

    Args:
        latent: size of the input.
        channels: of the image.
        widths: channels by halvings of the image; the last one repeats.
        sizes: from the smallest to the image's.
        condition: features of the condition; 0 for none.
        blocks, attention: as in :func:`biggan`.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        widths: list[int],
        sizes: list[tuple[int, ...]],
        condition: int,
        *,
        blocks: int,
        attention: int | None,
    ) -> None:
        super().__init__()
        dims, last = len(sizes[0]), len(sizes) - 1
        wide = [*widths, widths[-1]][: last + 1]
        self.pieces = pieces(latent, 1 + blocks + last)
        self.start = (wide[-1], *sizes[0])
        self.dense = nn.Linear(self.pieces[0], math.prod(self.start))
        conditioned = iter([piece + condition for piece in self.pieces[1:]])
        body: list[nn.Module] = [
            UpBlock(dims, wide[-1], wide[-1], None, next(conditioned), "batch") for _ in range(blocks)
        ]
        if attention == last:
            body.append(PooledAttention(dims, wide[-1]))
        for level in range(last - 1, -1, -1):
            size = sizes[last - level]
            body.append(UpBlock(dims, wide[level + 1], wide[level], size, next(conditioned), "batch"))
            if attention == level:
                body.append(PooledAttention(dims, wide[level]))
        self.body = nn.ModuleList(body)
        self.norm = ConditionalNorm(wide[0], 0, dims)
        self.last = convolution(dims, wide[0], channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map latents ``(n, latent)`` with a condition ``(n, condition)`` to ``(n, channels, *size)``."""
        first, *rest = x.split(self.pieces, 1)
        conditioned = iter(
            rest if condition is None else [torch.cat([piece, condition], 1) for piece in rest]
        )
        h = self.dense(first).view(-1, *self.start)
        for layer in self.body:
            h = layer(h, next(conditioned)) if isinstance(layer, UpBlock) else layer(h)
        return self.last(F.relu(self.norm(h)))
