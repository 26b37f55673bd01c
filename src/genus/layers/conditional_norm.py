"""Normalisation whose gain and shift follow a condition."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genus.layers.convolution import Norm, normalisation


class AffineMap(nn.Linear):
    """A linear map from a condition to gains or shifts of channels, zero at first.

    A class of its own, so that initialisers and spectral normalisation can tell it from others.

    Args:
        condition: features of the condition.
        channels: channels it speaks about.
    """

    def __init__(self, condition: int, channels: int) -> None:
        super().__init__(condition, channels, bias=False)
        nn.init.zeros_(self.weight)


class ConditionalNorm(nn.Module):
    """y = (1 + W c) · norm(x) + V c, per channel, with no gain and shift of its own.

    If c is the embedding of a class, each class has its gains and shifts; with W = V = 0 at first
    all start alike. Without a condition it is the plain norm with a learned gain and shift.

    Args:
        channels: of the feature map.
        condition: features of c; 0 for none.
        dims: spatial axes.
        norm: what is normalised.

    Paper: arXiv:1610.07629, arXiv:1802.05637.
    """

    def __init__(self, channels: int, condition: int, dims: int, norm: Norm = "batch") -> None:
        super().__init__()
        self.norm = normalisation(norm, channels, dims)
        self.gain = AffineMap(condition, channels) if condition else None
        self.shift = AffineMap(condition, channels) if condition else None
        if condition and norm != "none":
            _without_affine(self.norm)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise ``(n, channels, *sides)`` under conditions ``(n, condition)``."""
        h = self.norm(x)
        if self.gain is None or self.shift is None or condition is None:
            return h
        shape = (len(x), -1, *(1,) * (x.dim() - 2))
        return torch.addcmul(self.shift(condition).view(shape), h, 1 + self.gain(condition).view(shape))


def told_norm(norm: Norm, channels: int, dims: int, condition: int) -> nn.Module:
    """A norm with a condition of ``condition`` features, or the plain one where there are none."""
    if not condition:
        return normalisation(norm, channels, dims)
    return ConditionalNorm(channels, condition, dims, norm)


class ConditionedSequential(nn.Sequential):
    """Layers one after the other, of which the conditional norms receive the condition."""

    def forward(self, input: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``input`` through all layers; ``condition`` is ``(n, features)``."""
        x = input
        for layer in self:
            x = layer(x, condition) if isinstance(layer, ConditionalNorm) else layer(x)
        return x


def _without_affine(norm: nn.Module) -> None:
    """Take gain and shift from a norm; torch's functions accept None for both."""
    norm.affine = False  # type: ignore[assignment]
    norm.register_parameter("weight", None)
    norm.register_parameter("bias", None)
