"""Scores of distances between the features of samples and of training examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from genus.metrics.blocks import small_blocks
from genus.metrics.evidence import Evidence
from genus.metrics.intervals import mean_interval, means_without_each
from genus.metrics.moments import Array
from genus.metrics.real_reference import Distance
from genus.metrics.score import Score, join_notes, where_defined


def distance_score(
    evidence: Evidence,
    name: str,
    distance: Distance,
    interval: tuple[float, float],
    *notes: str,
    value: float | None = None,
    n: int | None = None,
    shared: list[float] | None = None,
    own: float = 0.0,
) -> Score:
    """Score of a distance of all samples to the reference, with floor and baseline.

    Args:
        evidence: the samples and the real examples.
        name: of the score.
        distance: of features ``(n, d)`` to others ``(m, d)``.
        interval: ends of the 95 % interval.
        notes: how to read it, besides the features and where the floor comes from.
        value: of the distance of the samples to the reference; None measures it.
        n: examples it was measured on; None for all samples.
        shared: see :class:`genus.metrics.score.Score`.
        own: see there.
    """
    floor, baseline = evidence.real.floor_and_baseline(distance)
    if value is None:
        value = distance(evidence.generated.features, evidence.real.reference.features)
    return Score(
        name=name,
        value=value,
        low=interval[0],
        high=interval[1],
        n=len(evidence.generated) if n is None else n,
        floor=floor,
        baseline=baseline,
        better="lower",
        shared=shared,
        own=own,
        note=_note(evidence, *notes, evidence.real.floor_note),
    )


def unbiased_distance_score(
    evidence: Evidence, name: str, values_of_blocks: Callable[[ArrayLike, ArrayLike], Array], *notes: str
) -> Score:
    """Score of an unbiased distance: the mean over disjoint blocks, Student's interval over them.

    Args:
        evidence: the samples and the real examples.
        name: of the score.
        values_of_blocks: distances of disjoint blocks of features ``(n, d)`` and ``(m, d)``.
        notes: how to read it.
    """
    values = values_of_blocks(evidence.generated.features, evidence.real.reference.features)
    return distance_score(
        evidence,
        name,
        lambda x, y: float(values_of_blocks(x, y).mean()),
        mean_interval(values),
        *notes,
        f"unbiased (may be negative); interval over {len(values)} disjoint blocks",
        value=float(values.mean()),
        shared=means_without_each(values, len(values)),
    )


def block_distance_score(
    evidence: Evidence,
    name: str,
    distance: Callable[[Array, Array], float],
    *notes: str,
    least: float = 0.0,
) -> Score:
    """Score of a distance between :func:`small_blocks`, which is biased by their size.

    Args:
        evidence: the samples and the real examples.
        name: of the score.
        distance: of equally many rows ``(n, d)``.
        notes: how to read it.
        least: smallest value that the distance can have.
    """
    blocks = small_blocks(evidence.generated.features, evidence.real.reference.features)
    values, size = np.array([distance(a, b) for a, b in blocks]), len(blocks[0][0])
    low, high = mean_interval(values)
    floor, baseline = _means_over_blocks(evidence, size, distance)
    return Score(
        name=name,
        value=float(values.mean()),
        low=max(low, least),
        high=high,
        n=len(blocks) * size,
        floor=floor,
        baseline=baseline,
        better="lower",
        note=_note(
            evidence,
            *notes,
            f"mean of {len(blocks)} disjoint blocks of {size}; two samples of that size are never 0 apart: "
            "compare with the floor, real blocks of the same size",
        ),
    )


def _means_over_blocks(
    evidence: Evidence, size: int, distance: Callable[[Array, Array], float]
) -> Sequence[float | None]:
    """Floor and baseline of a distance between blocks; None where blocks of that size cannot be made."""
    real = evidence.real
    pairs = (real.floor_sets, (real.mixture, real.reference))
    found = [where_defined(small_blocks, first.features, second.features) for first, second in pairs]
    return [
        float(np.mean([distance(a, b) for a, b in blocks])) if blocks and len(blocks[0][0]) == size else None
        for blocks in found
    ]


def _note(evidence: Evidence, *notes: str) -> str:
    return join_notes(f"features: {evidence.protocol.features}", evidence.real.features_note, *notes)
