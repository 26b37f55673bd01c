"""Affine couplings: invertible layers whose Jacobian is triangular."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class CouplingPartition(nn.Module, ABC):
    """Divides an example into a part that stays and a part that moves."""

    @abstractmethod
    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the part that stays and the part that moves."""

    @abstractmethod
    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        """Undo :meth:`split`."""

    @abstractmethod
    def of_moving(self, x: Tensor) -> Tensor:
        """Keep of a tensor shaped like the moving part what really moves; zero elsewhere."""


class Halves(CouplingPartition):
    """Halves of the first axis: channels of an image, coordinates of a vector.

    Args:
        size: length of that axis, at least 2.
        swap: move the first half instead of the second.
    """

    def __init__(self, size: int, *, swap: bool) -> None:
        super().__init__()
        self.first = size - size // 2
        self.second = size // 2
        self.swap = swap

    @property
    def sizes(self) -> tuple[int, int]:
        """Lengths of the part that stays and of the part that moves."""
        return (self.second, self.first) if self.swap else (self.first, self.second)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x[:, : self.first], x[:, self.first :]
        return (second, first) if self.swap else (first, second)

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        return torch.cat([moves, stays] if self.swap else [stays, moves], 1)

    def of_moving(self, x: Tensor) -> Tensor:
        return x


class Checkerboard(CouplingPartition):
    """Places whose coordinates have an even sum stay, the others move; any number of axes.

    Both parts keep the full shape, with zeros where the other part is.

    Args:
        sides: sides of the grid.
        swap: exchange the two.
    """

    mask: Tensor

    def __init__(self, sides: Sequence[int], *, swap: bool) -> None:
        super().__init__()
        total = sum(torch.meshgrid(*(torch.arange(side) for side in sides), indexing="ij"), torch.tensor(0))
        self.register_buffer("mask", ((total + swap) % 2).float(), persistent=False)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        moves = x * self.mask
        return x - moves, moves

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        return stays + moves

    def of_moving(self, x: Tensor) -> Tensor:
        return x * self.mask


class AffineCoupling(nn.Module):
    """Scale and shift one part by the other: y_b = x_b ⊙ exp(s(x_a)) + t(x_a) (arXiv:1605.08803).

    s = g_s tanh(·) and t = g_t (·) of a network's output, with learned gains per channel that start
    at zero, so a new coupling is the identity.

    Args:
        partition: which part stays.
        network: from the part that stays, ``(n, a, *sides)``, to ``(n, 2b, *sides)``.
        channels: b, channels of the part that moves.
        dims: number of spatial axes, 0 for vectors.
    """

    def __init__(self, partition: CouplingPartition, network: nn.Module, *, channels: int, dims: int) -> None:
        super().__init__()
        self.partition = partition
        self.network = network
        self.gain = nn.Parameter(torch.zeros(2, channels, *[1] * dims))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x| = Σ s, ``(n,)``."""
        stays, moves = self.partition.split(x)
        scale, shift = self._scale_and_shift(stays)
        return self.partition.join(stays, torch.addcmul(shift, moves, scale.exp())), scale.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        stays, moves = self.partition.split(y)
        scale, shift = self._scale_and_shift(stays)
        return self.partition.join(stays, (moves - shift) * (-scale).exp())

    def _scale_and_shift(self, stays: Tensor) -> tuple[Tensor, Tensor]:
        raw_scale, raw_shift = self.network(stays).to(stays.dtype).chunk(2, 1)
        scale = self.gain[0] * raw_scale.tanh()
        return self.partition.of_moving(scale), self.partition.of_moving(self.gain[1] * raw_shift)
