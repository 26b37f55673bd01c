"""Invertible maps of single numbers, each told by a few other numbers; what couplings move elements by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn


class ElementTransform(nn.Module, ABC):
    """Maps each element of x by itself, increasing, with ``numbers`` parameters per element.

    What it is told comes from a network: ``(n, numbers · channels, *sides)``, all channels' first
    numbers before all channels' second ones. Learned gains per channel, which start at zero,
    multiply it, so that a new transform is the identity.
    """

    numbers: int
    """Parameters per element."""

    @abstractmethod
    def forward(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln dy/dx of each element, both shaped like x ``(n, channels, *sides)``."""

    @abstractmethod
    def inverse(self, y: Tensor, told: Tensor) -> Tensor:
        """Return x."""


TransformFactory = Callable[[int, int], ElementTransform]
"""Builds a transform from the number of channels and the number of sides (0 for vectors)."""


class Shift(ElementTransform):
    """y = x + t with t = g_t (·), which keeps volumes exactly (arXiv:1410.8516).

    Args:
        channels: of x.
        dims: number of sides, 0 for vectors.
    """

    numbers = 1

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(channels, *[1] * dims))

    def forward(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and zeros."""
        return torch.addcmul(x, self.gain, told), torch.zeros_like(x)

    def inverse(self, y: Tensor, told: Tensor) -> Tensor:
        """Return x."""
        return y - self.gain * told


class ScaleAndShift(ElementTransform):
    """y = x exp(s) + t with s = g_s tanh(·) and t = g_t (·) (arXiv:1605.08803).

    Args:
        channels: of x.
        dims: number of sides, 0 for vectors.
    """

    numbers = 2

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(2, channels, *[1] * dims))

    def forward(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and s."""
        scale, shift = self._scale_and_shift(told)
        return torch.addcmul(shift, x, scale.exp()), scale

    def inverse(self, y: Tensor, told: Tensor) -> Tensor:
        """Return x."""
        scale, shift = self._scale_and_shift(told)
        return (y - shift) * (-scale).exp()

    def _scale_and_shift(self, told: Tensor) -> tuple[Tensor, Tensor]:
        raw_scale, raw_shift = told.chunk(2, 1)
        return self.gain[0] * raw_scale.tanh(), self.gain[1] * raw_shift
