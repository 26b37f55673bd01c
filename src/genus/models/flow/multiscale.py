"""Flows of several scales: squeezing, and factoring half of the elements out."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from genus.core.components import Network
from genus.core.errors import RecipeError
from genus.layers.bijection import Bijection, Chain
from genus.layers.coupling import Checkerboard, Halves, build_coupling
from genus.layers.element_transform import ScaleAndShift
from genus.layers.folding import Squeezing, squeeze, unsqueeze

Build = Callable[[tuple[int, ...]], Bijection]
"""Builds a bijection of examples of a shape."""


def affine_couplings(shape: tuple[int, ...], network: Network, count: int, *, checkerboard: bool) -> Chain:
    """Affine couplings with alternating partitions.

    Args:
        shape: of what passes through.
        network: of each coupling.
        count: number of couplings.
        checkerboard: partition places, not channels or coordinates.
    """
    swaps = [i % 2 == 1 for i in range(count)]
    if checkerboard:
        partitions = [Checkerboard(shape[1:], swap=swap) for swap in swaps]
    else:
        partitions = [Halves(shape[0], swap=swap) for swap in swaps]
    return Chain(build_coupling(shape, partition, network, ScaleAndShift) for partition in partitions)


class MultiScaleFlow(Bijection):
    """Bijection of examples and as many latent numbers (arXiv:1605.08803, section 3.6).

    Each scale: a part before 2-wide blocks are squeezed into channels, the squeezing, a part after
    it, and half of the channels leave as latent numbers. The last scale is one part without
    squeezing. A scale whose sides are odd ends the flow; vectors pass the last part alone.

    Args:
        shape: of an example, of two or more numbers.
        before: builds the part before squeezing; None for none.
        after: builds the part after it.
        last: builds the last scale.
        scales: largest number of scales.
        squeeze: how 2-wide blocks become channels: as they are (``plain``, the paper's), or by a
            ``haar`` transform, so that what leaves are details and what stays is coarser.

    Raises:
        RecipeError: when nothing can be partitioned.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        before: Build | None,
        after: Build,
        last: Build,
        scales: int,
        squeeze: Squeezing = "plain",
    ) -> None:
        super().__init__()
        self.squeeze: Squeezing = squeeze
        require_two_numbers(shape)
        self.before = nn.ModuleList()
        self.after = nn.ModuleList()
        self.shapes: list[tuple[int, ...]] = []  # of what leaves at each scale
        while len(self.shapes) < scales - 1 and squeezable(shape):
            self.before.append(before(shape) if before else Chain([]))
            shape = squeezed(shape)
            self.after.append(after(shape))
            shape = (shape[0] // 2, *shape[1:])
            self.shapes.append(shape)
        self.last = last(shape)
        self.shapes.append(shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return latent numbers ``(n, size)`` and ln |det ∂z/∂x|, ``(n,)``."""
        total = x.new_zeros(len(x))
        leaving: list[Tensor] = []
        for before, after in zip(self.before, self.after, strict=True):
            x, change = before(x)
            total = total + change
            x, change = after(squeeze(x, self.squeeze))
            total = total + change
            x, left = x.chunk(2, 1)
            leaving.append(left)
        x, change = self.last(x)
        leaving.append(x)
        return torch.cat([part.flatten(1) for part in leaving], 1), total + change

    def inverse(self, y: Tensor) -> Tensor:
        """Return examples ``(n, *shape)``."""
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = [part.reshape(-1, *shape) for part, shape in zip(y.split(sizes, 1), self.shapes, strict=True)]
        x = self.last.inverse(parts.pop())
        for before, after, left in zip(
            reversed(self.before), reversed(self.after), reversed(parts), strict=True
        ):
            x = after.inverse(torch.cat([x, left], 1))  # type: ignore[operator]
            x = before.inverse(unsqueeze(x, self.squeeze))  # type: ignore[operator]
        return x


def require_two_numbers(shape: tuple[int, ...]) -> None:
    """Refuse examples of a single number.

    Raises:
        RecipeError: naming what a coupling needs.
    """
    if math.prod(shape) < 2:
        raise RecipeError("a coupling needs at least two numbers per example: one stays, one moves")


def squeezable(shape: tuple[int, ...]) -> bool:
    """Whether an example has sides, all of them even."""
    return len(shape) > 1 and all(side % 2 == 0 for side in shape[1:])


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of an example whose 2-wide blocks have been folded into channels."""
    return (shape[0] * 2 ** (len(shape) - 1), *(side // 2 for side in shape[1:]))
