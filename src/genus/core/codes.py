"""Codes: what a generator is told that nobody labelled, drawn for each sample unless it is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genus.core.errors import InputError, nearest


@dataclass(frozen=True, kw_only=True)
class Code:
    """A category, one-hot, or a number in [−1, 1].

    The codes of a sample stand side by side in a row; NaN stands for what is left to chance.

    Args:
        name: what users call it.
        first: its first place in the row.
        values: how many a category has: 0, 1, …, values − 1; None for a number.
    """

    name: str
    first: int
    values: int | None = None

    @property
    def place(self) -> slice:
        """Where it stands in the row of all codes.

        >>> Code(name="category", first=2, values=3).place
        slice(2, 5, None)
        """
        return slice(self.first, self.first + (self.values or 1))

    def encode(self, value: float) -> Tensor:
        """What stands in its place for a value, float32 ``(values,)``, of a number ``(1,)``.

        Raises:
            InputError: for a value that it cannot have.

        >>> Code(name="category", first=0, values=3).encode(1)
        tensor([0., 1., 0.])
        """
        possible = -1 <= value <= 1 if self.values is None else value in range(self.values)
        if not possible:
            known = (
                "number in [−1, 1]" if self.values is None else f"whole number from 0 to {self.values - 1}"
            )
            raise InputError(f"code {self.name}={value:g}: give a {known}")
        return torch.tensor(
            [value] if self.values is None else [i == value for i in range(self.values)]
        ).float()

    def steps(self, n: int) -> list[float]:
        """Values that ``n`` examples in a row show: from −1 to 1, n ≥ 2; of a category each in turn.

        >>> Code(name="code1", first=0).steps(3)
        [-1.0, 0.0, 1.0]
        """
        if self.values is None:
            return [2 * i / (n - 1) - 1 for i in range(n)]
        return [float(i % self.values) for i in range(n)]

    def is_free(self, rows: Tensor) -> bool:
        """Whether rows of codes ``(n, size)`` leave it to chance."""
        return bool(rows[:, self.place].isnan().all())


def left_to_chance(codes: Sequence[Code], n: int) -> Tensor:
    """Rows ``(n, size)`` in which no code is chosen: NaN, float32."""
    return torch.full((n, codes[-1].place.stop), math.nan)


def choose(codes: Sequence[Code], values: Mapping[str, float], n: int) -> Tensor:
    """Codes of ``n`` samples that are alike in those that are named.

    Args:
        codes: of the model, in the order of their places.
        values: by name: a category's number, or a number in [−1, 1].
        n: how many samples.

    Returns:
        float32 ``(n, size)``, NaN where a code is left to chance.

    Raises:
        InputError: for an unknown name or a value out of range.

    >>> codes = [Code(name="category", first=0, values=2), Code(name="code1", first=2)]
    >>> choose(codes, {"category": 1}, 1)
    tensor([[0., 1., nan]])
    """
    rows = left_to_chance(codes, n)
    for name, value in values.items():
        code = code_named(codes, name)
        rows[:, code.place] = code.encode(value)
    return rows


def code_named(codes: Sequence[Code], name: str) -> Code:
    """The code of a name.

    Raises:
        InputError: when there is none; says which there are.
    """
    for code in codes:
        if code.name == name:
            return code
    names = [code.name for code in codes]
    raise InputError(f"there is no code {name!r}{nearest(name, names)}; the model has {', '.join(names)}")
