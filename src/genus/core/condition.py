"""What an example comes with, where that is more than a class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

ConditionKind = Literal["attributes", "text", "image", "mask"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What models are told about an example: numbers, words, or an image.

    A batch holds it in ``Batch.given``: attributes as float32 ``(n, k)`` in their own units, text as
    int64 word numbers ``(n, length)``, images and masks as float32 ``(n, channels, *size)`` in [0, 1].

    Args:
        kind: ``attributes``, ``text``, ``image`` or ``mask`` (an image of 0 and 1).
        shape: of one condition, without the batch axis.
        names: of the attributes; or the words, of which number i + 1 stands for ``names[i]`` and 0 for
            no word.
        centre: mean of each attribute over the training examples.
        spread: standard deviation of each attribute over the training examples, > 0.
        levels: of images and masks, number of equally spaced values in [0, 1]; None when continuous.

    >>> Condition(kind="text", shape=(3,), names=("red", "sun")).describe()
    'text of up to 3 words out of 2'
    """

    kind: ConditionKind
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    levels: int | None = None

    @property
    def size(self) -> int:
        """Number of elements of one condition."""
        return math.prod(self.shape)

    @property
    def is_image(self) -> bool:
        """Whether it has channels and sides: an image or a mask."""
        return self.kind in ("image", "mask")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Condition:
        """Rebuild a condition from its fields, in which lists may stand for tuples."""
        return cls(
            kind=fields["kind"],
            shape=tuple(fields["shape"]),
            names=tuple(fields["names"]),
            centre=tuple(fields["centre"]),
            spread=tuple(fields["spread"]),
            levels=fields["levels"],
        )

    def describe(self) -> str:
        """A few words for people.

        >>> Condition(kind="mask", shape=(1, 8, 8), levels=2).describe()
        'a mask 1×8×8'
        """
        if self.kind == "attributes":
            return f"attributes {', '.join(self.names)}"
        if self.kind == "text":
            return f"text of up to {self.shape[0]} words out of {len(self.names):,}"
        article = "an" if self.kind == "image" else "a"
        return f"{article} {self.kind} {'×'.join(str(n) for n in self.shape)}"
