"""Attention within windows of a signal, an image or a volume."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError


class DoubleAttention(nn.Module):
    """Self-attention whose heads use two sets of windows: one half as is, one half shifted.

    Two neighbours that a border of the first windows divides stand together in the second ones.

    Args:
        size: sides of the map.
        channels: of the map.
        heads: even, and a divisor of ``channels``.
        window: side of windows; shorter where the map is.

    Raises:
        RecipeError: when heads and channels do not fit.

    Paper: arXiv:2112.10762, section 3.3.
    """

    def __init__(self, size: tuple[int, ...], channels: int, heads: int, window: int) -> None:
        super().__init__()
        if heads % 2 or channels % heads:
            raise RecipeError(f"{channels} channels do not divide into {heads} heads, or these into halves")
        self.part = channels // 2
        self.project = nn.Linear(channels, 3 * channels)
        self.merge = nn.Linear(channels, channels)
        self.straight = WindowAttention(size, heads // 2, window)
        self.shifted = WindowAttention(size, heads // 2, window, shift=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, *size, channels)`` to the same shape."""
        found = self.project(x).unflatten(-1, (3, 2, self.part))
        mixed = [self.straight(found[..., 0, :]), self.shifted(found[..., 1, :])]
        return self.merge(torch.cat(mixed, -1))


class WindowAttention(nn.Module):
    """softmax(QKᵀ/√d + b)V among the places of a window, with a bias b for each offset between two.

    The map is filled up at its ends to whole windows; no place attends to the filling. Shifted
    windows start half a window earlier on a ring, and places attend to those only that the ring
    did not bring there from the other end. Where one window holds a whole side it is not shifted.

    Args:
        size: sides of the map.
        heads: a divisor of the channels of queries, keys and values.
        window: side of windows; shorter where the map is.
        shift: whether windows are shifted.

    Paper: arXiv:2103.14030, for the bias and the shift.
    """

    position: Tensor
    mask: Tensor | None

    def __init__(self, size: tuple[int, ...], heads: int, window: int, *, shift: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.size = size
        self.window = tuple(min(window, side) for side in size)
        self.count = tuple(-(-side // w) for side, w in zip(size, self.window, strict=True))
        shifts = (w // 2 if shift and n > 1 else 0 for w, n in zip(self.window, self.count, strict=True))
        self.shift = tuple(shifts)
        offsets = math.prod(2 * w - 1 for w in self.window)
        self.bias = nn.Parameter(torch.empty(offsets, heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        self.register_buffer("position", offset_numbers(self.window), persistent=False)
        self.register_buffer("mask", self._mask(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map queries, keys and values ``(n, *size, 3, channels)`` to ``(n, *size, channels)``."""
        tokens = self._split(x)
        n, windows, places, _, channels = tokens.shape
        heads = tokens.view(n, windows, places, 3, self.heads, channels // self.heads)
        query, key, value = heads.permute(3, 0, 1, 4, 2, 5)
        bias = self.bias[self.position].permute(2, 0, 1)
        if self.mask is not None:
            bias = bias + self.mask[:, None].to(bias.dtype)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2) + bias
        mixed = scores.softmax(-1) @ value
        return self._join(mixed.transpose(2, 3).reshape(n, windows, places, channels))

    def _split(self, x: Tensor) -> Tensor:
        """Cut ``(n, *size, *rest)`` into ``(n, windows, places, *rest)``."""
        dims = len(self.size)
        missing = [n * w - s for n, w, s in zip(self.count, self.window, self.size, strict=True)]
        if any(missing):
            rest = x.dim() - 1 - dims
            x = F.pad(x, [0, 0] * rest + [pad for m in reversed(missing) for pad in (0, m)])
        if any(self.shift):
            x = x.roll([-shift for shift in self.shift], list(range(1, dims + 1)))
        parts = [side for pair in zip(self.count, self.window, strict=True) for side in pair]
        x = x.reshape(len(x), *parts, *x.shape[dims + 1 :])
        order = [*range(1, 2 * dims, 2), *range(2, 2 * dims + 1, 2)]
        x = x.permute(0, *order, *range(2 * dims + 1, x.dim()))
        return x.reshape(len(x), math.prod(self.count), math.prod(self.window), *x.shape[2 * dims + 1 :])

    def _join(self, x: Tensor) -> Tensor:
        """Undo :meth:`_split` for ``(n, windows, places, channels)``."""
        dims = len(self.size)
        x = x.view(len(x), *self.count, *self.window, x.shape[-1])
        order = [axis for pair in zip(range(1, dims + 1), range(dims + 1, 2 * dims + 1), strict=True)
                 for axis in pair]  # fmt: skip
        x = x.permute(0, *order, 2 * dims + 1)
        whole = [n * w for n, w in zip(self.count, self.window, strict=True)]
        x = x.reshape(len(x), *whole, x.shape[-1])
        if any(self.shift):
            x = x.roll(self.shift, list(range(1, dims + 1)))
        return x[(slice(None), *(slice(side) for side in self.size))]

    def _mask(self) -> Tensor | None:
        """−∞ where one place must not attend to another, else 0: ``(windows, places, places)``."""
        whole = [n * w for n, w in zip(self.count, self.window, strict=True)]
        if list(self.size) == whole and not any(self.shift):
            return None
        dims = len(self.size)
        region = torch.zeros(self.size)
        for axis, (side, shift) in enumerate(zip(self.size, self.shift, strict=True)):
            begins = torch.arange(side) < shift  # what starts the map ends the ring
            region += begins.view([-1 if a == axis else 1 for a in range(dims)]) * 2**axis
        filled = self._split(region[None, ..., None] + 1)[0, ..., 0]  # filling becomes 0
        apart = filled[:, :, None] != filled[:, None, :]
        return torch.zeros(apart.shape).masked_fill(apart, -math.inf)


def offset_numbers(window: tuple[int, ...]) -> Tensor:
    """Number of the offset between each two places of a window, ``(places, places)``.

    >>> offset_numbers((3,)).tolist()
    [[2, 1, 0], [3, 2, 1], [4, 3, 2]]
    """
    places = torch.tensor(list(itertools.product(*(range(side) for side in window))))
    offset = places[:, None] - places[None] + torch.tensor(window) - 1
    number = torch.zeros(offset.shape[:2], dtype=torch.int64)
    for axis, side in enumerate(window):
        number = number * (2 * side - 1) + offset[..., axis]
    return number
