"""Logs that are written, not trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genus.training.doctor.examiner import Examiner
from genus.training.doctor.history import Look, RunHistory

Curve = Callable[[int], float]

GOOD_SIGNS = {
    "finite": 1.0, "variety": 0.8, "spacing": 0.6, "coverage": 0.7, "classes": 0.95, "distance": 1.1,
    "copies": 0.01, "still": 0.0, "bounds": -0.1, "spread": 0.9, "offset": 0.1,
}  # fmt: skip


def line(iteration: int, losses: Mapping[str, float], stage: str = "train") -> dict[str, Any]:
    """A line as in metrics.jsonl."""
    return {"iteration": iteration, "samples": iteration, "stage": stage, "seconds": 0.0, "losses": losses}


def game(**changes: Curve) -> dict[str, Curve]:
    """A healthy game of 100 lines, and what differs from it."""

    def wave(i: int) -> float:
        return 0.05 * (-1) ** i

    healthy: dict[str, Curve] = {
        "discriminator/loss": lambda i: 1.39 - 0.002 * i + wave(i),
        "discriminator/real right": lambda i: 0.8 + wave(i),
        "discriminator/fake right": lambda i: 0.7 - wave(i),
        "discriminator/gradient": lambda i: 0.5 + 0.005 * i,
        "generator/loss": lambda i: 0.7 + wave(i),
        "generator/gradient": lambda i: 0.03 + 0.005 * i,
    }
    renamed = {name.replace("__", "/").replace("_", " "): curve for name, curve in changes.items()}
    return {**healthy, **renamed}


def examined(curves: Mapping[str, Curve], n: int = 100, **options: Any) -> Examiner:
    """Examine a log of n lines, one every ten iterations."""
    examiner = Examiner(RunHistory(**options))
    for i in range(n):
        examiner.history.add(line(10 * i + 10, {name: curve(i) for name, curve in curves.items()}))
        examiner.examine("log")
    return examiner


def looked(*looks: Mapping[str, float], first: float = 0.5, gap: float = 0.1) -> Examiner:
    """Examine looks at samples: good ones, with these changes."""
    examiner = Examiner(RunHistory())
    for number, signs in enumerate(looks):
        fraction = first + gap * number
        examiner.history.look(Look(int(1000 * fraction), fraction, {**GOOD_SIGNS, **signs}))
        examiner.examine("samples")
    return examiner
