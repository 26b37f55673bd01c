"""The list of illnesses: functions of a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genus.training.doctor.finding import Finding
from genus.training.doctor.history import RunHistory
from genus.training.doctor.thresholds import PATIENCE

Diagnosis = Callable[[RunHistory], Finding | None]
Where = Literal["log", "samples"]
"""What an examination follows: a line of the log, or a look at samples."""


@dataclass(frozen=True)
class Illness:
    """An illness and how it is recognised.

    Args:
        name: of the illness.
        diagnose: the function that recognises it.
        shows: where it shows, so when it is looked for.
        patience: examinations in a row that must agree.
    """

    name: str
    diagnose: Diagnosis
    shows: Where
    patience: int


ILLNESSES: list[Illness] = []


def illness(name: str, *, shows: Where = "log", patience: int = PATIENCE) -> Callable[[Diagnosis], Diagnosis]:
    """Add a function to the list of illnesses.

    Args:
        name: of the illness, as its findings call it.
        shows: where it shows.
        patience: examinations in a row that must agree.
    """

    def add(function: Diagnosis) -> Diagnosis:
        ILLNESSES.append(Illness(name, function, shows, patience))
        return function

    return add
