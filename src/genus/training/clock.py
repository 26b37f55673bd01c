"""The clock of a training: iterations, samples and seconds, and what is due."""

from __future__ import annotations

import math
from dataclasses import dataclass

from genus.core.length import Length


@dataclass
class Clock:
    """Everything that counts; saved with each checkpoint.

    Args:
        iteration: iterations of the run.
        samples: examples of the data seen, over all ranks.
        seconds: training time, without scoring, sampling and saving.
        cpu_seconds: processor time of all threads in it.
        stage: index of the stage.
        stage_iteration: iterations of the stage.
        stage_samples: examples seen in the stage.
        stage_seconds: training time in the stage.
        stage_cpu_seconds: processor time in the stage.
        position: global batches taken in the stage.
    """

    iteration: int = 0
    samples: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stage: int = 0
    stage_iteration: int = 0
    stage_samples: int = 0
    stage_seconds: float = 0.0
    stage_cpu_seconds: float = 0.0
    position: int = 0

    def next_stage(self) -> None:
        """Begin the next stage."""
        self.stage += 1
        self.stage_iteration = self.stage_samples = self.position = 0
        self.stage_seconds = self.stage_cpu_seconds = 0.0

    def passed(self, seconds: float, cpu_seconds: float) -> None:
        """Count the time that an iteration took."""
        self.seconds += seconds
        self.stage_seconds += seconds
        self.cpu_seconds += cpu_seconds
        self.stage_cpu_seconds += cpu_seconds

    def stage_fraction(self, length: Length, batches_per_epoch: int) -> float:
        """Share of a stage of that length that is done; 1 or more when it is over."""
        done = {
            "iterations": self.stage_iteration,
            "samples": self.stage_samples,
            "seconds": self.stage_seconds,
            "CPU seconds": self.stage_cpu_seconds,
            "epochs": self.position / batches_per_epoch,
        }[length.unit]
        return done / length.amount

    def run_amount(self, length: Length, num_examples: int) -> float:
        """Amount of training done, in the unit of ``length``."""
        return {
            "iterations": float(self.iteration),
            "samples": float(self.samples),
            "seconds": self.seconds,
            "CPU seconds": self.cpu_seconds,
            "epochs": self.samples / num_examples,
        }[length.unit]


class Every:
    """Due whenever the clock passes another multiple of a length.

    It depends on the clock alone, so a resumed run does the same things at the same iterations.

    Args:
        every: the length between two events, as recipes write it; None for never.
        clock: the clock at the start.
        num_examples: size of the data, for lengths in epochs.
    """

    def __init__(self, every: int | float | str | None, clock: Clock, num_examples: int) -> None:
        self._length = None if every is None else Length.parse(every)
        self._num_examples = num_examples
        self._passed = self._multiples(clock)
        self.done_at = -1

    @property
    def enabled(self) -> bool:
        """Whether it can ever be due."""
        return self._length is not None

    def due(self, clock: Clock) -> bool:
        """Whether a multiple was passed since the last call."""
        now = self._multiples(clock)
        due, self._passed = now > self._passed, now
        return due

    def _multiples(self, clock: Clock) -> int:
        if self._length is None:
            return 0
        return math.floor(clock.run_amount(self._length, self._num_examples) / self._length.amount)
