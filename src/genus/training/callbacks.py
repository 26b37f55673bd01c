"""Callbacks: listeners to a training. All but a :class:`StepAdjuster` leave it as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from genus.core.errors import InputError
from genus.core.model import Model
from genus.training.adjustment import Adjustment
from genus.training.doctor.finding import Finding
from genus.training.durable import writing
from genus.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Position of training, for display.

    Args:
        iteration: iterations done.
        samples: examples seen.
        stage: name of the stage.
        fraction: how much of the whole run is done, in [0, 1].
        seconds: training time so far.
        cpu_seconds: processor time of all threads in it.
        prepares: whether the stage only measures or places what later stages train.
    """

    iteration: int
    samples: int
    stage: str
    fraction: float
    seconds: float
    cpu_seconds: float = 0.0
    prepares: bool = False


class Callback:
    """A listener to a training; all methods do nothing unless overridden."""

    def started(self, run: Run, moment: Moment) -> None:
        """Training begins or continues."""

    def stepped(self, moment: Moment) -> None:
        """An iteration is done; called for each, so it must be fast."""

    def logged(self, moment: Moment, values: Mapping[str, float]) -> None:
        """Losses and observations, every ``train.log_every`` iterations."""

    def paused(self, moment: Moment, model: Model, over: bool) -> None:
        """Training pauses after an iteration, and at its end: the model may be looked at, not changed.

        Args:
            moment: where training stands.
            model: as it is trained, without averages.
            over: whether training ends here.
        """

    def sampled(self, moment: Moment, path: Path) -> None:
        """A sample sheet was written."""

    def scored(self, moment: Moment, scores: Mapping[str, float]) -> None:
        """Scores were measured."""

    def found(self, moment: Moment, finding: Finding) -> None:
        """The doctor saw an illness that was not there before."""

    def withdrawn(self, moment: Moment, finding: Finding) -> None:
        """The doctor no longer sees an illness."""

    def treated(self, moment: Moment, says: str) -> None:
        """The doctor changed how training goes on (``train.doctor=act``)."""

    def failed(self, moment: Moment, reason: str) -> None:
        """The next iteration could not be done, because a number was not finite."""

    def finished(self, moment: Moment) -> None:
        """Training ends, for whatever reason."""


class StepAdjuster(Callback):
    """A callback that may change the size of later steps, after each line of the log.

    The engine of every rank takes the ``adjustment`` of rank 0's.
    """

    adjusts: bool = True
    """Whether it does, the same on every rank."""

    def __init__(self) -> None:
        self.adjustment = Adjustment()


class Listeners:
    """Several callbacks as one.

    Args:
        callbacks: who listens.
        moment: where training stands.
    """

    def __init__(self, callbacks: Sequence[Callback], moment: Callable[[], Moment]) -> None:
        self.callbacks = list(callbacks)
        self._moment = moment

    def tell(self, say: Callable[[Callback, Moment], None]) -> None:
        """Say something to each."""
        moment = self._moment()
        for callback in self.callbacks:
            say(callback, moment)


def log_line(moment: Moment, values: Mapping[str, Any]) -> dict[str, Any]:
    """A line of ``metrics.jsonl``: when it was, then what."""
    return {
        "iteration": moment.iteration,
        "samples": moment.samples,
        "stage": moment.stage,
        "seconds": round(moment.seconds, 3),
        "cpu_seconds": round(moment.cpu_seconds, 3),
        **values,
    }


class JsonLines(Callback):
    """Appends to ``metrics.jsonl``."""

    def __init__(self) -> None:
        self._file: FileIO | None = None
        self._path = Path()

    def started(self, run: Run, moment: Moment) -> None:
        self._path = run.log_path
        self._file = run.log_path.open("ab", buffering=0)

    def logged(self, moment: Moment, values: Mapping[str, float]) -> None:
        self._write(moment, {"losses": dict(values)})

    def scored(self, moment: Moment, scores: Mapping[str, float]) -> None:
        self._write(moment, {"scores": dict(scores)})

    def failed(self, moment: Moment, reason: str) -> None:
        self._write(moment, {"failure": reason})

    def finished(self, moment: Moment) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, moment: Moment, values: dict[str, Any]) -> None:
        if self._file is not None:
            line = log_line(moment, values)
            rest = memoryview(json.dumps(line).encode() + b"\n")
            with writing(self._path):
                while rest:  # a disk that fills up takes a part first
                    rest = rest[self._file.write(rest) :]


class TensorBoard(Callback):
    """Writes TensorBoard events to ``tensorboard/`` in the run.

    Raises:
        InputError: when TensorBoard is not installed.
    """

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise InputError(
                "train.tensorboard needs TensorBoard: pip install 'genus[tensorboard]'"
            ) from None
        self._make = SummaryWriter
        self._writer: Any = None

    def started(self, run: Run, moment: Moment) -> None:
        self._writer = self._make(str(run.path / "tensorboard"), purge_step=moment.iteration)

    def logged(self, moment: Moment, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"losses/{name}", value, moment.iteration)

    def scored(self, moment: Moment, scores: Mapping[str, float]) -> None:
        for name, value in scores.items():
            self._writer.add_scalar(f"scores/{name}", value, moment.iteration)

    def finished(self, moment: Moment) -> None:
        if self._writer is not None:
            self._writer.close()
