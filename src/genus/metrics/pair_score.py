"""Scores of samples that are compared, one by one, with the test examples they were drawn for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.metrics.evidence import Evidence
from genus.metrics.intervals import mean_interval, means_without_each
from genus.metrics.score import Better, Score, join_notes
from genus.metrics.spectrum import as_stored

Array = NDArray[np.float64]


class PairValues(NamedTuple):
    """A measure of pairs, ``(n,)``, or several of each pair, ``(n, k)``; NaN where a pair has no value.

    Args:
        values: of each sample and the test example that it was drawn for.
        swapped: with another test example in the sample's place.
        mixture: with a sample of the Gaussian mixture in its place; None for label maps, where numbers are
            names.
    """

    values: Array
    swapped: Array
    mixture: Array | None

    def map(self, function: Callable[[Array], Array]) -> PairValues:
        """A function of each of the three."""
        return PairValues(
            function(self.values),
            function(self.swapped),
            None if self.mixture is None else function(self.mixture),
        )


def measured(evidence: Evidence, measure: Callable[[ArrayLike, ArrayLike], Array]) -> PairValues:
    """Measure all pairs of a sample and the test example whose condition it was drawn for.

    Samples are rounded to the values that the data can take.

    Args:
        evidence: the samples and the real examples; see ``needs(paired=True)``.
        measure: of pairs ``(n, channels, *size)`` in data units; returns ``(n,)`` or ``(n, k)``.
    """
    spec = evidence.spec
    real = as_stored(evidence.real.held_out_values(), spec).numpy()
    samples = as_stored(evidence.generated.for_held_out, spec).numpy()
    mixture = None
    if spec.kind != "labels":
        mixture = measure(as_stored(evidence.real.em_mixture.sample(len(real)), spec).numpy(), real)
    return PairValues(measure(samples, real), measure(np.roll(real, 1, axis=0), real), mixture)


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

    Args:
        evidence: see :func:`measured`.
        name: of the score.
        measure: see :func:`measured`; returns ``(n,)``.
        better: which direction is better.
        bounds: smallest and largest value that the measure can have.
        unit: empty for pure numbers.
        note: how to read it.
    """
    found = measured(evidence, measure)
    return score_of(found, name, better=better, bounds=bounds, unit=unit, note=note)


def score_of(
    found: PairValues,
    name: str,
    *,
    better: Better,
    bounds: tuple[float, float] = (0.0, math.inf),
    unit: str = "",
    note: str = "",
) -> Score:
    """Mean over all pairs of what was measured.

    Every pair with a value counts: one infinite value makes the mean infinite, and the note tells the number
    of such pairs and the mean of the others. The baseline are samples of the Gaussian mixture, which know no
    condition.

    Args:
        found: one number per pair, NaN where a pair is left out; one pair has a value.
        name: of the score.
        better: which direction is better.
        bounds: smallest and largest value that the measure can have.
        unit: empty for pure numbers.
        note: how to read it.
    """
    values, swapped, mixture = found.map(lambda column: column[~np.isnan(column)])
    low, high = _interval(values, *bounds)
    baseline = math.nan if mixture is None else float(mixture.mean())
    all_count = len(values) == len(found.values)
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
        shared=means_without_each(values) if all_count and not infinite else None,
        note=join_notes(
            note,
            _infinite_note(values) if infinite else "",
            "one sample for the condition of each test example",
            f"another test example in its place: {swapped.mean():.4g}" if len(swapped) else "",
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
