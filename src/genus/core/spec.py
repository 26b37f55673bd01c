"""What one example of a data set is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from genus.core.condition import Condition
from genus.core.errors import DataError

Kind = Literal["vector", "image", "volume", "sequence", "table", "tokens"]


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """What one example is; networks and models are built from it.

    Args:
        kind: what the axes mean.
        shape: channels first and without the batch axis: ``(1, 28, 28)`` for a grey image,
            ``(2,)`` for a point of the plane.
        range: smallest and largest value of an element, or None when unbounded.
            Images are always ``(0.0, 1.0)``: models own their preprocessing.
        levels: number of equally spaced values in ``range`` (256 for 8-bit images);
            None when values are continuous.
        classes: names of the classes, in the order of the integer labels; empty when unlabelled.
        condition: what examples come with in place of a class; None for a class or nothing.

    Raises:
        DataError: when there are both classes and a condition.

    >>> DataSpec(kind="image", shape=(1, 28, 28), range=(0.0, 1.0), levels=256).size
    784
    """

    kind: Kind
    shape: tuple[int, ...]
    range: tuple[float, float] | None = None
    levels: int | None = None
    classes: tuple[str, ...] = ()
    condition: Condition | None = None

    def __post_init__(self) -> None:
        if self.classes and self.condition is not None:
            raise DataError(
                f"examples come with one thing: classes, or {self.condition.describe()}; leave one out"
            )

    @property
    def size(self) -> int:
        """Number of elements of one example."""
        return math.prod(self.shape)

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 when the data are unlabelled."""
        return len(self.classes)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able dictionary from which :meth:`from_json` rebuilds the spec."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> DataSpec:
        """Rebuild a spec from :meth:`to_json`."""
        fields = dict(fields)
        bounds, condition = fields.get("range"), fields.get("condition")
        return cls(
            kind=fields["kind"],
            shape=tuple(fields["shape"]),
            range=None if bounds is None else (bounds[0], bounds[1]),
            levels=fields.get("levels"),
            classes=tuple(fields.get("classes") or ()),
            condition=None if condition is None else Condition.from_json(condition),
        )

    def describe(self) -> str:
        """One line for people.

        >>> DataSpec(kind="image", shape=(1, 8, 8), range=(0.0, 1.0), levels=17).describe()
        'image 1×8×8, 17 levels in [0, 1], no classes'
        """
        size = "×".join(str(n) for n in self.shape)
        if self.range is None:
            values = "unbounded values"
        else:
            low, high = self.range
            kind = "continuous values" if self.levels is None else f"{self.levels} levels"
            values = f"{kind} in [{low:g}, {high:g}]"
        labels = f"{self.num_classes} classes" if self.classes else "no classes"
        if self.condition is not None:
            labels = f"each with {self.condition.describe()}"
        return f"{self.kind} {size}, {values}, {labels}"
