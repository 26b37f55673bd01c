"""Two sources side by side: the examples of one, and their conditions or a second domain in the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from genus.core.batch import Condition, join_conditions
from genus.core.column import Column
from genus.core.errors import DataError
from genus.core.space import AnySpace, Composite, Space
from genus.core.spec import DataSpec
from genus.data.checks import Array
from genus.data.source import Raw, Source

_CHUNK = 1024
_FEWEST = 2
"""Examples from which on conditions are expected to differ."""
_MOST_LABELS = 16
"""Images of more levels, all of them below this one, hold numbers rather than shades."""


class PairedSource(Source):
    """The examples of one source, each with its condition from another.

    Where examples have a class of their own, both are parts of the condition.

    Args:
        examples: where the examples come from.
        conditions: where the conditions come from; what these are conditioned on is passed over.
        rows: number there of each example's condition, int64 ``(len(examples),)``; None for the same order.
        space: what a condition is; that of ``conditions`` unless given.

    Raises:
        DataError: when there is not one condition for each example.
    """

    def __init__(
        self, examples: Source, conditions: Source, rows: Array | None = None, space: Space | None = None
    ) -> None:
        rows = np.arange(len(conditions)) if rows is None else rows
        if len(rows) != len(examples):
            raise DataError(f"there are {len(examples)} examples, but {len(rows)} conditions")
        self._examples = examples
        self._conditions = conditions
        self._rows = rows
        self._name, condition = _beside(examples.spec.condition, space or conditions.spec.example)
        self.spec = replace(examples.spec, condition=condition)
        self.keys, self.groups = examples.keys, examples.groups
        self.centres, self.sigma, self.deviations = examples.centres, examples.sigma, examples.deviations

    def __len__(self) -> int:
        return len(self._examples)

    def fetch(self, indices: Array) -> Raw:
        raw = self._examples.fetch(indices)
        condition = self._conditions.fetch(self._rows.take(indices)).values
        if not self._name:
            return raw._replace(condition=condition)
        assert isinstance(raw.condition, np.ndarray)
        return raw._replace(condition={"class": raw.condition, self._name: condition})


class UnpairedSource(Source):
    """The examples of one source, beside examples of another that belong to none of them.

    Args:
        examples: the first domain.
        others: the second domain.
    """

    def __init__(self, examples: Source, others: Source) -> None:
        self._examples = examples
        self._others = others
        self.spec = DataSpec(example=examples.spec.example, condition=others.spec.example, paired=False)
        self.second = len(others)

    def __len__(self) -> int:
        return len(self._examples)

    def fetch(self, indices: Array) -> Raw:
        first, second = (indices, indices % self.second) if indices.ndim == 1 else indices.T
        return Raw(self._examples.fetch(first).values, self._others.fetch(second).values)


def _beside(known: AnySpace | None, space: Space) -> tuple[str, AnySpace]:
    """The condition of examples that have one already: its new part's name, or nothing, and the space."""
    if known is None:
        return "", space
    if known.kind != "class" or space.kind == "class" or isinstance(known, Composite):
        raise DataError(
            f"the examples come with {known.describe()} already; a class and one other condition may stand "
            "together"
        )
    return space.kind, Composite.of(**{"class": known, space.kind: space})


def chunks(rows: Array, size: int = _CHUNK) -> Iterator[Array]:
    """Example numbers in pieces, so that nothing holds a data set in memory."""
    return (rows[first : first + size] for first in range(0, len(rows), size))


def refuse_constant(source: Source, rows: Array, name: str) -> None:
    """Check that conditions differ, and that images among them are not nearly black.

    Args:
        source: of conditions.
        rows: numbers of those of the training examples.
        name: of the data set, for messages.

    Raises:
        DataError: when all are equal, or images hold a few small numbers alone, as masks do.
    """
    space = source.spec.example
    first, largest, varies = source.fetch(rows[:1]).values, 0.0, len(rows) < _FEWEST
    for part in chunks(rows):
        values = source.fetch(part).values
        varies = varies or bool((values != first).any())
        largest = max(largest, float(values.max()))
        if varies and largest >= _MOST_LABELS:
            return
    if not varies:
        raise DataError(f"the conditions of {name!r} are the same for all training examples; leave them out")
    if space.kind == "image" and (space.levels or 0) > _MOST_LABELS > largest:
        raise DataError(
            f"the conditions of {name!r} are images whose {space.levels} levels are used up to {largest:g} "
            "alone, nearly black; numbers of labels are read with data.condition.kind=labels (or scale "
            "the images)"
        )


def table_of(source: Source, rows: Array) -> Space:
    """The space of a table whose columns have the means and deviations of some examples.

    Args:
        source: of vectors or of rows of a table.
        rows: numbers of the training examples.

    Raises:
        DataError: for a column that is the same for all of them.
    """
    space = source.spec.example
    known = np.concatenate([source.fetch(part).values for part in chunks(rows)]).astype(np.float64)
    columns = space.columns or tuple(Column(name=str(i)) for i in range(space.size))
    means, deviations = known.mean(0), known.std(0)
    for column, deviation in zip(columns, deviations, strict=True):
        if not deviation > 0:
            raise DataError(f"column {column.name!r} is the same for all training examples; leave it out")
    measured = [
        replace(column, mean=float(mean), deviation=float(deviation))
        for column, mean, deviation in zip(columns, means, deviations, strict=True)
    ]
    return Space(kind="table", shape=space.shape, columns=tuple(measured))


def conditions_in_turn(source: Source, n: int) -> Condition:
    """The conditions ``(n, *condition.shape)`` of examples of a source, in turn where they are few.

    The order is random and always the same, because files are often sorted.

    Raises:
        DataError: when the source has no conditions.
    """
    order = np.random.default_rng(0).permutation(len(source))
    chosen = order[np.arange(n) % len(order)]
    found: Sequence[Condition | None] = [source.batch(part).condition for part in chunks(chosen, 250)]
    kept = [part for part in found if part is not None]
    if source.spec.condition is None or len(kept) < len(found):
        raise DataError(f"the data have no conditions: {source.spec.describe()}")
    return join_conditions(kept)
