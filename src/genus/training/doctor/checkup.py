"""The doctor's check-up of a run afterwards, finished or crashed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genus.core.length import Length
from genus.core.recipe import Recipe
from genus.core.registry import component
from genus.training.doctor.advice import prescribe
from genus.training.doctor.doctor import replay
from genus.training.doctor.finding import Finding
from genus.training.doctor.history import Look, RunHistory
from genus.training.doctor.record import read_record
from genus.training.doctor.thresholds import LEARNT, SETTLED, WINDOW
from genus.training.run import Run

_ORDER = {"fatal": 0, "serious": 1, "mild": 2}
_CROSS_ENTROPIES = ("minimax", "non-saturating", "boundary-seeking")


@dataclass(frozen=True)
class Checkup:
    """The state of a run.

    Args:
        findings: illnesses seen, those that are still there first, the worst first; those that passed are
            withdrawn: they are not ``present`` and have no advice.
        treatments: what ``train.doctor=act`` did, with its iteration.
        unseen: what could not be judged, and why.
        iteration: up to which the run was examined.
    """

    findings: Sequence[Finding]
    treatments: Sequence[tuple[int, str]]
    unseen: Sequence[str]
    iteration: int

    @property
    def healthy(self) -> bool:
        """Whether no illness is there at the end; earlier ones may have passed."""
        return not any(finding.present for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "healthy": self.healthy,
            "iteration": self.iteration,
            "findings": [finding.to_json() for finding in self.findings],
            "treatments": [{"iteration": i, "says": says} for i, says in self.treatments],
            "unseen": list(self.unseen),
        }


def check_up(run: Run, signs: Mapping[str, float] | None = None) -> Checkup:
    """Examine a run by its log, by the record of its samples, and by its present samples.

    Args:
        run: finished, running or crashed.
        signs: of samples of its last checkpoint, see :func:`genus.metrics.sample_health.look`.
    """
    recipe, record, log = run.recipe, list(read_record(run.doctor_path)), list(run.log_lines())
    history = history_of(recipe)
    examiner = replay(history, log, record)
    if signs:
        done = run_fraction(recipe, log[-1]) if log else 0.0
        history.look(Look(history.iteration, 1.0 if done >= SETTLED else done, signs))  # none will follow
        examiner.examine("samples")
    found = [
        prescribe(finding, recipe) if finding.present else finding for finding in examiner.found.values()
    ]
    found.sort(key=lambda finding: (not finding.present, _ORDER[finding.severity], finding.since))
    treatments = [(line["iteration"], line["says"]) for line in record if "treatment" in line]
    return Checkup(found, treatments, _unseen(history), history.iteration)


def history_of(recipe: Recipe) -> RunHistory:
    """An empty history with the objective of this recipe's discriminator.

    Scores of critics and of relativistic discriminators have no border: they only compare. The
    least cross-entropy with labels smoothed by α is their entropy, −(1 − α) log(1 − α) − α log α.
    """
    objective = recipe.config["model"].get("objective") or {}
    name, smoothing = objective.get("name"), objective.get("smoothing") or 0.0
    shares = [share for share in (smoothing, 1 - smoothing) if share > 0 and name in _CROSS_ENTROPIES]
    entropy = -sum(share * math.log(share) for share in shares)
    optimised = component("model", recipe.config["model"]["name"]).load().optimised
    return RunHistory(
        has_border=name in (*_CROSS_ENTROPIES, "hinge", "least-squares"),
        floor=entropy,
        learnt=LEARNT if optimised else 0,
    )


def run_fraction(recipe: Recipe, line: Mapping[str, Any]) -> float:
    """Share of a run that is done at a line of its log; 1 where the log does not count its unit."""
    length = Length.parse(recipe.train.length)
    counted = {
        "iterations": line["iteration"],
        "samples": line["samples"],
        "seconds": line["seconds"],
        "CPU seconds": line.get("cpu_seconds", 0.0),
    }
    return min(counted.get(length.unit, length.amount) / length.amount, 1.0)


def _unseen(history: RunHistory) -> list[str]:
    unseen: list[str] = []
    longest = max((series.count for series in history.series.values()), default=0)
    if longest < 2 * WINDOW:
        unseen.append(
            f"how losses and gradients develop: the log has {longest} lines of this stage, {2 * WINDOW} "
            "are needed (train.log_every sets how many there are)"
        )
    if not history.looks:
        unseen.append("variety, copies and saturation of samples: none were looked at")
    elif not history.last_looks("finite"):
        unseen.append("variety, copies and saturation of samples: too early to judge them")
    elif history.last_looks("spacing") and not history.last_looks("classes"):
        unseen.append("whether all classes are drawn: nothing here recognises the classes of these data")
    if "discriminator/loss" in history.series and not history.has_border:
        unseen.append(
            "whether the discriminator wins or loses: this objective gives its scores no border between "
            "real and generated"
        )
    return unseen
