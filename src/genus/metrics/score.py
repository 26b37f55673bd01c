"""A measured number with everything needed to read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, ParamSpec, TypeVar

from genus.core.errors import DataError

Better = Literal["lower", "higher", "zero"]
_MAY_BE_INFINITE = ("value", "low", "high")
_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number of an evaluation.

    Args:
        name: of the quantity, as tables print it.
        value: the number.
        low: lower end of its 95 % interval.
        high: upper end.
        n: number of examples it was measured on.
        better: which direction is better; ``zero`` for what errs on both sides.
        floor: the same number for real examples in the place of samples; None where undefined.
        baseline: the same number for the Gaussian mixture; None where undefined.
        unit: empty for pure numbers.
        kind: what kind of number it is; only equal kinds are ranked, and ``unnormalised`` never
            is (an exact log-likelihood is not compared with a bound).
        note: how to read it: bias, warnings, where the floor comes from.
        protocol: hash of the protocol it was measured under.
        shared: the score with one group of the examples left out that all models share under the
            protocol (reference or test examples); what makes comparisons paired.
        own: variance of the score from what is not shared, the model's own samples.
        curve: numbers behind the score to draw, by name; the first are the horizontal axis.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    better: Better
    floor: float | None = None
    baseline: float | None = None
    unit: str = ""
    kind: str = ""
    note: str = ""
    protocol: str = ""
    shared: list[float] | None = None
    own: float = 0.0
    curve: dict[str, list[float]] | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields; an infinite value or end of the interval becomes ``"inf"`` or ``"-inf"``."""
        fields = asdict(self)
        for name in _MAY_BE_INFINITE:
            fields[name] = str(fields[name]) if math.isinf(fields[name]) else fields[name]
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Score:
        """Rebuild a score from :meth:`to_json`."""
        infinite = {name: float(fields[name]) for name in _MAY_BE_INFINITE if isinstance(fields[name], str)}
        return cls(**{**fields, **infinite})


def join_notes(*notes: str) -> str:
    """Join the notes that are not empty.

    >>> join_notes("a", "", "b")
    'a; b'
    """
    return "; ".join(note for note in notes if note)


def where_defined(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
    """Result of a function, or None where it refuses its data.

    >>> from genus.metrics.intervals import wilson
    >>> where_defined(wilson, 0, 0) is None
    True
    """
    try:
        return function(*args, **kwargs)
    except DataError:
        return None
