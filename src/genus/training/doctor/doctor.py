"""The doctor of a training: reads its log, looks at its samples, and may order smaller steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Any

from genus.core.model import Model
from genus.training.adjustment import Adjustment
from genus.training.doctor.examiner import Examiner
from genus.training.doctor.finding import Finding
from genus.training.doctor.history import Look, RunHistory
from genus.training.doctor.record import add_to_record, read_record, rewind_record
from genus.training.doctor.registry import ILLNESSES, Where
from genus.training.doctor.treatment import MOST, REPEAT, treat

FREE_SECONDS = 1.0
"""Looks may take this long in any run, however short …"""

SHARE = 0.02
"""… and this share of the training time besides. What samples are compared with is made once, for the
time of a few looks, and not counted."""

LADDER = (1, 16, 64, 256)
"""Samples of a look, last, and of those before that tell what it will cost at most."""

LookHook = Callable[[Model, int], Mapping[str, float]]
"""From a model and a number of samples to signs."""

Prescribe = Callable[[Finding], Finding]
"""Adds advice to a finding."""

_PATIENCE = {illness.name: illness.patience for illness in ILLNESSES}


@dataclass(frozen=True)
class Order:
    """A treatment that begins.

    Args:
        says: what is done against what.
        treatment: all that is done from now on.
    """

    says: str
    treatment: Adjustment


class Doctor:
    """Watches one run.

    Args:
        record: path of ``doctor.jsonl``.
        history: makes an empty history that knows the run's objective.
        prescribe: adds advice that fits the recipe.
        look: measures samples; None when the model draws none, or nothing can be compared.
        act: whether to treat.
    """

    def __init__(
        self,
        record: Path,
        *,
        history: Callable[[], RunHistory] = RunHistory,
        prescribe: Prescribe = lambda finding: finding,
        look: LookHook | None = None,
        act: bool = False,
    ) -> None:
        self.record = record
        self.history = history
        self.prescribe = prescribe
        self.health_hook = look
        self.act = act
        self.treatment = Adjustment()
        self.spent = 0.0
        self._cost: float | None = None
        self._reset()

    def _reset(self) -> None:
        self.examiner = Examiner(self.history())
        self._treated: dict[str, int] = {}

    def begin(
        self, log: Iterable[Mapping[str, Any]], iteration: int, treatment: Adjustment | None = None
    ) -> None:
        """Remember what was before: everything up to an iteration, as if it had been there.

        Args:
            log: lines of ``metrics.jsonl``.
            iteration: where training continues.
            treatment: under which it continues.
        """
        self._reset()
        self.treatment = treatment or Adjustment()
        rewind_record(self.record, iteration)
        for line in in_order(log, read_record(self.record)):
            if line["iteration"] > iteration:
                break
            if (where := take_in(self.examiner.history, line)) is not None:
                self.examiner.examine(where)
            if where == "log":
                self._count_treatments()

    def read(self, line: Mapping[str, Any]) -> tuple[list[Finding], list[Order]]:
        """Take in a line of the log.

        Returns:
            New findings, and treatments that begin now.
        """
        history = self.examiner.history
        history.add(line)
        new = self._with_advice(self.examiner.examine("log"))
        orders: list[Order] = []
        for name in self._count_treatments():
            found = treat(self.examiner.found[name], self.treatment, history)
            if self.act and found is not None:
                self.treatment, says = found
                orders.append(Order(f"against {name}, {says}", self.treatment))
                line = {"iteration": history.iteration, "treatment": self.treatment.to_json()}
                add_to_record(self.record, {**line, "says": orders[-1].says})
        return new, orders

    def look(self, model: Model, *, iteration: int, fraction: float, seconds: float) -> list[Finding]:
        """Look at samples, unless that would take more than its share of the training time.

        Args:
            model: as it is trained.
            iteration: iterations done.
            fraction: how much of the run is done.
            seconds: training time so far.

        Returns:
            New findings.
        """
        if self.health_hook is None:
            return []
        signs = self._signs(self.health_hook, model, FREE_SECONDS + SHARE * seconds)
        if not signs:
            return []
        line = {"iteration": iteration, "fraction": round(fraction, 4), "look": dict(signs)}
        add_to_record(self.record, line)
        take_in(self.examiner.history, line)
        return self._with_advice(self.examiner.examine("samples"))

    def _signs(self, look: LookHook, model: Model, allowed: float) -> Mapping[str, float]:
        """Signs in samples; none when drawing them would exceed the time allowed for examinations."""
        signs: Mapping[str, float] = {}
        if self._cost is None and self.spent == 0:
            look(model, LADDER[0])
        cost, before = (0.0, 1) if self._cost is None else (self._cost, LADDER[-1])
        for n in LADDER if self._cost is None else LADDER[-1:]:
            if self.spent + cost * n / before > allowed:
                return {}
            start = time.perf_counter()
            signs = look(model, n)
            cost, before = time.perf_counter() - start, n
            self.spent += cost
        self._cost = cost
        return signs

    def _with_advice(self, new: list[Finding]) -> list[Finding]:
        advised = [self.prescribe(finding) for finding in new]
        for finding in advised:
            add_to_record(self.record, {"iteration": finding.until, "finding": finding.to_json()})
        for finding in self.examiner.withdrawn:
            line = {"iteration": self.examiner.history.iteration, "withdrawn": finding.name}
            add_to_record(self.record, line)
        return advised

    def _count_treatments(self) -> list[str]:
        """Illnesses whose treatment is due at this examination."""
        due: list[str] = []
        for name, streak in self.examiner.streaks.items():
            ripe = streak - _PATIENCE[name]
            if ripe >= 0 and ripe % REPEAT == 0 and self._treated.get(name, 0) < MOST:
                self._treated[name] = self._treated.get(name, 0) + 1
                due.append(name)
        return due


def in_order(log: Iterable[Mapping[str, Any]], record: Iterable[Mapping[str, Any]]) -> Iterable[Any]:
    """Lines of log and record by iteration; of equal ones the log's come first."""
    return merge(log, record, key=lambda line: line["iteration"])


def take_in(history: RunHistory, line: Mapping[str, Any]) -> Where | None:
    """Take a line of the log or of the record into a history; return what to examine now."""
    if "look" in line:
        history.look(Look(line["iteration"], line["fraction"], line["look"]))
        return "samples"
    if "losses" in line or "failure" in line:
        history.add(line)
        return "log"
    return None


def replay(
    history: RunHistory, log: Iterable[Mapping[str, Any]], record: Iterable[Mapping[str, Any]]
) -> Examiner:
    """Examine a run from its log and its record, line by line, as the doctor beside it did."""
    examiner = Examiner(history)
    for line in in_order(log, record):
        if (where := take_in(history, line)) is not None:
            examiner.examine(where)
    return examiner
