"""Masked convolutions, and a cache that lets them continue an image one element at a time.

Elements are ordered by row, then column, then channel. A network made of masked convolutions and
of layers that look at one place only can be run in two ways: on whole images, for training, and
element by element, for sampling. In the second way every layer is given a :class:`Cache`, keeps
what it has seen of the last rows, and computes the features of the current element alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.layers.convolution import convolve_dilated


class CausalNetwork(nn.Module, ABC):
    """Predicts each element of an image from the elements before it.

    ``forward(x)`` maps ``(n, channels, height, width)`` to ``(n, channels * outputs, height,
    width)``, where what belongs to channel c at a place depends only on earlier rows, earlier
    columns of the same row, and channels before c of the same place.
    With a cache, ``x`` is the canvas that is being filled and the result is what belongs to the
    cache's current element, ``(n, outputs, 1, 1)``.
    """

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Return predictions for all elements, or for the cache's current one."""


@dataclass
class _State:
    """State of one layer: complete rows above, and the current row so far."""

    above: Tensor  # (n, inputs, reach, width)
    row: Tensor  # (n, (reach + width) * inputs), columns one after the other
    context: Tensor  # (width, n, outputs), what the rows above contribute
    weight_above: Tensor  # (outputs, inputs, size // 2, size)
    weights_row: list[Tensor]  # per group (taps * inputs, outputs / groups)
    bias: Tensor
    group_bias: list[Tensor]


@dataclass
class Cache:
    """Position of an element-by-element computation, and the state of each layer.

    Args:
        channels: of the image.
        height, width: of the image.
    """

    channels: int
    height: int
    width: int
    position: int = 0
    states: dict[nn.Module, _State] = field(default_factory=dict[nn.Module, _State])

    def place(self, position: int) -> tuple[int, int, int]:
        """Row, column and channel of the ``position``-th element."""
        pixel, channel = divmod(position, self.channels)
        row, column = divmod(pixel, self.width)
        return row, column, channel

    def of_group(self, features: Tensor) -> Tensor:
        """Part of ``(n, features, …)`` that belongs to the current channel."""
        return features.chunk(self.channels, 1)[self.position % self.channels]

    def of_place(self, of_row: Tensor, of_column: Tensor) -> Tensor:
        """Sum of row features ``(1, f, height, 1)`` and column features ``(1, f, 1, width)`` here."""
        row, column, _ = self.place(self.position)
        return self.of_group(of_row[:, :, row, None] + of_column[:, :, :, column, None])


class MaskedConvolution(nn.Module):
    """Convolution that sees only earlier elements (arXiv:1601.06759, section 3.4).

    Rows below, and columns to the right in the same row, are masked. Features come in as many
    equal groups as the image has channels; at the same place, a group sees earlier groups, and
    with mask B itself too.

    Args:
        inputs: input features, a multiple of ``groups``.
        outputs: output features, a multiple of ``groups``.
        size: side of the kernel, odd.
        kind: ``A`` for the first layer, whose input is the image itself; ``B`` for all others.
        groups: channels of the image.
        dilation: distance between the places a kernel sees, >= 1.

    Raises:
        RecipeError: when sizes do not fit.
    """

    mask: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        kind: Literal["A", "B"] = "B",
        groups: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        if inputs % groups or outputs % groups or size % 2 == 0:
            raise RecipeError(
                f"a masked convolution needs an odd size and features in {groups} equal groups; "
                f"got size {size}, {inputs} inputs, {outputs} outputs"
            )
        plain = nn.Conv2d(inputs, outputs, size)
        self.weight = nn.Parameter(plain.weight.detach())
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.kind = kind
        self.groups = groups
        self.dilation = dilation
        self.radius = size // 2
        self.reach = self.radius * dilation
        mask = torch.zeros(outputs, inputs, self.radius + 1, size)
        mask[:, :, : self.radius] = 1
        mask[:, :, self.radius, : self.radius] = 1
        before = torch.arange(inputs) * groups // inputs
        after = torch.arange(outputs) * groups // outputs
        seen = before[None] <= after[:, None] if kind == "B" else before[None] < after[:, None]
        mask[:, :, self.radius, self.radius] = seen.float()
        self.register_buffer("mask", mask, persistent=False)

    @property
    def masked_weight(self) -> Tensor:
        """The rows of the kernel that can see anything, ``(outputs, inputs, size // 2 + 1, size)``."""
        return self.weight[:, :, : self.radius + 1] * self.mask

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """Map ``(n, inputs, height, width)`` to ``(n, outputs, height, width)``.

        With a cache: mask A takes the canvas, mask B the features of the current group
        ``(n, inputs / groups, 1, 1)``, and the result is that of the current group.
        """
        if cache is not None:
            return self._continue(x, cache)
        reach = self.reach
        padded = F.pad(x, (reach, reach, reach, 0)) if reach else x
        return convolve_dilated(padded, self.masked_weight, self.bias, self.dilation)

    def _continue(self, x: Tensor, cache: Cache) -> Tensor:
        state = cache.states.get(self)
        if state is None:
            state = cache.states[self] = self._start(len(x), cache)
        row, column, group = cache.place(cache.position)
        if self.kind == "A" and cache.position:  # the element before this one has become known
            i, j, known = cache.place(cache.position - 1)
            self._write(state, x[:, known : known + 1, i, j], j, known)
        if self.reach and column == 0 and group == 0:
            self._turn(state, first=row == 0)
        if self.kind == "B":
            self._write(state, x.flatten(1), column, group)
        begin = column * self._inputs if self.reach else 0
        seen = state.row[:, begin : begin + (self.reach + 1) * self._inputs]
        if self.dilation > 1:
            seen = seen.unflatten(1, (-1, self._inputs))[:, :: self.dilation].flatten(1)
        if self.reach:
            size = state.context.shape[2] // self.groups
            offset = state.context[column, :, group * size : (group + 1) * size]
        else:
            offset = state.group_bias[group]
        return torch.addmm(offset, seen, state.weights_row[group])[:, :, None, None]

    @property
    def _inputs(self) -> int:
        return self.weight.shape[1]

    def _start(self, n: int, cache: Cache) -> _State:
        weight = self.masked_weight.detach()
        inputs, reach, radius = self._inputs, self.reach, self.radius
        of_row = weight[:, :, radius, : radius + 1].permute(2, 1, 0).flatten(0, 1)
        columns = cache.width + reach if reach else 1
        return _State(
            above=weight.new_zeros(n, inputs, reach, cache.width),
            row=weight.new_zeros(n, columns * inputs),
            context=weight.new_empty(0),
            weight_above=weight[:, :, :radius],
            weights_row=[part.contiguous() for part in of_row.chunk(self.groups, 1)],
            bias=self.bias.detach(),
            group_bias=list(self.bias.detach().chunk(self.groups)),
        )

    def _write(self, state: _State, values: Tensor, column: int, group: int) -> None:
        size = self._inputs // self.groups
        begin = ((column + self.reach) * self._inputs if self.reach else 0) + group * size
        state.row[:, begin : begin + size] = values

    def _turn(self, state: _State, *, first: bool) -> None:
        """Begin a row: what the finished rows contribute to it is computed once."""
        if not first:
            done = state.row[:, self.reach * self._inputs :].unflatten(1, (-1, self._inputs))
            state.above = torch.cat([state.above[:, :, 1:], done.permute(0, 2, 1)[:, :, None]], 2)
            state.row.zero_()
        rows = state.above[:, :, : self.reach - self.dilation + 1]  # the nearest the kernel sees is the last
        padded = F.pad(rows, (self.reach, self.reach))
        context = convolve_dilated(padded, state.weight_above, state.bias, self.dilation)[:, :, 0]
        state.context = context.permute(2, 0, 1).contiguous()
