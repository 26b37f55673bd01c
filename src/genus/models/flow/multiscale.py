"""The architecture of RealNVP: couplings, squeezing, and factoring half of the elements out."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from genus.core.components import Network
from genus.core.errors import RecipeError
from genus.layers.coupling import AffineCoupling, Checkerboard, Halves
from genus.layers.folding import depth_to_space, haar, inverse_haar, space_to_depth


class CouplingStack(nn.Module):
    """Affine couplings with alternating partitions.

    Args:
        shape: of what passes through.
        network: of each coupling.
        count: number of couplings.
        checkerboard: partition places, not channels or coordinates.
    """

    def __init__(self, shape: tuple[int, ...], network: Network, count: int, *, checkerboard: bool) -> None:
        super().__init__()
        sides = shape[1:]
        couplings: list[AffineCoupling] = []
        for i in range(count):
            swap = i % 2 == 1
            partition = Checkerboard(sides, swap=swap) if checkerboard else Halves(shape[0], swap=swap)
            stay, move = (shape[0], shape[0]) if isinstance(partition, Checkerboard) else partition.sizes
            net = network((stay, *sides), (2 * move, *sides))
            couplings.append(AffineCoupling(partition, net, channels=move, dims=len(sides)))
        self.couplings = nn.ModuleList(couplings)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x|, ``(n,)``."""
        total = x.new_zeros(len(x))
        for coupling in self.couplings:
            x, change = coupling(x)
            total = total + change
        return x, total

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        for coupling in reversed(self.couplings):
            y = coupling.inverse(y)  # type: ignore[operator]
        return y


class MultiScaleFlow(nn.Module):
    """Invertible map of examples to as many latent numbers (arXiv:1605.08803, section 3.6).

    Each scale: checkerboard couplings, squeezing of 2-wide blocks into channels, channel
    couplings, and half of the channels leave as latent numbers. The last scale has checkerboard
    couplings only. A scale whose sides are odd ends the flow. Vectors pass ``couplings``
    couplings of alternating halves.

    Args:
        shape: of an example.
        network: of each coupling; called with the shapes of its input and output.
        couplings: couplings of each kind per scale; one more in the last scale.
        scales: largest number of scales.
        squeeze: how 2-wide blocks become channels: as they are (``plain``, the paper's), or by a
            ``haar`` transform, so that what leaves are details and what stays is coarser.

    Raises:
        RecipeError: when nothing can be partitioned.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        network: Network,
        *,
        couplings: int,
        scales: int,
        squeeze: Literal["plain", "haar"] = "plain",
    ) -> None:
        super().__init__()
        self.squeeze = squeeze
        if math.prod(shape) < 2:
            raise RecipeError("a coupling needs at least two numbers per example: one stays, one moves")
        self.places = nn.ModuleList()
        self.channels = nn.ModuleList()
        self.shapes: list[tuple[int, ...]] = []  # of what leaves at each scale
        self.is_vector = len(shape) == 1
        while not self.is_vector and len(self.shapes) < scales - 1 and all(s % 2 == 0 for s in shape[1:]):
            self.places.append(CouplingStack(shape, network, couplings, checkerboard=True))
            shape = (shape[0] * 2 ** (len(shape) - 1), *(s // 2 for s in shape[1:]))
            self.channels.append(CouplingStack(shape, network, couplings, checkerboard=False))
            shape = (shape[0] // 2, *shape[1:])
            self.shapes.append(shape)
        board = not self.is_vector and math.prod(shape[1:]) > 1
        self.last = CouplingStack(shape, network, couplings + (not self.is_vector), checkerboard=board)
        self.shapes.append(shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return latent numbers ``(n, size)`` and ln |det ∂z/∂x|, ``(n,)``."""
        total = x.new_zeros(len(x))
        leaving: list[Tensor] = []
        for places, channels in zip(self.places, self.channels, strict=True):
            x, change = places(x)
            total = total + change
            x, change = channels(haar(x) if self.squeeze == "haar" else space_to_depth(x, 2))
            total = total + change
            x, left = x.chunk(2, 1)
            leaving.append(left)
        x, change = self.last(x)
        leaving.append(x)
        return torch.cat([part.flatten(1) for part in leaving], 1), total + change

    def inverse(self, z: Tensor) -> Tensor:
        """Return examples ``(n, *shape)``."""
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = [part.reshape(-1, *shape) for part, shape in zip(z.split(sizes, 1), self.shapes, strict=True)]
        x = self.last.inverse(parts.pop())
        scales = zip(reversed(self.places), reversed(self.channels), reversed(parts), strict=True)
        for places, channels, left in scales:
            x = channels.inverse(torch.cat([x, left], 1))  # type: ignore[operator]
            double = [2 * side for side in x.shape[2:]]
            x = inverse_haar(x) if self.squeeze == "haar" else depth_to_space(x, 2, double)
            x = places.inverse(x)  # type: ignore[operator]
        return x
