"""Result of an experiment: numbers, comparisons with theory, and how to draw them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from genus.core.errors import InputError
from genus.lab.style import STYLE


@dataclass(frozen=True, kw_only=True)
class Check:
    """A measured number beside the one that theory, or another implementation, gives.

    Args:
        name: what is compared.
        value: as measured.
        expected: closed form, bound, or the other implementation's value.
        tolerance: how far ``value`` may be from what the relation asks, >= 0.
        relation: of the value to the expected one.
    """

    name: str
    value: float
    expected: float
    tolerance: float = 0.0
    relation: Literal["=", "≤", "≥"] = "="

    @property
    def holds(self) -> bool:
        """Whether the relation holds within the tolerance; never for NaN."""
        gap = 0.0 if self.value == self.expected else self.value - self.expected
        if self.relation == "≤":
            return gap <= self.tolerance
        return gap >= -self.tolerance if self.relation == "≥" else abs(gap) <= self.tolerance


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Outcome of one experiment.

    Args:
        numbers: values and lists of values by name; nested mappings group them.
        checks: comparisons with closed forms.
        draw: draws everything on an empty figure.
        size: width and height of the figure in inches.
        name: of the experiment; :func:`genus.experiment` fills it in.
        options: it ran with, likewise.
    """

    numbers: Mapping[str, Any]
    checks: Sequence[Check]
    draw: Callable[[Figure], None]
    size: tuple[float, float] = (11.0, 4.6)
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def figure(self) -> Figure:
        """Draw on a new figure; ``figure.savefig("slide.pdf")`` writes any format."""
        with rc_context(STYLE):
            figure = Figure(figsize=self.size, layout="constrained")
            self.draw(figure)
        return figure

    def to_json(self) -> str:
        """Everything but the figure; infinities and NaN are the texts "inf", "-inf" and "nan"."""
        content = {
            "experiment": self.name,
            "options": self.options,
            "numbers": self.numbers,
            "checks": [{**vars(check), "holds": check.holds} for check in self.checks],
        }
        return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)

    def save(self, folder: str | Path) -> tuple[Path, Path]:
        """Write ``NAME.png`` and ``NAME.json`` into a new folder.

        Returns:
            Paths of the figure and of the numbers.

        Raises:
            InputError: when the folder is not empty or cannot be written.
        """
        target = require_empty(folder)
        picture, numbers = target / f"{self.name}.png", target / f"{self.name}.json"
        try:
            target.mkdir(parents=True, exist_ok=True)
            with rc_context(STYLE):
                self.figure().savefig(picture)
            numbers.write_text(self.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write to {str(folder)!r}: {error.strerror or error}") from error
        return picture, numbers


def require_empty(folder: str | Path) -> Path:
    """Return the path of a folder that may be written to: it is new or empty.

    Raises:
        InputError: when it is not.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{str(folder)!r} exists and is not empty; choose another --out")
    return target


def require(condition: bool, message: str) -> None:
    """Refuse an option's value.

    Raises:
        InputError: with ``message``, when the condition does not hold.
    """
    if not condition:
        raise InputError(message)


def _plain(value: Any) -> Any:
    """Lists, mappings, texts and finite numbers only."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
