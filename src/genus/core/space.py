"""Spaces: what one thing is, whether an example or what it is conditioned on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from genus.core.column import Column, bounds

SpaceKind = Literal["class", "vector", "table", "image", "volume", "labels", "sequence", "tokens"]

_SPATIAL = ("image", "volume", "labels", "sequence")
_WHOLE = ("class", "labels", "tokens")


@dataclass(frozen=True, kw_only=True)
class Space:
    """Type of one example or condition; networks and models are built from spaces.

    A batch holds ``n`` of them as a tensor ``(n, *shape)``: int64 for classes, label maps and tokens, else
    float32 in data units.

    Args:
        kind: what the axes mean. ``class``: the number of a name; ``table``: columns side by side;
            ``labels``: a map of label numbers; ``tokens``: numbers of words, i + 1 for ``names[i]`` and 0 for
            none.
        shape: without the batch axis; channels first where there are sides: ``(1, 28, 28)`` for a grey image,
            ``(2,)`` for a point of the plane, ``()`` for a class.
        range: smallest and largest value of an element, or None when unbounded. Images are always
            ``(0.0, 1.0)``: models own their preprocessing.
        levels: number of equally spaced values in ``range`` (256 for 8-bit images); None when continuous.
        names: of classes, labels or words, in the order of their numbers.
        columns: of a table, in their order.
        window: part of the range of the image files that fills ``range``, as shares of theirs (or as their
            numbers, where these are floats); None for all of it.

    >>> Space(kind="image", shape=(1, 28, 28), range=(0.0, 1.0), levels=256).size
    784
    """

    kind: SpaceKind
    shape: tuple[int, ...] = ()
    range: tuple[float, float] | None = None
    levels: int | None = None
    names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    window: tuple[float, float] | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def place(self, name: str) -> slice:
        """Position of a column in a row of a table.

        Raises:
            KeyError: when there is no such column.
        """
        first = 0
        for column in self.columns:
            if column.name == name:
                return slice(first, first + column.width)
            first += column.width
        raise KeyError(name)

    def column(self, name: str) -> Column:
        """The column of a name.

        Raises:
            KeyError: when there is none.
        """
        return {column.name: column for column in self.columns}[name]

    @property
    def is_spatial(self) -> bool:
        """Whether it has channels and sides."""
        return self.kind in _SPATIAL

    @property
    def is_flat(self) -> bool:
        """Whether it is a row of numbers, whose places have no neighbours."""
        return self.kind in ("vector", "table")

    @property
    def is_whole(self) -> bool:
        """Whether its elements are whole numbers that stand for names."""
        return self.kind in _WHOLE

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able dictionary from which :meth:`from_json` rebuilds the space."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Space:
        """Rebuild a space from its fields, in which lists may stand for tuples."""
        return cls(
            kind=fields["kind"],
            shape=tuple(fields["shape"]),
            range=bounds(fields["range"]),
            levels=fields["levels"],
            names=tuple(fields["names"]),
            columns=tuple(Column.from_json(column) for column in fields["columns"]),
            window=bounds(fields["window"]),
        )

    def describe(self) -> str:
        """A few words for people.

        >>> Space(kind="labels", shape=(1, 8, 8), names=("background", "lung")).describe()
        'a map 1×8×8 of 2 labels'
        """
        sides = "×".join(str(side) for side in self.shape)
        if self.kind == "class":
            return f"{len(self.names)} classes"
        if self.kind == "table" and self.columns:
            return f"columns {', '.join(column.name for column in self.columns)}"
        if self.kind == "tokens":
            return f"text of up to {self.shape[0]} words out of {len(self.names):,}"
        if self.kind == "labels":
            return f"a map {sides} of {len(self.names)} labels"
        return f"{'an' if self.kind == 'image' else 'a'} {self.kind} {sides}"


@dataclass(frozen=True)
class Composite:
    """Several spaces by name, such as a class and an image that examples are conditioned on together.

    A batch holds a :class:`genus.core.batch.Parts` for it.

    >>> Composite.of(label=Space(kind="class", names=("a", "b")), at=Space(kind="vector", shape=(3,))).kind
    'composite'
    """

    parts: tuple[tuple[str, Space], ...]

    @classmethod
    def of(cls, **spaces: Space) -> Composite:
        """Spaces by name, in this order."""
        return cls(tuple(spaces.items()))

    @property
    def kind(self) -> Literal["composite"]:
        """For the eyes of those who ask for a kind."""
        return "composite"

    def __getitem__(self, name: str) -> Space:
        """The space of a name."""
        return dict(self.parts)[name]

    def describe(self) -> str:
        """A few words for people."""
        return " and ".join(space.describe() for _, space in self.parts)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able dictionary for :func:`space_from_json`."""
        return {"parts": {name: space.to_json() for name, space in self.parts}}


AnySpace = Space | Composite


def same_meaning(one: AnySpace | None, other: AnySpace | None) -> bool:
    """Whether values of one space can stand for those of another: of one kind, shape and names, or classes.

    >>> same_meaning(class_space("ab"), class_space("abc")), same_meaning(class_space("ab"), None)
    (True, False)
    """
    if isinstance(one, Composite) and isinstance(other, Composite):
        pairs = zip(one.parts, other.parts, strict=False)
        alike = all(a[0] == b[0] and same_meaning(a[1], b[1]) for a, b in pairs)
        return len(one.parts) == len(other.parts) and alike
    if not isinstance(one, Space) or not isinstance(other, Space):
        return one is other
    if one.kind == other.kind == "class":
        return True
    names = [column.name for column in one.columns] == [column.name for column in other.columns]
    return names and (one.kind, one.shape, one.names) == (other.kind, other.shape, other.names)


def space_from_json(fields: Mapping[str, Any]) -> AnySpace:
    """Rebuild what ``to_json`` of a space or of a composite gave."""
    if "parts" in fields:
        return Composite.of(**{name: Space.from_json(part) for name, part in fields["parts"].items()})
    return Space.from_json(fields)


def class_space(names: Iterable[str]) -> Space | None:
    """The space of class numbers; None without a name, as of unlabelled data.

    >>> print(class_space("ab"), class_space(""))
    Space(kind='class', shape=(), range=None, levels=None, names=('a', 'b'), columns=(), window=None) None
    """
    known = tuple(names)
    return Space(kind="class", names=known) if known else None


def table_space(columns: Iterable[Column]) -> Space:
    """The space of rows of a table.

    >>> table_space([Column(name="colour", categories=("red", "blue")), Column(name="age")]).shape
    (3,)
    """
    known = tuple(columns)
    return Space(kind="table", shape=(sum(column.width for column in known),), columns=known)
