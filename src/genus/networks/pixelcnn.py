"""PixelCNN: residual blocks of masked convolutions."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.ranges import Count, Natural
from genus.core.registry import network
from genus.layers.masked import Cache, CausalNetwork, MaskedConvolution


@network("pixelcnn", paper="arXiv:1601.06759")
def pixelcnn(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    blocks: Count = 6,
    first_radius: Count = 3,
    radius: Natural = 1,
    heads: Natural = 2,
    dilation_cycle: Count = 1,
    positions: bool = False,
    bottleneck: Literal["early", "late"] = "early",
) -> nn.Module:
    """Causal network of a masked convolution A, residual blocks of masked convolutions B, and 1×1 layers.

    A block is relu, 1×1, relu, masked 3×3, relu, 1×1, plus its input; in between
    it has half the features. With ``width=128, blocks=5, bottleneck="late"`` and one output
    per pixel it has the 532,673 weights of the common 28×28 example.

    Its receptive field has the known blind spot of stacked masked convolutions: of the row
    above, it sees only as many columns to the right as its kernels reach.

    Args:
        inputs: channels, height, width.
        outputs: a multiple of the channels, then the same height and width.
        condition: features of the condition per example; 0 for none.
        width: features of the residual stream; rounded up to a multiple of twice the channels.
        blocks: residual blocks.
        first_radius: of the first kernel, whose side is 2·radius + 1.
        radius: of the kernels in the blocks, 1 for 3×3.
        heads: 1×1 masked layers before the last one.
        dilation_cycle: with 3, blocks look at places 4, 2, 1, 4, 2, 1 … apart, which sees more
            than twice as far as 1, 1, 1 … at the same cost.
        positions: add learned features of row and column to the first layer's, so that the
            network knows where in the image it is.
        bottleneck: features are halved by the first 1×1 layer of a block (``early``, as in the
            paper) or by its masked convolution (``late``).

    Returns:
        a :class:`~genus.layers.masked.CausalNetwork`.

    Raises:
        RecipeError: for shapes that are not images, or outputs that do not fit.
    """
    if len(inputs) != 3 or outputs[1:] != inputs[1:] or outputs[0] % inputs[0]:
        raise RecipeError(
            f"pixelcnn maps images to as many features per channel at each pixel; it cannot map "
            f"{inputs} to {outputs}"
        )
    return PixelCNNNetwork(
        inputs, outputs[0], condition, width=width, blocks=blocks, first_radius=first_radius,
        radius=radius, heads=heads, dilation_cycle=dilation_cycle, positions=positions, bottleneck=bottleneck,
    )  # fmt: skip


class PixelCNNNetwork(CausalNetwork):
    """The module behind :func:`pixelcnn`.

    Args:
        inputs: channels, height, width.
        outputs: features returned per pixel.
        condition: features of the condition, 0 for none.
        width, blocks, first_radius, radius, heads, dilation_cycle, positions, bottleneck: as in
            :func:`pixelcnn`.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        outputs: int,
        condition: int,
        *,
        width: Count,
        blocks: Count,
        first_radius: Count,
        radius: Count,
        heads: Count,
        dilation_cycle: Count,
        positions: bool,
        bottleneck: Literal["early", "late"],
    ) -> None:
        super().__init__()
        channels, *sides = inputs
        width += -width % (2 * channels)
        self.first = MaskedConvolution(channels, width, 2 * first_radius + 1, kind="A", groups=channels)
        self.conditioned = nn.Linear(condition, width) if condition else None
        self.positions = nn.ParameterList(
            0.1 * torch.randn(1, width, *shape) for shape in ((sides[0], 1), (1, sides[1])) if positions
        )
        early, side = bottleneck == "early", 2 * radius + 1
        dilations = [2 ** (dilation_cycle - 1 - i % dilation_cycle) for i in range(blocks)]
        self.blocks = nn.ModuleList(
            CausalResidualBlock(width, side, channels, dilation=dilation, early=early)
            for dilation in dilations
        )
        self.heads = nn.ModuleList(MaskedConvolution(width, width, 1, groups=channels) for _ in range(heads))
        self.last = MaskedConvolution(width, outputs, 1, groups=channels)

    def forward(self, x: Tensor, condition: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Predict all elements, or the cache's current one; see :class:`CausalNetwork`."""
        h = self.first(x, cache)
        if self.conditioned is not None and condition is not None:
            conditioned = self.conditioned(condition)[:, :, None, None]
            h = h + (conditioned if cache is None else cache.of_group(conditioned))
        if self.positions:
            of_row, of_column = self.positions
            h = h + (of_row + of_column if cache is None else cache.of_place(of_row, of_column))
        for block in self.blocks:
            h = block(h, cache)
        for head in self.heads:
            h = head(F.relu(h), cache)
        return self.last(F.relu(h), cache)


class CausalResidualBlock(nn.Module):
    """x + conv₁ₓ₁(relu(masked(relu(conv₁ₓ₁(relu(x)))))).

    Args:
        width: features of input and output.
        size: side of the masked kernel.
        groups: channels of the image.
        dilation: of the masked kernel.
        early: halve the features in the first layer, not in the masked one.
    """

    def __init__(self, width: int, size: int, groups: int, *, dilation: int = 1, early: bool = True) -> None:
        super().__init__()
        half = width // 2
        inner = half if early else width
        self.reduce = MaskedConvolution(width, inner, 1, groups=groups)
        self.look = MaskedConvolution(inner, half, size, groups=groups, dilation=dilation)
        self.restore = MaskedConvolution(half, width, 1, groups=groups)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """Map features to features of the same shape."""
        h = self.reduce(F.relu(x), cache)
        h = self.look(F.relu(h), cache)
        return x + self.restore(F.relu(h), cache)
