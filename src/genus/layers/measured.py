"""Invertible affine layers whose numbers are measured on data before training, not learned.

They bring data near the standard normal, which is where a flow starts as the identity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

_RESOLUTION = 2.0**-23
"""Relative distance of neighbouring float32 numbers: less of a spread is rounding."""


class Measured(nn.Module, ABC):
    """An affine layer that is the identity until it has been measured.

    Each of its ``passes`` over some data: :meth:`statistics` of batches are added up by
    :meth:`add`, then :meth:`settle` turns the sums into the layer's numbers. Settling again changes
    nothing, and settling without data leaves the identity.
    """

    passes: int = 1

    @abstractmethod
    def statistics(self, x: Tensor, condition: Tensor | None, number: int) -> tuple[Tensor, ...]:
        """Sums over a batch that pass ``number`` needs."""

    @abstractmethod
    def add(self, statistics: tuple[Tensor, ...], number: int) -> None:
        """Take the statistics of a batch into account."""

    @abstractmethod
    def settle(self, number: int) -> None:
        """Turn the sums of pass ``number`` into the numbers the layer uses."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return y ``(n, *shape)`` and ln |det ∂y/∂x|, a scalar or ``(n,)``."""

    @abstractmethod
    def inverse(self, y: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return x."""


class Standardise(Measured):
    """y = (x − m)/s with the mean and standard deviation of each element, measured in float64.

    Args:
        shape: of an example; an axis of length 1 stands for all its places together.
        smallest: floor of the standard deviation, so that constant elements stay finite. None where the unit
            of the data is unknown: every spread but none is kept, and that of constant elements is 1.
    """

    count: Tensor
    total: Tensor
    squares: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, ...], smallest: float | None = 1e-3) -> None:
        super().__init__()
        self.smallest = smallest
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("total", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("spread", torch.ones(shape, dtype=torch.float64))

    def statistics(self, x: Tensor, condition: Tensor | None, number: int) -> tuple[Tensor, ...]:
        """Count, sum and sum of squares."""
        del condition, number
        x = x.double()
        shared = [axis for axis, n in enumerate(self.mean.shape, 1) if n == 1]
        total, squares = x.sum(0), x.square().sum(0)
        places = total.numel() / self.mean.numel()
        if shared:
            axes = [axis - 1 for axis in shared]
            total, squares = total.sum(axes, keepdim=True), squares.sum(axes, keepdim=True)
        return x.new_tensor(len(x) * places), total, squares

    def add(self, statistics: tuple[Tensor, ...], number: int) -> None:
        """Add to the sums."""
        del number
        for total, part in zip((self.count, self.total, self.squares), statistics, strict=True):
            total += part

    def settle(self, number: int) -> None:
        """Set mean and spread."""
        del number
        if not self.count:
            return
        self.mean.copy_(self.total / self.count)
        self.spread.copy_(spread_of(self.squares / self.count, self.mean, self.smallest))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x|, a scalar."""
        del condition
        y = (x.double() - self.mean) / self.spread  # differences of large numbers need the digits
        return y.to(x.dtype), -self.spread.log().sum()

    def inverse(self, y: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return x."""
        del condition
        return (y.double() * self.spread + self.mean).to(y.dtype)


def spread_of(squares: Tensor, mean: Tensor, smallest: float | None) -> Tensor:
    """Standard deviations from mean squares and means, all of one shape, float64.

    Args:
        squares: mean squares.
        mean: means.
        smallest: their floor; None for 1 where there is no deviation.
    """
    variance = squares - mean.square()
    if smallest is not None:
        return variance.clamp_min(smallest**2).sqrt()
    rounding = _RESOLUTION * mean.abs()
    spread = variance.clamp_min(0).sqrt()
    return torch.where(spread > rounding, spread, torch.ones_like(spread))
