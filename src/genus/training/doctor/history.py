"""The doctor's record of a run: the beginning and the latest of every logged number, and looks."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genus.training.doctor.thresholds import SETTLED, WINDOW


class Series:
    """A logged number: its first and its last values, in order.

    >>> series = Series()
    >>> for value in range(100):
    ...     series.add(float(value))
    >>> series.early[0], series.recent[-1], series.count
    (0.0, 99.0, 100)
    """

    def __init__(self) -> None:
        self.early: list[float] = []
        self._last: deque[float] = deque(maxlen=WINDOW)
        self.count = 0

    def add(self, value: float) -> None:
        """Append a value."""
        self.count += 1
        if len(self.early) < WINDOW:
            self.early.append(value)
        self._last.append(value)

    @property
    def recent(self) -> Sequence[float]:
        """The last values, as many as there are in a window."""
        return list(self._last)

    @property
    def ripe(self) -> bool:
        """Whether beginning and end are apart, so that they can be compared."""
        return self.count >= 2 * WINDOW

    @property
    def start(self) -> float:
        """Median of the first five values: where training began."""
        return statistics.median(self.early[:5])

    @property
    def now(self) -> float:
        """Median of the last values."""
        return statistics.median(self._last)

    @property
    def spread(self) -> float:
        """Standard deviation of the last values."""
        mean = math.fsum(self._last) / len(self._last)
        return math.sqrt(math.fsum((value - mean) ** 2 for value in self._last) / len(self._last))


@dataclass(frozen=True)
class Look:
    """Signs in samples.

    Args:
        iteration: when they were drawn.
        fraction: how much of the run was done.
        signs: by name, see :func:`genus.metrics.sample_health.look`.
    """

    iteration: int
    fraction: float
    signs: Mapping[str, float]


@dataclass
class RunHistory:
    """Everything a diagnosis may use.

    Args:
        has_border: whether the discriminator's scores have a border between real and generated, so
            that "right" means right; false for critics.
        floor: the least loss a discriminator can have.
        learnt: iterations before which samples are not judged.
    """

    has_border: bool = True
    floor: float = 0.0
    learnt: int = 0
    series: dict[str, Series] = field(default_factory=dict[str, Series])
    looks: list[Look] = field(default_factory=list[Look])
    stage: str | None = None
    iteration: int = 0
    failure: str | None = None

    def add(self, line: Mapping[str, Any]) -> None:
        """Take in a line of ``metrics.jsonl``; a new stage begins with a clean slate."""
        self.iteration = max(self.iteration, int(line["iteration"]))
        if "failure" in line:
            self.failure = str(line["failure"])
        if "losses" not in line:
            return
        if line["stage"] != self.stage:
            self.stage = line["stage"]
            self.series = {}
        for name, value in line["losses"].items():
            if math.isfinite(value):
                self.series.setdefault(name, Series()).add(float(value))

    def look(self, look: Look) -> None:
        """Take in signs in samples; finite ones only.

        A run that was lengthened has done less of what it does now: earlier looks are placed anew.
        """
        if self.looks and look.fraction < self.looks[-1].fraction and look.iteration > 0:
            self.looks = [
                replace(seen, fraction=look.fraction * seen.iteration / look.iteration) for seen in self.looks
            ]
        kept = {name: value for name, value in look.signs.items() if math.isfinite(value)}
        self.looks.append(Look(look.iteration, look.fraction, kept))
        self.iteration = max(self.iteration, look.iteration)

    def ripe(self, *names: str) -> list[Series] | None:
        """These series, when all are there and long enough."""
        found = [self.series.get(name) for name in names]
        known = [series for series in found if series is not None and series.ripe]
        return known if len(known) == len(names) else None

    def last_looks(self, *names: str) -> list[Mapping[str, float]]:
        """The last two looks that come late enough and have these signs, or a single one at the end."""
        late = [look for look in self.looks if look.fraction >= SETTLED and look.iteration >= self.learnt]
        fit = [look for look in late if all(name in look.signs for name in names)][-2:]
        if len(fit) == 1 and fit[0].fraction < 1:
            return []  # one look may be unlucky, and another will follow
        return [look.signs for look in fit]
