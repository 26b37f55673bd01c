"""Accuracy of class-conditional samples, and the number of classes drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.examples import Examples
from genus.metrics.intervals import wilson
from genus.metrics.score import Score, join_notes

SHARE = 0.1
MANY = 100
"""Classes from which on they are counted as modes; see :mod:`genus.metrics.class_histogram`."""


def class_accuracy(logits: ArrayLike, labels: ArrayLike) -> tuple[float, float, float]:
    """Share of examples recognised as their class, with Wilson's 95 % interval.

    Args:
        logits: ``(n, classes)``.
        labels: class numbers ``(n,)``.

    Returns:
        share, lower end, upper end.

    Raises:
        DataError: for no examples, or when the numbers differ.

    >>> class_accuracy([[1.0, 0.0], [0.0, 1.0]], [0, 1])[0]
    1.0
    """
    guess, labels = np.asarray(logits).argmax(1), np.asarray(labels)
    if len(guess) != len(labels):
        raise DataError(f"{len(guess)} logits do not match {len(labels)} labels")
    right = int((guess == labels).sum())
    low, high = wilson(right, len(labels))
    return right / len(labels), low, high


def classes_drawn(logits: ArrayLike, shares: ArrayLike, *, share: float = SHARE) -> tuple[int, int, int]:
    """Number of classes that samples really show.

    A class counts when at least ``share`` of its share among the data falls on it among the
    samples, so that single misreadings do not count.

    Args:
        logits: of samples ``(n, classes)``.
        shares: of the classes among the data ``(classes,)``.
        share: as above.

    Returns:
        The number, and the numbers by the ends of each class's Wilson interval.
    """
    logits, wanted = np.asarray(logits), share * np.asarray(shares, dtype=np.float64)
    counts = np.bincount(logits.argmax(1), minlength=logits.shape[1])
    n = len(logits)
    ends = np.array([wilson(count, n) for count in counts])
    present = wanted > 0
    value, low, high = ((v >= wanted) & present for v in (counts / n, ends[:, 0], ends[:, 1]))
    return int(value.sum()), int(low.sum()), int(high.sum())


@metric("accuracy")
@needs(Samples, features=True)
def accuracy_scores(evidence: Evidence) -> list[Score]:
    """Share of conditional samples that a classifier reads as the class it is conditioned on."""
    wanted, generated = evidence.generated.class_labels, evidence.generated.examples
    if wanted is None or generated.logits is None or not evidence.real.reads_classes:
        return []
    value, low, high = class_accuracy(generated.logits.numpy(), wanted.numpy())
    real = evidence.real.held_out
    floor = None
    if real.logits is not None and real.class_labels is not None:
        floor = class_accuracy(real.logits.numpy(), real.class_labels.numpy())[0]
    return [
        Score(
            name="accuracy",
            value=value,
            low=low,
            high=high,
            n=len(generated),
            floor=floor,
            better="higher",
            note=f"classifier: {evidence.protocol.features}; floor: {len(real)} test examples",
        )
    ]


@metric("classes-drawn")
@needs(Samples, features=True)
def classes_drawn_scores(evidence: Evidence) -> list[Score]:
    """Number of the data's classes that samples show."""
    shares = _shares(evidence.real.reference)
    if shares is None or evidence.generated.examples.logits is None or not evidence.real.reads_classes:
        return []
    if len(shares) >= MANY:  # a tenth of a tiny share is less than one sample
        return []
    numbers = [
        None if part.logits is None else classes_drawn(part.logits.numpy(), shares)
        for part in (evidence.generated.examples, evidence.real.held_out, evidence.real.mixture)
    ]
    found, floor, baseline = numbers
    assert found is not None
    return [
        Score(
            name="classes-drawn",
            value=found[0],
            low=found[1],
            high=found[2],
            n=len(evidence.generated),
            floor=None if floor is None else floor[0],
            baseline=None if baseline is None else baseline[0],
            better="higher",
            note=join_notes(
                f"of {int((shares > 0).sum())}; one counts from {SHARE:.0%} of its share among the data",
                f"classifier: {evidence.protocol.features}",
            ),
        )
    ]


def _shares(reference: Examples) -> np.ndarray | None:
    """Shares of the classes among the reference, as the classifier reads it."""
    if reference.logits is None:
        return None
    logits = reference.logits.numpy()
    return np.bincount(logits.argmax(1), minlength=logits.shape[1]) / len(logits)
