"""Scores of samples that are compared, one by one, with the test examples they were drawn for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genus.metrics.evidence import Evidence
from genus.metrics.intervals import mean_interval, means_without_each
from genus.metrics.score import Better, Score, join_notes
from genus.metrics.spectrum import as_stored

Array = NDArray[np.float64]


def pair_score(
    evidence: Evidence,
    name: str,
    measure: Callable[[ArrayLike, ArrayLike], Array],
    *,
    better: Better,
    bounds: tuple[float, float] = (0.0, math.inf),
    unit: str = "",
    note: str = "",
) -> Score:
    """Mean of a measure over all pairs of a sample and the test example whose condition it was drawn for.

    Samples are rounded to the values that the data can take. Every pair counts: one infinite value
    makes the mean infinite, and the note tells the number of such pairs and the mean of the others.
    The baseline are samples of the Gaussian mixture, which know no condition.

    Args:
        evidence: the samples and the real examples; see ``needs(paired=True)``.
        name: of the score.
        measure: of pairs ``(n, channels, *size)`` in data units; returns ``(n,)``, which may hold
            infinite values.
        better: which direction is better.
        bounds: smallest and largest value that the measure can have.
        unit: empty for pure numbers.
        note: how to read it.
    """
    real = as_stored(evidence.real.held_out_values(), evidence.spec).numpy()

    def measured(samples: Tensor) -> Array:
        return measure(as_stored(samples, evidence.spec).numpy(), real)

    values = measured(evidence.generated.for_held_out)
    low, high = _interval(values, *bounds)
    baseline = float(measured(evidence.real.em_mixture.sample(len(real))).mean())
    infinite = int(np.isinf(values).sum())
    return Score(
        name=name,
        value=float(values.mean()),
        low=low,
        high=high,
        n=len(values),
        baseline=baseline if math.isfinite(baseline) else None,
        better=better,
        unit=unit,
        shared=None if infinite else means_without_each(values),
        note=join_notes(
            note,
            _infinite_note(values) if infinite else "",
            "one sample for the condition of each test example",
            f"another test example in its place: {measure(np.roll(real, 1, axis=0), real).mean():.4g}",
        ),
    )


def _interval(values: Array, least: float, most: float) -> tuple[float, float]:
    """Student's, in the range of the measure; where one value is infinite, the mean surely is."""
    if np.isinf(values).any():
        return math.inf, math.inf
    low, high = mean_interval(values)
    return max(low, least), min(high, most)


def _infinite_note(values: Array) -> str:
    finite = values[np.isfinite(values)]
    others = f", mean of the others {finite.mean():.4g}" if len(finite) else ""
    return f"{len(values) - len(finite)} of {len(values)} pairs infinite{others}"
