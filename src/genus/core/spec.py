"""The specification of a data set: its examples and their conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genus.core.space import AnySpace, Composite, Space, SpaceKind, space_from_json

if TYPE_CHECKING:
    from torch import Tensor

    from genus.core.batch import Condition


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """The specification of a data set: examples and their condition; networks and models are built from it.

    Args:
        example: what one example is.
        condition: what examples come with: a class, numbers, words, an image, or several of these; None
            when they come alone.
        paired: whether a condition belongs to its example; else it is any member of a second domain.
        grouped: whether examples belong to groups (a subject's slices) that splits do not cut.
        missing: whether elements of an example may be unobserved (``Batch.observed``).

    >>> spec = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0), levels=17))
    >>> spec.describe()
    'image 1×8×8, 17 levels in [0, 1], no classes'
    """

    example: Space
    condition: AnySpace | None = None
    paired: bool = True
    grouped: bool = False
    missing: bool = False

    @property
    def kind(self) -> SpaceKind:
        """Kind of an example."""
        return self.example.kind

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an example, without the batch axis."""
        return self.example.shape

    @property
    def range(self) -> tuple[float, float] | None:
        """Smallest and largest value of an element of an example, or None when unbounded."""
        return self.example.range

    @property
    def levels(self) -> int | None:
        """Number of values an element of an example may have, or None when continuous."""
        return self.example.levels

    @property
    def size(self) -> int:
        """Number of elements of one example."""
        return self.example.size

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, where the condition is a class or has one as a part; else empty."""
        for space in self.condition_parts().values():
            if space.kind == "class":
                return space.names
        return ()

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 where the condition is no class and has none as a part."""
        return len(self.classes)

    @property
    def traits(self) -> tuple[str, ...]:
        """Names of the variants that a recipe takes by itself on these data, as far as it has them.

        ``vectors`` (rows of numbers), ``volumes``, ``sequences``; ``unlabelled`` without a condition.
        """
        of_kind = {"vector": "vectors", "table": "vectors", "volume": "volumes", "sequence": "sequences"}
        alone = () if self.condition is not None else ("unlabelled",)
        return (*(name for kind, name in of_kind.items() if kind == self.kind), *alone)

    def condition_parts(self) -> dict[str, Space]:
        """Spaces of the condition by name: one, named by its kind, unless it is composite."""
        if isinstance(self.condition, Composite):
            return dict(self.condition.parts)
        return {} if self.condition is None else {self.condition.kind: self.condition}

    def class_labels(self, condition: Condition | None) -> Tensor | None:
        """Class numbers ``(n,)`` in the conditions of a batch; None where there are none.

        Args:
            condition: of the batch.
        """
        for name, space in self.condition_parts().items():
            if space.kind == "class" and condition is not None:
                return condition[name] if isinstance(self.condition, Composite) else condition  # type: ignore[index,return-value]
        return None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able dictionary from which :meth:`from_json` rebuilds the spec."""
        return {
            "example": self.example.to_json(),
            "condition": None if self.condition is None else self.condition.to_json(),
            "paired": self.paired,
            "grouped": self.grouped,
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> DataSpec:
        """Rebuild a spec from :meth:`to_json`."""
        condition = fields["condition"]
        return cls(
            example=Space.from_json(fields["example"]),
            condition=None if condition is None else space_from_json(condition),
            paired=fields["paired"],
            grouped=fields["grouped"],
            missing=fields["missing"],
        )

    def describe(self) -> str:
        """One line for people."""
        size = "×".join(str(n) for n in self.shape)
        if self.kind == "labels":
            values = f"{len(self.example.names)} labels"
        elif self.range is None:
            values = "unbounded values"
        else:
            low, high = self.range
            kind = "continuous values" if self.levels is None else f"{self.levels} levels"
            values = f"{kind} in [{low:g}, {high:g}]"
        facts = [f"{self.kind} {size}", values, self._condition_text()]
        window = self.example.window
        facts += [] if window is None else [f"window [{window[0]:.4g}, {window[1]:.4g}] of the files' range"]
        facts += ["some values missing"] if self.missing else []
        facts += ["in groups"] if self.grouped else []
        return ", ".join(facts)

    def _condition_text(self) -> str:
        if self.condition is None:
            return "no classes"
        if not self.paired:
            return f"beside an unpaired domain, {self.condition.describe()}"
        text = self.condition.describe()
        return text if self.condition.kind == "class" else f"each with {text}"
