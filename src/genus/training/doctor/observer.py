"""The doctor as a callback: it observes a training from outside and reports findings to other callbacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genus.core.length import Length
from genus.core.model import Model
from genus.core.train_settings import TrainSettings
from genus.training.callbacks import Callback, Moment, StepAdjuster, log_line
from genus.training.clock import Clock, Every
from genus.training.doctor.doctor import Doctor
from genus.training.doctor.finding import Finding
from genus.training.run import Run


class DoctorObserver(StepAdjuster):
    """Hands the log and the model of a training to a doctor.

    Args:
        doctor: of the run.
        settings: the recipe's ``train``, which says how often samples are looked at.
        num_examples: size of the training data, for lengths in epochs.
        audience: callbacks that receive findings and treatments.
    """

    def __init__(
        self, doctor: Doctor, settings: TrainSettings, num_examples: int, audience: Sequence[Callback] = ()
    ) -> None:
        super().__init__()
        self.doctor, self.audience = doctor, audience
        self.adjusts = doctor.act
        tenth = str(Length.parse(settings.length).scaled(0.1))
        self._every, self._num_examples = settings.doctor_every or tenth, num_examples
        self._looks = Every(self._every, Clock(), num_examples)

    def started(self, run: Run, moment: Moment) -> None:
        self._looks = Every(self._every, _clock(moment), self._num_examples)
        self.doctor.begin(run.log_lines(), moment.iteration, self.adjustment)

    def logged(self, moment: Moment, values: Mapping[str, float]) -> None:
        self._read(moment, {"losses": dict(values)})

    def failed(self, moment: Moment, reason: str) -> None:
        self._read(moment, {"failure": reason})

    def paused(self, moment: Moment, model: Model, over: bool) -> None:
        """Let the doctor examine samples where it is due; without averages, which would cost more passes."""
        if self._looks.due(_clock(moment)) or (over and self._looks.done_at != moment.iteration):
            self._looks.done_at = moment.iteration
            if not moment.prepares:
                where = {"iteration": moment.iteration, "fraction": moment.fraction}
                self._announce(moment, self.doctor.look(model, **where, seconds=moment.seconds))

    def _read(self, moment: Moment, values: Mapping[str, Any]) -> None:
        found, orders = self.doctor.read(log_line(moment, values))
        self._announce(moment, found)
        for order in orders:
            for callback in self.audience:
                callback.treated(moment, order.says)
        self.adjustment = self.doctor.treatment

    def _announce(self, moment: Moment, findings: Sequence[Finding]) -> None:
        for finding in findings:
            for callback in self.audience:
                callback.found(moment, finding)
        for finding in self.doctor.examiner.withdrawn:
            for callback in self.audience:
                callback.withdrawn(moment, finding)


def _clock(moment: Moment) -> Clock:
    """The count of a clock that decides whether an examination is due."""
    return Clock(
        iteration=moment.iteration,
        samples=moment.samples,
        seconds=moment.seconds,
        cpu_seconds=moment.cpu_seconds,
    )
