"""Couplings: invertible layers whose Jacobian is triangular."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genus.core.components import Network
from genus.layers.bijection import Bijection
from genus.layers.element_transform import ElementTransform, TransformFactory


class CouplingPartition(nn.Module, ABC):
    """Divides an example into a part that stays and a part that moves."""

    @abstractmethod
    def channels(self, count: int) -> tuple[int, int]:
        """Channels of the part that stays and of the part that moves, of so many in all."""

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

    def channels(self, count: int) -> tuple[int, int]:
        del count
        return (self.second, self.first) if self.swap else (self.first, self.second)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x[:, : self.first], x[:, self.first :]
        return (second, first) if self.swap else (first, second)

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        return torch.cat([moves, stays] if self.swap else [stays, moves], 1)

    def of_moving(self, x: Tensor) -> Tensor:
        return x


class Alternate(Halves):
    """Elements of the first axis in turn: those with an even number, and those with an odd one.

    Args:
        size: length of that axis, at least 2.
        swap: move the even ones instead of the odd ones.
    """

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        even, odd = x[:, ::2], x[:, 1::2]
        return (odd, even) if self.swap else (even, odd)

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        joined = stays.new_empty(len(stays), self.first + self.second, *stays.shape[2:])
        joined[:, ::2], joined[:, 1::2] = (moves, stays) if self.swap else (stays, moves)
        return joined


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

    def channels(self, count: int) -> tuple[int, int]:
        return count, count

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        moves = x * self.mask
        return x - moves, moves

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        return stays + moves

    def of_moving(self, x: Tensor) -> Tensor:
        return x * self.mask


class Coupling(Bijection):
    """Moves one part of an example as the other part says: y_b = f(x_b; network(x_a)), y_a = x_a.

    Args:
        partition: which part stays.
        network: from the part that stays, ``(n, a, *sides)``, to ``(n, numbers · b, *sides)``.
        transform: f, of the b channels of the part that moves.
    """

    def __init__(self, partition: CouplingPartition, network: nn.Module, transform: ElementTransform) -> None:
        super().__init__()
        self.partition = partition
        self.transform = transform
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x|, ``(n,)``."""
        stays, moves = self.partition.split(x)
        moved, slope = self.transform(moves, self.network(stays).to(stays.dtype))
        y = self.partition.join(stays, self.partition.of_moving(moved))
        return y, self.partition.of_moving(slope).flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        stays, moved = self.partition.split(y)
        moves = self.transform.inverse(moved, self.network(stays).to(stays.dtype))
        return self.partition.join(stays, self.partition.of_moving(moves))


def build_coupling(
    shape: tuple[int, ...], partition: CouplingPartition, network: Network, transform: TransformFactory
) -> Coupling:
    """A coupling of examples of a shape.

    Args:
        shape: of an example.
        partition: which part stays.
        network: builds the network of the coupling.
        transform: builds f from the channels that move and the number of sides.
    """
    sides = shape[1:]
    stay, move = partition.channels(shape[0])
    moving = transform(move, len(sides))
    return Coupling(partition, network((stay, *sides), (moving.numbers * move, *sides)), moving)
