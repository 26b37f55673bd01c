"""A residual perceptron for vectors that can take a condition."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.ranges import Count
from genus.core.registry import network


@network("residual-mlp")
def residual_mlp(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 128,
    blocks: Count = 3,
) -> nn.Module:
    """Residual perceptron from one shape to another, modulated by a condition.

    Args:
        inputs: any shape; it is flattened.
        outputs: any shape.
        condition: features of the condition per example; 0 for none.
        width: hidden units.
        blocks: residual blocks of two layers each.

    Returns:
        a module ``forward(x, condition=None)``.
    """
    return ResidualMLP(inputs, outputs, condition, width=width, blocks=blocks)


class ResidualMLP(nn.Module):
    """The module behind :func:`residual_mlp`.

    Args:
        inputs, outputs: shapes without batch axis.
        condition: features of the condition, 0 for none.
        width: hidden units.
        blocks: residual blocks.
    """

    def __init__(
        self, inputs: tuple[int, ...], outputs: tuple[int, ...], condition: int, *, width: int, blocks: int
    ) -> None:
        super().__init__()
        self.outputs = outputs
        self.first = nn.Linear(math.prod(inputs), width)
        self.blocks = nn.ModuleList(_Block(width, condition) for _ in range(blocks))
        self.last = nn.Linear(width, math.prod(outputs))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, *inputs)`` with a condition ``(n, features)`` to ``(n, *outputs)``."""
        h = self.first(x.flatten(1))
        if condition is not None:
            condition = F.silu(condition)
        for block in self.blocks:
            h = block(h, condition)
        return self.last(F.silu(h)).view(-1, *self.outputs)


class _Block(nn.Module):
    """x + W₂ silu(modulate(norm(W₁ silu(x))))."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.modulate = nn.Linear(condition, 2 * width) if condition else None
        self.linear2 = nn.Linear(width, width)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h = self.norm(self.linear1(F.silu(x)))
        if self.modulate is not None and condition is not None:
            scale, shift = self.modulate(condition).chunk(2, 1)
            h = torch.addcmul(shift, h, 1 + scale)
        return x + self.linear2(F.silu(h))
