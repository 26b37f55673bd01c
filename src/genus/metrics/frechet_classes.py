"""Fréchet distance class by class, which shows what a conditional model does within each."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.examples import Examples
from genus.metrics.frechet import distances_without_each, frechet_distance
from genus.metrics.intervals import jackknife
from genus.metrics.moments import Array, as_rows
from genus.metrics.score import Score, join_notes, where_defined

FEWEST = 10


def frechet_per_class(
    x: ArrayLike, labels_x: ArrayLike, y: ArrayLike, labels_y: ArrayLike
) -> dict[int, float]:
    """Fréchet distance between the examples of each class that has ten in both sets.

    The distance of whole sets does not see classes swapped for each other, nor a class drawn
    without variety when another has too much; these do.

    Args:
        x: features ``(n, d)``.
        labels_x: class numbers ``(n,)``.
        y: features ``(m, d)``.
        labels_y: class numbers ``(m,)``.

    Raises:
        DataError: when no class has ten examples in both sets, or labels and features differ in
            number.

    >>> x = [[0.0], [2.0]] * 5 + [[9.0], [9.0]] * 5
    >>> y = [[1.0], [3.0]] * 5 + [[7.0], [7.0]] * 5
    >>> found = frechet_per_class(x, [0] * 10 + [1] * 10, y, [0] * 10 + [1] * 10)
    >>> {label: round(value, 9) for label, value in found.items()}
    {0: 1.0, 1: 4.0}
    """
    return {label: frechet_distance(a, b) for label, a, b in _pairs(x, labels_x, y, labels_y)}


def frechet_classes_interval(
    x: ArrayLike, labels_x: ArrayLike, y: ArrayLike, labels_y: ArrayLike
) -> tuple[float, float]:
    """95 % interval of the mean over the classes.

    Delete-a-group jackknife: within each class ten groups of either set are left out in turn,
    and the variances add up, for classes are drawn independently.
    """
    pairs = _pairs(x, labels_x, y, labels_y)
    value = float(np.mean([frechet_distance(a, b) for _, a, b in pairs]))
    left_out = [part / len(pairs) for _, a, b in pairs for part in distances_without_each(a, b)]
    low, high = jackknife(value, left_out)
    return max(low, 0.0), high


def _pairs(
    x: ArrayLike, labels_x: ArrayLike, y: ArrayLike, labels_y: ArrayLike
) -> list[tuple[int, Array, Array]]:
    first, second = _by_class(x, labels_x), _by_class(y, labels_y)
    pairs = [(label, first[label], second[label]) for label in sorted(first.keys() & second.keys())]
    if not pairs:
        raise DataError(
            f"a Fréchet distance per class needs {FEWEST} examples of some class in both sets; "
            "take more samples"
        )
    return pairs


def _by_class(x: ArrayLike, labels: ArrayLike) -> dict[int, Array]:
    rows, numbers = as_rows(x), np.asarray(labels)
    if len(rows) != len(numbers):
        raise DataError(f"{len(rows)} features do not match {len(numbers)} labels")
    found, counts = np.unique(numbers, return_counts=True)
    return {int(label): rows[numbers == label] for label in found[counts >= FEWEST]}


@metric("frechet-per-class", paper="arXiv:1706.08500")
@needs(Samples, features=True)
def frechet_class_scores(evidence: Evidence) -> list[Score]:
    """Mean over the classes of the Fréchet distance within each, for conditional models."""
    labels, reference = evidence.generated.class_labels, evidence.real.reference
    if labels is None or reference.class_labels is None:
        return []
    sets = (
        evidence.generated.features,
        labels.numpy(),
        reference.features,
        reference.class_labels.numpy(),
    )
    found = frechet_per_class(*sets)
    low, high = frechet_classes_interval(*sets)
    worst = max(found, key=lambda label: found[label])
    first, second = evidence.real.floor_sets
    return [
        Score(
            name="frechet-per-class",
            value=float(np.mean(list(found.values()))),
            low=low,
            high=high,
            n=len(labels),
            floor=_floor(first, second),
            better="lower",
            note=join_notes(
                f"features: {evidence.protocol.features}",
                f"mean of {len(found)} classes; worst: {_class_name(evidence, worst)} ({found[worst]:.4g})",
                f"biased upwards, for a class has about {_typical(labels.numpy())} samples",
                evidence.real.floor_note,
            ),
        )
    ]


def _floor(first: Examples, second: Examples) -> float | None:
    if first.class_labels is None or second.class_labels is None:
        return None
    found = where_defined(
        frechet_per_class,
        first.features,
        first.class_labels.numpy(),
        second.features,
        second.class_labels.numpy(),
    )
    return None if found is None else float(np.mean(list(found.values())))


def _class_name(evidence: Evidence, label: int) -> str:
    names = evidence.spec.classes
    return names[label] if label < len(names) else str(label)


def _typical(labels: NDArray[np.int64]) -> int:
    return int(np.median(np.unique(labels, return_counts=True)[1]))
