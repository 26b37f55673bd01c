"""From data to unbounded values and back, with the Jacobian."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from genus.core.noise import Noise
from genus.core.spec import DataSpec
from genus.layers.discrete import dequantise


class Logit(nn.Module):
    """From data units to the real line: y = logit(α + (1 − 2α) u), u in (0, 1) (arXiv:1605.08803).

    u is the position in ``spec.range``, after uniform dequantisation where data have levels:
    level k of L becomes (k + uniform)/L. Unbounded data pass unchanged.

    Args:
        spec: the data; its ``levels`` are those of the model.
        alpha: α in [0, .5), keeps values away from the ends.
    """

    def __init__(self, spec: DataSpec, alpha: float) -> None:
        super().__init__()
        self.spec = spec
        self.alpha = alpha

    def forward(self, x: Tensor, noise: Noise | None) -> tuple[Tensor, Tensor]:
        """Map data to the real line.

        Args:
            x: ``(n, *spec.shape)`` in data units; rounded to the levels.
            noise: for dequantisation; None takes the middle of each bin.

        Returns:
            y, and the log of dy/dx per example ``(n,)``, or, for data with levels, the log of
            dy/du less ``size`` · ln L.
        """
        if self.spec.range is None:
            return x, x.new_zeros(len(x))
        low, high = self.spec.range
        width = 0.0
        if self.spec.levels is not None:
            width = (high - low) / (self.spec.levels - 1)
            x = low + ((x - low) / width).round() * width
            if noise is not None:
                x, _ = dequantise(x, self.spec, noise)
        unit = (x - low + width / 2) / (high - low + width)
        volume = math.log(width / (high - low + width)) if width else -math.log(high - low)
        inner = (self.alpha + (1 - 2 * self.alpha) * unit).clamp(torch.finfo(x.dtype).tiny, 1)
        complement = (self.alpha + (1 - 2 * self.alpha) * (1 - unit)).clamp(torch.finfo(x.dtype).tiny, 1)
        slopes = math.log1p(-2 * self.alpha) - inner.log() - complement.log()
        return inner.log() - complement.log(), slopes.flatten(1).sum(1) + self.spec.size * volume

    def inverse(self, y: Tensor) -> Tensor:
        """Map back to data units, to the level whose bin holds the value."""
        if self.spec.range is None:
            return y
        low, high = self.spec.range
        unit = ((y.sigmoid() - self.alpha) / (1 - 2 * self.alpha)).clamp(0, 1)
        if self.spec.levels is not None:
            top = self.spec.levels - 1
            unit = (unit * self.spec.levels).floor().clamp_max(top) / top
        return low + unit * (high - low)


def with_levels(spec: DataSpec, levels: int | None) -> DataSpec:
    """The data as a model with so many levels sees them; None keeps the data's own."""
    return spec if levels is None else replace(spec, example=replace(spec.example, levels=levels))
