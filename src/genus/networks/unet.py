"""U-Net: an encoder and a decoder of residual blocks, joined at every resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.ranges import Count, Natural, ShareBelow1
from genus.core.registry import network
from genus.layers.attention import SelfAttention
from genus.layers.convolution import convolution
from genus.layers.folding import depth_to_space, space_to_depth


@network("unet", paper="arXiv:1505.04597, arXiv:2006.11239")
def unet(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 32,
    multipliers: Sequence[Count] = (1, 2, 2),
    blocks: Count = 1,
    attention: Sequence[Natural] = (),
    heads: Count = 1,
    dropout: ShareBelow1 = 0.0,
    patch: Count = 1,
) -> nn.Module:
    """U-Net of residual blocks with group normalisation, for signals, images and volumes.

    Sides may have any length, odd ones included: a level halves them rounding up, and the way up
    returns to the exact size of each level. A condition scales and shifts the features of every
    block after their normalisation.

    Args:
        inputs: channels, then 1 to 3 sides.
        outputs: channels, then the same sides.
        condition: features of the condition per example; 0 for none.
        width: channels of the first level.
        multipliers: channels of each level, as multiples of ``width``.
        blocks: residual blocks per level and direction.
        attention: levels, counted from 0, whose blocks are followed by self-attention; the
            lowest level's middle block attends whenever its level is listed.
        heads: heads of self-attention.
        dropout: share of features dropped inside blocks, in [0, 1).
        patch: side of the squares of pixels that are folded into channels before the first
            level and unfolded after the last; 2 makes large images four times cheaper.

    Returns:
        a module ``forward(x, condition=None)``.

    Raises:
        RecipeError: for vectors, when input and output sides differ, or when there is no level.
    """
    if inputs[1:] != outputs[1:]:
        raise RecipeError(f"unet keeps the sides of its input {inputs}; it cannot give {outputs}")
    if not 2 <= len(inputs) <= 4:
        raise RecipeError(
            f"unet needs 1 to 3 sides; these data have the shape {inputs}: choose residual-mlp for vectors"
        )
    if not multipliers:
        raise RecipeError("unet needs at least one level: give multipliers, for example [1, 2, 2]")
    return UNet(
        inputs, outputs[0], condition, [width * m for m in multipliers],
        blocks=blocks, attention=attention, heads=heads, dropout=dropout, patch=patch,
    )  # fmt: skip


class UNet(nn.Module):
    """The module behind :func:`unet`.

    Args:
        inputs: channels, then sides.
        channels: output channels.
        condition: features of the condition, 0 for none.
        widths: channels of each level.
        blocks, attention, heads, dropout, patch: as in :func:`unet`.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        channels: int,
        condition: int,
        widths: Sequence[int],
        *,
        blocks: int,
        attention: Sequence[int],
        heads: int,
        dropout: float,
        patch: int,
    ) -> None:
        super().__init__()
        dims = len(inputs) - 1
        conv = partial(convolution, dims)
        folded = patch**dims
        self.patch = patch

        def block(level: int, before: int, after: int) -> UNetBlock:
            attends = heads if level in attention else 0
            return UNetBlock(dims, before, after, condition, dropout=dropout, heads=attends)

        self.first = conv(inputs[0] * folded, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        now = widths[0]
        for level, width in enumerate(widths):
            if level:
                self.shrink.append(conv(now, width, 3, stride=2, padding=1))
                now = width
            self.down.append(nn.ModuleList(block(level, now, width) for _ in range(blocks)))
        lowest = len(widths) - 1
        self.middle = block(lowest, now, now)
        self.up = nn.ModuleList()
        self.grow = nn.ModuleList()
        for level in range(lowest, -1, -1):
            width = widths[level]
            if level < lowest:
                self.grow.append(conv(widths[level + 1], width, 3, padding=1))
            self.up.append(nn.ModuleList(block(level, 2 * width, width) for _ in range(blocks)))
        self.norm = Norm(widths[0])
        self.last = conv(widths[0], channels * folded, 3, padding=1)
        _zero(self.last)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, channels, *sides)`` with a condition ``(n, features)`` to the output."""
        sides = x.shape[2:]
        h = self.first(space_to_depth(x, self.patch))
        if condition is not None:
            condition = F.silu(condition)
        skips: list[Tensor] = []
        for level, blocks in enumerate(self.down):
            if level:
                h = self.shrink[level - 1](h)
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, condition)
                skips.append(h)
        h = self.middle(h, condition)
        for level, blocks in enumerate(self.up):
            if level:
                h = self.grow[level - 1](F.interpolate(h, skips[-1].shape[2:]))
            for block in blocks:  # type: ignore[attr-defined]
                h = block(torch.cat([h, skips.pop()], 1), condition)
        return depth_to_space(self.last(F.silu(self.norm(h))), self.patch, sides)


class Norm(nn.GroupNorm):
    """Group normalisation in single precision at least, with groups of at least eight channels.

    Under mixed precision it is faster so on CPUs, where half-precision elementwise kernels are slow,
    and it is what autocast does on GPUs.

    Args:
        channels: of the feature map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(math.gcd(channels, max(channels // 8, 1)), channels)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``(n, channels, *sides)``."""
        return super().forward(input if input.dtype == torch.float64 else input.float())


class UNetBlock(nn.Module):
    """x + conv(drop(silu(modulate(norm(conv(silu(norm(x)))))))), then attention where ``attention`` says so.

    Args:
        dims: number of spatial axes.
        before: channels of the input.
        after: channels of the output.
        condition: features of the condition, 0 for none.
        dropout: share of features dropped.
        heads: heads of the self-attention that follows; 0 for none.
    """

    def __init__(
        self, dims: int, before: int, after: int, condition: int = 0, *, dropout: float = 0.0, heads: int = 0
    ) -> None:
        super().__init__()
        conv = partial(convolution, dims)
        self.norm1 = Norm(before)
        self.conv1 = conv(before, after, 3, padding=1)
        self.modulate = nn.Linear(condition, 2 * after) if condition else None
        self.norm2 = Norm(after)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = conv(after, after, 3, padding=1)
        self.skip = conv(before, after, 1) if before != after else nn.Identity()
        self.attention = SelfAttention(after, heads) if heads else nn.Identity()
        _zero(self.conv2)  # a new block is its skip connection

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *sides)``."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.modulate is not None and condition is not None:
            found = self.modulate(condition).view(len(x), -1, *[1] * (x.dim() - 2))
            scale, shift = found.chunk(2, 1)
            h = torch.addcmul(shift, h, 1 + scale)
        return self.attention(self.skip(x) + self.conv2(self.dropout(F.silu(h))))


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
