"""Illnesses that show in samples, of any model that draws some."""

from __future__ import annotations

from collections.abc import Mapping

from genus.training.doctor.finding import Finding
from genus.training.doctor.history import RunHistory
from genus.training.doctor.registry import illness
from genus.training.doctor.thresholds import (
    ALIKE,
    BOUND,
    CLASSES,
    COPIED,
    CROWDED,
    FAR,
    HUDDLED,
    MISSES,
    NEAR,
    SATURATED,
    SPREAD,
    STILL,
    UNCOVERED,
)

Signs = Mapping[str, float]


@illness("mode-collapse", shows="samples", patience=1)
def mode_collapse(history: RunHistory) -> Finding | None:
    """Samples repeat each other, or are good ones of a few kinds."""
    looks = history.last_looks("spacing", "coverage")
    reasons = [_collapsed(signs) for signs in looks]
    if not reasons or not all(reasons):
        return None
    signs = looks[-1]
    known = ("variety", "spacing", "coverage", "classes", "distance")
    return Finding(
        name="mode-collapse",
        severity="serious",
        says=f"{reasons[-1]}; they have lost variety.",
        evidence={name: signs[name] for name in known if name in signs},
    )


@illness("unlike-data", shows="samples", patience=1)
def unlike_data(history: RunHistory) -> Finding | None:
    """A training has ended, and samples lie where hardly any real example is."""
    looks = history.last_looks("coverage", "spread", "offset")
    if not looks or history.looks[-1].fraction < 1 or any(_covers(signs) for signs in looks):
        return None
    signs = looks[-1]
    return Finding(
        name="unlike-data",
        severity="serious",
        says=f"samples cover {signs['coverage']:.1%} of what other real examples do; in units of the data's "
        f"own spread, theirs is {signs['spread']:.2g} and their mean lies {signs['offset']:.2g} from that of "
        "the data.",
        evidence={
            name: signs[name] for name in ("coverage", "spread", "offset", "distance") if name in signs
        },
    )


@illness("memorisation", shows="samples", patience=1)
def memorisation(history: RunHistory) -> Finding | None:
    """Samples are training examples again."""
    looks = history.last_looks("copies")
    if not looks or any(signs["copies"] < COPIED for signs in looks):
        return None
    signs = looks[-1]
    return Finding(
        name="memorisation",
        severity="serious",
        says=f"{signs['copies']:.0%} of the samples repeat training examples (of new examples about 1 % "
        "would be taken for repeats).",
        evidence={name: signs[name] for name in ("copies", "distance") if name in signs},
    )


@illness("dead-outputs", shows="samples", patience=1)
def dead_outputs(history: RunHistory) -> Finding | None:
    """Outputs stand still or stick to the ends of their range."""
    looks = history.last_looks("still", "bounds")
    if not looks or not all(_dead(signs) for signs in looks):
        return None
    signs = looks[-1]
    return Finding(
        name="dead-outputs",
        severity="serious",
        says=f"{signs['still']:.0%} of the values that vary in the data are the same in all samples, and "
        f"{signs['bounds']:.0%} more of them than in the data stick to the ends of the range; "
        "outputs are saturated.",
        evidence={name: signs[name] for name in ("still", "bounds")},
    )


@illness("broken-samples", shows="samples", patience=1)
def broken_samples(history: RunHistory) -> Finding | None:
    """Samples hold NaN or infinity."""
    finite = history.looks[-1].signs.get("finite", 1.0)
    if finite == 1:
        return None
    return Finding(
        name="broken-samples",
        severity="fatal",
        says=f"{1 - finite:.0%} of the samples hold values that are NaN or infinite.",
        evidence={"finite": finite},
    )


def _covers(signs: Signs) -> bool:
    return signs["coverage"] > UNCOVERED


def _dead(signs: Signs) -> bool:
    return signs["bounds"] >= SATURATED or (signs["still"] >= STILL and signs["bounds"] >= BOUND)


def _collapsed(signs: Signs) -> str | None:
    """The sign that variety is lost, or None."""
    if signs["spacing"] <= ALIKE:
        return f"samples are {signs['spacing']:.1%} as far apart from each other as real examples are"
    if signs.get("classes", 1.0) <= CLASSES:
        return f"samples show {signs['classes']:.0%} of the effective number of classes"
    if signs["coverage"] <= MISSES and signs.get("distance", NEAR + 1) <= NEAR:
        return f"good samples cover only {signs['coverage']:.0%} of what real examples do"
    crowded = signs["spacing"] <= CROWDED and signs.get("distance", FAR) < FAR
    huddled = signs["spacing"] <= HUDDLED and signs.get("variety", 0.0) >= SPREAD
    if signs["coverage"] <= MISSES and (crowded or huddled):
        return (
            f"samples are {signs['spacing']:.0%} as far apart from each other as real examples are, and "
            f"cover only {signs['coverage']:.0%} of what these do"
        )
    return None
