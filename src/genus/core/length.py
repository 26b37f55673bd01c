"""Lengths of training: in iterations, samples, epochs, seconds or seconds of processor time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from genus.core.errors import RecipeError

Unit = Literal["iterations", "samples", "epochs", "seconds", "CPU seconds"]

_UNITS: dict[str, tuple[Unit, float]] = {
    "iteration": ("iterations", 1), "iterations": ("iterations", 1), "it": ("iterations", 1),
    "sample": ("samples", 1), "samples": ("samples", 1),
    "epoch": ("epochs", 1), "epochs": ("epochs", 1),
    "s": ("seconds", 1), "second": ("seconds", 1), "seconds": ("seconds", 1),
    "min": ("seconds", 60), "minute": ("seconds", 60), "minutes": ("seconds", 60),
    "h": ("seconds", 3600), "hour": ("seconds", 3600), "hours": ("seconds", 3600),
    "cpu second": ("CPU seconds", 1), "cpu seconds": ("CPU seconds", 1),
    "cpu minute": ("CPU seconds", 60), "cpu minutes": ("CPU seconds", 60),
}  # fmt: skip
_SCALES = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True)
class Length:
    """A duration of training: ``amount`` of ``unit``."""

    amount: float
    unit: Unit

    @classmethod
    def parse(cls, text: str | int | float | Length) -> Length:
        """Read ``300`` (iterations), ``"2 minutes"``, ``"90 CPU seconds"``, ``"500k samples"``, …

        CPU seconds are those of all threads of the training process together, whatever else the
        machine does at the time.

        Raises:
            RecipeError: when the text is not a positive, finite number with a known unit.

        >>> Length.parse("500k samples"), Length.parse("2 minutes")
        (Length(amount=500000.0, unit='samples'), Length(amount=120.0, unit='seconds'))
        """
        if isinstance(text, Length):
            return text
        match = re.fullmatch(
            r"\s*([0-9.]+(?:e[+-]?\d+)?)\s*([kKmM](?![a-z]))?\s*((?:CPU )?[a-z]*)\s*", str(text)
        )
        if match:
            number, scale, name = match[1], match[2] or "", match[3].lower()
            if scale == "m" and not name:  # "5m" means minutes to people
                scale, name = "", "min"
            unit, seconds = _UNITS.get(name or "iterations", ("", 0.0))
            try:
                amount = float(number) * _SCALES[scale.lower()] * seconds
            except ValueError:
                amount = 0.0
            if unit and 0 < amount < math.inf:
                return cls(amount, unit)  # type: ignore[arg-type]
        raise RecipeError(
            f"length {text!r} is not understood; write iterations as 4000 or '4000 iterations', "
            "time as '2 minutes' or '90 CPU seconds', data as '500k samples' or '10 epochs'"
        )

    def scaled(self, factor: float) -> Length:
        """Return this length times ``factor``."""
        return Length(self.amount * factor, self.unit)

    def __str__(self) -> str:
        if self.unit.endswith("seconds") and self.amount >= 60:
            return f"{self.amount / 60:g} {self.unit.replace('seconds', 'minutes')}"
        return f"{self.amount:g} {self.unit}"
