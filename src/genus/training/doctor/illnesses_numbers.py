"""Illnesses of numbers: gradients and losses that grow without bound, in any model."""

from __future__ import annotations

import statistics
from itertools import pairwise

from genus.core.observations import Observation
from genus.training.doctor.finding import Finding
from genus.training.doctor.history import RunHistory
from genus.training.doctor.registry import illness
from genus.training.doctor.thresholds import EXPLODED, LARGE, RISES, RUNAWAY, SPIKE

SUFFIX = Observation.GRADIENT.of("")


@illness("exploding-gradient", patience=3)
def exploding_gradient(history: RunHistory) -> Finding | None:
    """The gradients of all networks have grown, or one has jumped."""
    gradients = {name: s for name, s in history.series.items() if name.endswith(SUFFIX) and s.ripe}
    if not gradients:
        return None
    growth = {
        name: series.now / first
        for name, series in gradients.items()
        if (first := statistics.median(series.early)) > 0
    }
    name = max(gradients, key=lambda key: gradients[key].now)
    series = gradients[name]
    grown = len(growth) == len(gradients) and min(growth.values()) >= EXPLODED and series.now >= LARGE
    jump = max(series.recent)
    if not grown and not (jump >= SPIKE * max(series.now, LARGE / SPIKE) and jump >= 5 * LARGE):
        return None
    phase = name.removesuffix(SUFFIX)
    says = (
        f"gradients have grown {min(growth.values()):.0f}-fold since the beginning, that of the {phase} "
        f"to {series.now:.3g}."
        if grown
        else f"the gradient of the {phase} jumped to {jump:.3g} where {series.now:.3g} is usual."
    )
    return Finding(
        name="exploding-gradient",
        severity="serious",
        says=says,
        evidence={"gradient": series.now, "largest lately": jump, "growth": growth.get(name, 0.0)},
    )


@illness("nan-ahead", patience=1)
def nan_ahead(history: RunHistory) -> Finding | None:
    """A loss or gradient far above its beginning that still rises at every line."""
    if history.failure is not None:
        return Finding(
            name="nan-ahead",
            severity="fatal",
            says=f"training stopped because a number was not finite: {history.failure}",
            evidence={"iteration": float(history.iteration)},
        )
    for name, series in history.series.items():
        last = [abs(value) for value in series.recent[-RISES - 1 :]]
        before = [abs(value) for value in series.early[: max(series.count - RISES - 1, 1)]]
        if len(last) <= RISES or series.count < 2 * RISES:
            continue
        rises = all(b > a for a, b in pairwise(last))
        if rises and last[-1] >= max(RUNAWAY * max(before), LARGE):
            times = last[-1] / max(max(before), 1e-30)
            return Finding(
                name="nan-ahead",
                severity="fatal",
                says=f"{name} has grown to {last[-1]:.3g}, {times:.0f} times the largest value at the "
                "beginning, and still rises; it will soon overflow.",
                evidence={"value": last[-1], "largest at first": max(before)},
            )
    return None
