"""The histogram of the classes that samples show, against that of the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.accuracy import MANY
from genus.metrics.evidence import Evidence, needs
from genus.metrics.examples import Examples
from genus.metrics.intervals import jackknife
from genus.metrics.score import Score, join_notes

_GROUPS = 20
_SURE = 3


def class_divergence(counts: ArrayLike, shares: ArrayLike) -> float:
    r"""Divergence of the samples' classes from the data's, as in the stacked-MNIST protocol.

    .. math:: \mathrm{KL}(\hat p \,\|\, q) = \sum_c \hat p_c \log \frac{\hat p_c}{q_c}

    Args:
        counts: samples recognised as each class ``(classes,)``.
        shares: of the classes among the data, q ``(classes,)``; zero where there is none.

    Returns:
        Nats; infinite when samples show a class that the data do not have. At finite n it is
        too large by about (classes − 1) / 2n.

    Raises:
        DataError: for no samples, or unequal numbers of classes.

    Paper: arXiv:1611.02163, arXiv:1712.04086.

    >>> round(class_divergence([5, 0], [0.5, 0.5]), 4)
    0.6931
    """
    p, q = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if p.shape != q.shape or p.sum() <= 0:
        raise DataError(f"a divergence of classes needs samples and equal classes; got {p.shape}, {q.shape}")
    p = p / p.sum()
    seen = p > 0
    with np.errstate(divide="ignore"):
        return float((p[seen] * (np.log(p[seen]) - np.log(q[seen]))).sum())


@metric("class-histogram", paper="arXiv:1712.04086")
@needs(Samples, features=True)
def class_histogram_scores(evidence: Evidence) -> list[Score]:
    """Divergence of the samples' classes from the data's; the number of modes where there are many."""
    generated, reference = evidence.generated.examples, evidence.real.reference
    if generated.logits is None or reference.class_labels is None or not evidence.real.reads_classes:
        return []
    classes = evidence.spec.num_classes
    if generated.logits.shape[1] != classes:
        return []
    shares = _shares(reference.class_labels.numpy(), classes)
    read = _read(generated)
    counts = np.bincount(read, minlength=classes)
    groups = [np.bincount(part, minlength=classes) for part in np.array_split(read, _GROUPS)]
    value = class_divergence(counts, shares)
    low, high = jackknife(value, [[class_divergence(counts - group, shares) for group in groups]])
    floor, baseline = (
        None if part.logits is None else np.bincount(_read(part), minlength=classes)
        for part in (evidence.real.held_out, evidence.real.mixture)
    )
    n = len(generated)
    note = f"classifier: {evidence.protocol.features}"
    scores = [
        Score(
            name="class-divergence",
            value=value,
            low=max(low, 0.0),
            high=high,
            n=n,
            floor=None if floor is None else class_divergence(floor, shares),
            baseline=None if baseline is None else class_divergence(baseline, shares),
            better="lower",
            unit="nats",
            note=join_notes(note, f"too large by about {(classes - 1) / (2 * n):.3g} at this n"),
        )
    ]
    if classes >= MANY:
        scores.append(
            Score(
                name="modes",
                value=int((counts > 0).sum()),
                low=int((counts >= _SURE).sum()),
                high=int((counts > 0).sum()),
                n=n,
                floor=None if floor is None else int((floor > 0).sum()),
                baseline=None if baseline is None else int((baseline > 0).sum()),
                better="higher",
                note=join_notes(f"of {classes}; one sample read as the class counts", note),
            )
        )
    return scores


def _shares(labels: np.ndarray, classes: int) -> np.ndarray:
    """Shares of the classes among the data: equal ones where there are too few examples to count."""
    if classes >= MANY:
        return np.full(classes, 1 / classes)
    return np.bincount(labels, minlength=classes) / len(labels)


def _read(examples: Examples) -> np.ndarray:
    assert examples.logits is not None
    return examples.logits.numpy().argmax(1)
