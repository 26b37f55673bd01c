"""Illnesses of the game of generator and discriminator, recognised by what their updates log."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

from genus.core.observations import Observation
from genus.training.doctor.finding import Finding
from genus.training.doctor.history import RunHistory, Series
from genus.training.doctor.registry import illness
from genus.training.doctor.thresholds import (
    FAR,
    FOOLED,
    LIVELY,
    NO_BETTER,
    RIGHT,
    SWING,
    SWING_OF_CRITIC,
    VANISHED,
    WON,
)

LOSS, PENALTY = "discriminator/loss", "discriminator/penalty"
REAL, FAKE = Observation.REAL_RIGHT.of("discriminator"), Observation.FAKE_RIGHT.of("discriminator")
GRADIENT = Observation.GRADIENT.of("generator")


@illness("discriminator-wins")
def discriminator_wins(history: RunHistory) -> Finding | None:
    """Right about everything, with a loss that is next to nothing of its loss when guessing.

    Penalties count: a discriminator that pays for its slopes is held back by them. What is left of the
    loss with smoothed labels does not.
    """
    found = history.ripe(LOSS, REAL, FAKE)
    if found is None or not history.has_border:
        return None
    loss, real, fake = found
    now, start = (value - history.floor for value in _with_penalties(history, loss))
    share = now / start if start > 0 else 1.0
    if min(_mean(real.recent), _mean(fake.recent)) < RIGHT or share > WON:
        return None
    return Finding(
        name="discriminator-wins",
        severity="serious",
        says=f"the discriminator is right about {_mean(real.recent):.0%} of real and "
        f"{_mean(fake.recent):.0%} of generated examples and its loss has fallen to {share:.1%} of what it "
        "began with, above the least possible; the generator no longer catches up.",
        evidence={
            Observation.REAL_RIGHT.value: _mean(real.recent),
            Observation.FAKE_RIGHT.value: _mean(fake.recent),
            "loss above the least": now,
            "at first": start,
        },
    )


@illness("discriminator-loses")
def discriminator_loses(history: RunHistory) -> Finding | None:
    """The discriminator is wrong about real or generated examples, its loss stays high, samples are bad."""
    found = history.ripe(LOSS, REAL, FAKE)
    if found is None or not history.has_border:
        return None
    loss, real, fake = found
    if history.looks and history.looks[-1].signs.get("distance", FAR) < FAR:
        return None  # fooled by samples that are as good as real ones
    right = min(_mean(real.recent), _mean(fake.recent))
    if right > FOOLED or loss.start <= 0 or loss.now < NO_BETTER * loss.start:
        return None
    return Finding(
        name="discriminator-loses",
        severity="serious",
        says=f"the discriminator is right about {_mean(real.recent):.0%} of real and "
        f"{_mean(fake.recent):.0%} of generated examples and its loss stands at "
        f"{loss.now / loss.start:.0%} of what it began with; it has nothing to teach the generator.",
        evidence={
            Observation.REAL_RIGHT.value: _mean(real.recent),
            Observation.FAKE_RIGHT.value: _mean(fake.recent),
            "loss": loss.now,
            "loss at first": loss.start,
        },
    )


@illness("vanishing-gradient")
def vanishing_gradient(history: RunHistory) -> Finding | None:
    """The generator's gradient has nearly vanished."""
    found = history.ripe(GRADIENT, LOSS)
    if found is None:
        return None
    gradient = found[0]
    largest = max(gradient.early)
    if largest <= 0 or gradient.now > min(VANISHED * largest, LIVELY):
        return None
    return Finding(
        name="vanishing-gradient",
        severity="serious",
        says=f"the generator's gradient has shrunk from {largest:.2g} to {gradient.now:.2g}, "
        f"{gradient.now / largest:.2%} of it; it has stopped learning.",
        evidence={"gradient": gradient.now, "largest at first": largest},
    )


@illness("oscillation")
def oscillation(history: RunHistory) -> Finding | None:
    """The discriminator's loss swings by a good part of its size when guessing, and not because it wins."""
    found = history.ripe(LOSS, GRADIENT)
    if found is None:
        return None
    loss = found[0]
    critic = not history.has_border
    size = statistics.fmean(map(abs, loss.recent)) if critic else abs(loss.start)
    swing = loss.spread / size if size > 0 else 0.0
    if swing < (SWING_OF_CRITIC if critic else SWING) or _turns(loss.recent) < len(loss.recent) // 5:
        return None
    return Finding(
        name="oscillation",
        severity="mild",
        says=f"the discriminator's loss swings by ±{loss.spread:.2g} around {loss.now:.2g}; the networks "
        "chase each other instead of getting better.",
        evidence={"swing": swing, "deviation of the loss": loss.spread, "loss": loss.now},
    )


def _with_penalties(history: RunHistory, loss: Series) -> tuple[float, float]:
    """The discriminator's loss and penalties, now and at first; lazy ones as often as they are paid."""
    paid = [series for name, series in history.series.items() if name.startswith(PENALTY) and series.count]
    now = sum(series.now * series.count / loss.count for series in paid)
    start = sum(series.start * series.count / loss.count for series in paid)
    return loss.now + now, loss.start + start


def _turns(values: Sequence[float]) -> int:
    """Number of changes of a series' direction."""
    steps = [b - a for a, b in pairwise(values)]
    return sum(a * b < 0 for a, b in pairwise(steps))


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)
