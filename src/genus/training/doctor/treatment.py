"""Treatments of ``train.doctor=act``: smaller rates and shorter gradients, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from genus.core.observations import Observation
from genus.training.adjustment import Adjustment
from genus.training.doctor.finding import Finding
from genus.training.doctor.history import RunHistory
from genus.training.doctor.thresholds import WINDOW

REPEAT = 2 * WINDOW
"""Examinations until an illness that is still there is treated again: the window must have passed."""

MOST = 3
"""Adjustments of one illness; what three have not cured needs another recipe."""


def treat(finding: Finding, treatment: Adjustment, history: RunHistory) -> tuple[Adjustment, str] | None:
    """The next treatment of an illness and its description; None where there is no safe one.

    Only illnesses of the log are treated, so that a resumed run is treated as the whole one was;
    when samples are looked at depends on the time that it takes.

    Args:
        finding: the illness.
        treatment: so far.
        history: where gradients at the beginning are read from.
    """
    if finding.name == "discriminator-wins":
        rates = _halved(treatment.rates, "discriminator")
        return Adjustment(rates, treatment.clip), "the learning rate of the discriminator is halved"
    if finding.name == "oscillation":
        return Adjustment(_halved(treatment.rates, ""), treatment.clip), "all learning rates are halved"
    overflows = finding.name == "nan-ahead" and "value" in finding.evidence
    if finding.name != "exploding-gradient" and not overflows:
        return None
    rates = _halved(treatment.rates, "")
    early = [max(s.early) for name, s in history.series.items() if name.endswith(Observation.GRADIENT.of(""))]
    if not early:
        return Adjustment(rates, treatment.clip), "all learning rates are halved"
    bound = Adjustment(clip=max(early)).clipped(treatment.clip)
    says = f"all learning rates are halved, and gradients clipped at {bound:.3g}, the most they were at first"
    return Adjustment(rates, bound), says


def _halved(rates: Mapping[str, float], group: str) -> dict[str, float]:
    return {**rates, group: rates.get(group, 1.0) / 2}
