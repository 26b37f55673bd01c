"""What ``train.doctor=act`` does: smaller rates and shorter gradients, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from genus.training.doctor.finding import Finding
from genus.training.doctor.history import RunHistory
from genus.training.doctor.thresholds import WINDOW

REPEAT = 2 * WINDOW
"""Examinations until an illness that is still there is treated again: the window must have passed."""

MOST = 3
"""Treatments of one illness; what three have not cured needs another recipe."""


@dataclass(frozen=True)
class Treatment:
    """How training departs from its recipe.

    Args:
        rates: factors of learning rates, by optimiser group; ``""`` is for all.
        clip: largest norm of a group's gradient, or None.
    """

    rates: Mapping[str, float] = field(default_factory=dict[str, float])
    clip: float | None = None

    def rate(self, group: str) -> float:
        """Factor of a group's learning rate."""
        return self.rates.get("", 1.0) * self.rates.get(group, 1.0)

    def clipped(self, clip: float | None) -> float | None:
        """The smaller of the recipe's bound and this one's."""
        known = [bound for bound in (clip, self.clip) if bound is not None]
        return min(known, default=None)

    def to_json(self) -> dict[str, Any]:
        """For a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> Treatment:
        """From a checkpoint; None is no treatment."""
        return cls() if values is None else cls(dict(values["rates"]), values["clip"])


def treat(finding: Finding, treatment: Treatment, history: RunHistory) -> tuple[Treatment, str] | None:
    """The next treatment of an illness and what to say of it; None where there is no safe one.

    Only illnesses of the log are treated, so that a resumed run is treated as the whole one was;
    when samples are looked at depends on the time that it takes.

    Args:
        finding: the illness.
        treatment: so far.
        history: where gradients at the beginning are read from.
    """
    if finding.name == "discriminator-wins":
        rates = _halved(treatment.rates, "discriminator")
        return Treatment(rates, treatment.clip), "the learning rate of the discriminator is halved"
    if finding.name == "oscillation":
        return Treatment(_halved(treatment.rates, ""), treatment.clip), "all learning rates are halved"
    overflows = finding.name == "nan-ahead" and "value" in finding.evidence
    if finding.name != "exploding-gradient" and not overflows:
        return None
    rates = _halved(treatment.rates, "")
    early = [max(s.early) for name, s in history.series.items() if name.endswith("/gradient")]
    if not early:
        return Treatment(rates, treatment.clip), "all learning rates are halved"
    bound = Treatment(clip=max(early)).clipped(treatment.clip)
    says = f"all learning rates are halved, and gradients clipped at {bound:.3g}, the most they were at first"
    return Treatment(rates, bound), says


def _halved(rates: Mapping[str, float], group: str) -> dict[str, float]:
    return {**rates, group: rates.get(group, 1.0) / 2}
