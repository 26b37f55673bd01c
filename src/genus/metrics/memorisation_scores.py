"""Scores of memorisation: authenticity, data copying, copies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import wilson
from genus.metrics.memorisation import (
    FALSE_POSITIVES,
    copy_threshold,
    data_copying_from_distances,
    gap_ratios,
    training_gaps,
)
from genus.metrics.moments import Array
from genus.metrics.nearest import nearest_neighbours
from genus.metrics.score import Score, join_notes, where_defined


class _Nearness:
    """Distances of a set to the training examples, over their gaps, made once for all three scores."""

    def __init__(self, features: NDArray[np.float32], train: NDArray[np.float32], gaps: Array) -> None:
        numbers, distances = nearest_neighbours(features, train)
        self.distances = distances[:, 0]
        self.authentic = self.distances > gaps[numbers[:, 0]]
        self.ratios = gap_ratios(self.distances, gaps[numbers[:, 0]])


@metric("memorisation", paper="arXiv:2102.08921")
@needs(Samples, features=True)
def memorisation_scores(evidence: Evidence) -> list[Score]:
    """Authenticity, data copying and copies: are samples training examples again?"""
    distinct, gaps = training_gaps(evidence.real.reference.features)
    train = evidence.real.reference.features[distinct]
    generated, real, mixture = (
        _Nearness(examples.features, train, gaps)
        for examples in (evidence.generated.examples, evidence.real.held_out, evidence.real.mixture)
    )
    about = join_notes(
        f"features: {evidence.protocol.features}",
        f"against {len(train)} different training examples"
        + (
            f" of {len(evidence.real.train)}"
            if len(evidence.real.train) > evidence.protocol.num_reference
            else ""
        ),
    )
    return [
        _authenticity(generated, real, mixture, about),
        _data_copying(generated, real, mixture, about),
        _copies(generated, real, mixture, about),
    ]


def _authenticity(generated: _Nearness, real: _Nearness, mixture: _Nearness, about: str) -> Score:
    n = len(generated.authentic)
    low, high = wilson(generated.authentic.sum(), n)
    return Score(
        name="authenticity",
        value=float(generated.authentic.mean()),
        low=low,
        high=high,
        n=n,
        floor=float(real.authentic.mean()),
        baseline=float(mixture.authentic.mean()),
        better="higher",
        note=join_notes(
            about,
            "copies count 0; far below the floor is memorised, far above it is off the data",
            f"floor: {len(real.authentic)} test examples",
        ),
    )


def _data_copying(generated: _Nearness, real: _Nearness, mixture: _Nearness, about: str) -> Score:
    found = data_copying_from_distances(generated.distances, real.distances)
    floor = where_defined(data_copying_from_distances, real.distances[::2], real.distances[1::2])
    baseline = data_copying_from_distances(mixture.distances, real.distances)
    return Score(
        name="data-copying",
        value=found.z,
        low=found.low,
        high=found.high,
        n=len(generated.distances),
        floor=None if floor is None else floor.z,
        baseline=baseline.z,
        better="zero",
        note=join_notes(
            about,
            "C_T: standard normal for new examples of the data; below −2 copies, above 2 underfits",
            f"against {len(real.distances)} test examples; floor: their halves",
        ),
    )


def _copies(generated: _Nearness, real: _Nearness, mixture: _Nearness, about: str) -> Score:
    threshold = copy_threshold(real.ratios)
    n, found = len(generated.ratios), int((generated.ratios <= threshold).sum())
    low, high = wilson(found, n)
    halves = where_defined(copy_threshold, real.ratios[::2])
    floor = None if halves is None else float((real.ratios[1::2] <= halves).mean())
    return Score(
        name="copies",
        value=found / n,
        low=low,
        high=high,
        n=n,
        floor=floor,
        baseline=float((mixture.ratios <= threshold).mean()),
        better="lower",
        note=join_notes(
            about,
            f"finds each copy displaced by less than {min(threshold, 0.5):.0%} of the gap to the next "
            f"training example; accuses about {FALSE_POSITIVES:.1%} of new ones",
            f"threshold from {len(real.ratios)} test examples; floor: their halves",
        ),
    )
