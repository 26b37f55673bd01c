"""Codes: a table that a model draws for each sample itself, unless its columns are chosen.

A column is a category, one-hot, or a number in [−1, 1]. In a row of codes NaN stands for a column that is
drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from genus.core.column import Column
from genus.core.errors import InputError, nearest
from genus.core.space import Space, table_space


def code_space(categories: Sequence[int], numbers: int) -> Space:
    """The table of codes: categories first, then numbers in [−1, 1].

    Args:
        categories: values of each category, >= 2.
        numbers: how many numbers.

    >>> [column.name for column in code_space([10], 2).columns]
    ['category', 'code1', 'code2']
    """
    several = len(categories) > 1
    columns = [
        Column(name=f"category{i}" if several else "category", categories=tuple(map(str, range(values))))
        for i, values in enumerate(categories, start=1)
    ]
    return table_space([*columns, *(Column(name=f"code{i + 1}", range=(-1.0, 1.0)) for i in range(numbers))])


def encode_code(column: Column, value: float) -> Tensor:
    """Places of a code with some value, float32 ``(width,)``.

    Raises:
        InputError: for a value that it cannot have.

    >>> encode_code(Column(name="category", categories=("0", "1", "2")), 1)
    tensor([0., 1., 0.])
    """
    values = len(column.categories)
    if not (value in range(values) if values else -1 <= value <= 1):
        known = f"whole number from 0 to {values - 1}" if values else "number in [−1, 1]"
        raise InputError(f"code {column.name}={value:g}: give a {known}")
    return torch.tensor([i == value for i in range(values)] if values else [value]).float()


def code_steps(column: Column, n: int) -> list[float]:
    """Values that ``n`` examples in a row show: from −1 to 1, n ≥ 2; of a category each in turn.

    >>> code_steps(Column(name="code1", range=(-1.0, 1.0)), 3)
    [-1.0, 0.0, 1.0]
    """
    values = len(column.categories)
    return [float(i % values) if values else 2 * i / (n - 1) - 1 for i in range(n)]


def is_random(codes: Space, name: str, rows: Tensor) -> bool:
    """Whether rows of codes ``(n, size)`` leave the code of that name to be drawn."""
    return bool(rows[:, codes.place(name)].isnan().all())


def random_codes(codes: Space, n: int) -> Tensor:
    """Rows ``(n, size)`` in which no code is chosen: NaN, float32."""
    return torch.full((n, *codes.shape), math.nan)


def chosen_codes(codes: Space, values: Mapping[str, float], n: int) -> Tensor:
    """Codes of ``n`` samples that are alike in those that are named.

    Args:
        codes: of the model.
        values: by name: a category's number, or a number in [−1, 1].
        n: how many samples.

    Returns:
        float32 ``(n, size)``, NaN where a code is drawn at random.

    Raises:
        InputError: for an unknown name or a value out of range.

    >>> chosen_codes(code_space([2], 1), {"category": 1}, 1)
    tensor([[0., 1., nan]])
    """
    rows = random_codes(codes, n)
    for name, value in values.items():
        column = code_named(codes, name)
        rows[:, codes.place(column.name)] = encode_code(column, value)
    return rows


def code_named(codes: Space, name: str) -> Column:
    """The code of a name.

    Raises:
        InputError: when there is none; says which there are.
    """
    names = [column.name for column in codes.columns]
    if name not in names:
        raise InputError(f"there is no code {name!r}{nearest(name, names)}; the model has {', '.join(names)}")
    return codes.column(name)
