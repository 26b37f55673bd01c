"""Columns of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: a number, or a category as one-hot places side by side.

    Args:
        name: as users write it.
        categories: names of the values of a category; empty for a number.
        range: smallest and largest value of a number, or None when unbounded.
        mean: of the training examples, in data units.
        deviation: standard deviation of the training examples, > 0.
        offset: data units are the numbers of the file less this one, see :mod:`genus.core.file_units`.

    >>> Column(name="colour", categories=("red", "blue")).width
    2
    """

    name: str
    categories: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    mean: float = 0.0
    deviation: float = 1.0
    offset: float = 0.0

    @property
    def width(self) -> int:
        """Places it takes in a row: one for a number, one for each category."""
        return len(self.categories) or 1

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Column:
        """Rebuild a column from its fields, in which lists may stand for tuples."""
        return cls(
            name=fields["name"],
            categories=tuple(fields["categories"]),
            range=bounds(fields["range"]),
            mean=fields["mean"],
            deviation=fields["deviation"],
            offset=fields["offset"],
        )


def bounds(value: Any) -> tuple[float, float] | None:
    """A pair that JSON may hold as a list, or None."""
    return None if value is None else (value[0], value[1])
