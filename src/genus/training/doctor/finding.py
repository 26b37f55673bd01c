"""Findings of the doctor: an illness, its evidence, and changes of recipe that help."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["mild", "serious", "fatal"]


@dataclass(frozen=True)
class Change:
    """A change of recipe that helps.

    Args:
        overrides: ``"key.path=value"``, to be made together.
        why: what it does against the illness, one sentence.
    """

    overrides: Sequence[str]
    why: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An illness that was seen.

    Args:
        name: of the illness.
        severity: mild ones may pass, serious ones spoil the result, fatal ones end the run.
        says: what is wrong, in plain words.
        evidence: the numbers it rests on.
        advice: what helps, the likeliest first.
        since: iteration at which it was first seen.
        until: iteration at which it was last seen.
        present: whether it was there at the last examination.
    """

    name: str
    severity: Severity
    says: str
    evidence: Mapping[str, float]
    advice: Sequence[Change] = field(default_factory=tuple)
    since: int = 0
    until: int = 0
    present: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain values only."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Finding:
        """Read back what :meth:`to_json` gave."""
        advice = tuple(Change(tuple(item["overrides"]), item["why"]) for item in values["advice"])
        return cls(**{**values, "advice": advice})

    @property
    def line(self) -> str:
        """One line for a terminal: the sentence and the first advice."""
        helps = f" Helps: {shlex.join(self.advice[0].overrides)}." if self.advice else ""
        return f"{self.name}: {self.says}{helps}"
