"""The residual pair of SNGAN and SAGAN, in 1-D, 2-D and 3-D, for any size and number of channels."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.ranges import Count, Natural
from genus.core.registry import network
from genus.layers.conditional_norm import ConditionalNorm
from genus.layers.convolution import Norm, convolution
from genus.layers.gan_blocks import DownBlock, ProjectionReadout, UpBlock, initialise, normalise_spectrally
from genus.layers.pooled_attention import PooledAttention
from genus.layers.resampling import halved, pyramid

_MOST = 16
"""Doubling widths end at this multiple of the first, as in the paper's networks for 128²."""


@network("resnet", paper="arXiv:1802.05957, arXiv:1805.08318")
def resnet(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    widths: Literal["constant", "doubling"] = "constant",
    halvings: Natural | None = None,
    blocks: Natural = 0,
    norm: Literal["batch", "layer", "instance", "none"] | None = None,
    spectral: bool = False,
    attention: Natural | None = None,
) -> nn.Module:
    """Residual blocks down to a vector, or up from it.

    From ``(features,)`` to ``(channels, *size)`` it is the paper's generator, with a linear
    output; from ``(channels, *size)`` to ``(features,)`` its discriminator: features are summed
    over space before the last linear map. The paper's networks are, for 32², the generator with
    width 256 and the discriminator with width 128, halvings 2 and blocks 2; for 48² to 128² the
    doubling ones of width 64, the discriminator with as many halvings as lead to 3 or 4 and
    blocks 1. With ``attention`` and ``spectral`` in both it is SAGAN (2 for its 128²).

    A condition gives the generator's norms gains and shifts, and the discriminator's one score a
    projection; where c is an embedding of the class, this is arXiv:1802.05637.

    Args:
        width: channels next to the image.
        widths: constant, or doubling with each halving of the sides, to at most 16-fold.
        halvings: how often the size is halved (the generator starts there); null for as often
            as leaves the shortest side at 4 or more.
        blocks: residual blocks more at the smallest size.
        norm: before each activation; null for batch in generators and none in discriminators.
        spectral: spectral normalisation of every layer but the maps of a condition to gains.
        attention: self-attention stands where the size was halved so often; null for none.

    Raises:
        RecipeError: when neither side is a vector, the image is too small, or there is no such
            place for attention.

    >>> import torch
    >>> resnet((16,), (1, 28, 28), width=8)(torch.zeros(2, 16)).shape
    torch.Size([2, 1, 28, 28])
    """
    net: nn.Module
    if generates("resnet", inputs, outputs):
        sizes = chain(outputs[1:], halvings)
        net = ResidualGenerator(
            inputs[0], outputs[0], channel_widths(width, widths, len(sizes)), sizes, condition,
            blocks=blocks, norm=norm or "batch", attention=place("resnet", attention, 0, len(sizes) - 1),
        )  # fmt: skip
    else:
        levels = len(chain(inputs[1:], halvings)) - 1
        net = ResidualDiscriminator(
            inputs, outputs[0], channel_widths(width, widths, max(levels, 1)), condition, halvings=levels,
            blocks=blocks, norm=norm or "none", attention=place("resnet", attention, 1, levels),
        )  # fmt: skip
    initialise(net, "xavier")
    if spectral:
        normalise_spectrally(net, affine=False)
    return net


def generates(name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
    """Whether a network of these shapes is a generator; else it is a discriminator.

    Raises:
        RecipeError: when it is neither.
    """
    generator = len(inputs) == 1 and len(outputs) in (2, 3, 4)
    if not generator and not (len(outputs) == 1 and len(inputs) in (2, 3, 4)):
        raise RecipeError(
            f"network {name!r} maps a vector to an image or back, not {inputs} to {outputs}; use 'mlp'"
        )
    return generator


def chain(size: tuple[int, ...], halvings: int | None) -> list[tuple[int, ...]]:
    """Sizes from the smallest to ``size``, by a number of halvings or down to sides of 4.

    Raises:
        RecipeError: when a side would be halved that is 1 already.
    """
    if halvings is None:
        return pyramid(size)
    sizes = [size]
    for _ in range(halvings):
        if min(sizes[0]) < 2:
            raise RecipeError(f"sides of {size} cannot be halved {halvings} times; use fewer halvings")
        sizes.insert(0, halved(sizes[0]))
    return sizes


def place(name: str, attention: int | None, first: int, last: int) -> int | None:
    """Check that attention stands where there are features.

    Raises:
        RecipeError: when there are none.
    """
    if attention is not None and not first <= attention <= last:
        raise RecipeError(
            f"network {name!r} can attend after {first} to {last} halvings at this size, "
            f"not after {attention}; use one of those, or null"
        )
    return attention


def channel_widths(width: int, how: str, count: int) -> list[int]:
    """Channels by halvings, the fewest halvings first."""
    return [width * (1 if how == "constant" else min(2**level, _MOST)) for level in range(count)]


class ResidualGenerator(nn.Module):
    """The module behind :func:`resnet` from a vector.

    Args:
        latent: size of the input.
        channels: of the image.
        widths: channels by halvings of the image.
        sizes: from the smallest to the image's.
        condition: features of the condition; 0 for none.
        blocks, norm, attention: as in :func:`resnet`.
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
        norm: Norm,
        attention: int | None,
    ) -> None:
        super().__init__()
        dims, last = len(sizes[0]), len(sizes) - 1
        self.start = (widths[-1], *sizes[0])
        self.dense = nn.Linear(latent, math.prod(self.start))
        self.body = nn.ModuleList(
            UpBlock(dims, widths[-1], widths[-1], None, condition, norm) for _ in range(blocks)
        )
        if attention == last:
            self.body.append(PooledAttention(dims, widths[-1]))
        for level in range(last - 1, -1, -1):
            size = sizes[last - level]
            self.body.append(UpBlock(dims, widths[level + 1], widths[level], size, condition, norm))
            if attention == level:
                self.body.append(PooledAttention(dims, widths[level]))
        self.norm = ConditionalNorm(widths[0], 0, dims, norm)
        self.last = convolution(dims, widths[0], channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map latents ``(n, latent)`` with a condition ``(n, condition)`` to ``(n, channels, *size)``."""
        h = self.dense(x).view(-1, *self.start)
        for layer in self.body:
            h = layer(h, condition) if isinstance(layer, UpBlock) else layer(h)
        return self.last(F.relu(self.norm(h)))


class ResidualDiscriminator(nn.Module):
    """The module behind :func:`resnet` from an image.

    Args:
        inputs: channels and sides of the image.
        features: numbers read out.
        widths: channels of each halving block.
        condition: features of the condition; 0 for none.
        halvings, blocks, norm, attention: as in :func:`resnet`.
        wide: whether a block's first convolution widens already.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        features: int,
        widths: list[int],
        condition: int,
        *,
        halvings: int,
        blocks: int,
        norm: Norm,
        attention: int | None,
        wide: bool = False,
    ) -> None:
        super().__init__()
        if condition and features != 1:
            raise RecipeError("a conditional discriminator has one output; use features 1")
        dims, before = len(inputs) - 1, inputs[0]
        body: list[nn.Module] = []
        for level in range(max(halvings + blocks, 1)):
            after = widths[min(level, len(widths) - 1)]
            down, first = level < halvings, level == 0
            body.append(DownBlock(dims, before, after, down=down, first=first, norm=norm, wide=wide))
            if attention == level + 1:
                body.append(PooledAttention(dims, after))
            before = after
        self.body = nn.Sequential(*body)
        self.read = ProjectionReadout(before, features, condition)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map images ``(n, channels, *size)`` with a condition ``(n, condition)`` to ``(n, features)``."""
        return self.read(F.relu(self.body(x)).flatten(2).sum(2), condition)
