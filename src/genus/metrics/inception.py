"""Inception score: does a classifier read samples with confidence, and as many different classes?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.examples import Examples
from genus.metrics.moments import Array, as_rows
from genus.metrics.score import Score, join_notes, where_defined

SPLITS = 10
_Z = 1.959963984540054


def inception_score(probabilities: ArrayLike, *, splits: int = SPLITS) -> float:
    r"""Exponential of the mutual information of sample and class, averaged over splits.

    .. math:: \frac1S\sum_{s=1}^{S} \exp\Big(\frac1{n_s}\sum_{i\in s} D_{KL}(p(y|x_i)\,\|\,\bar p_s)\Big)

    It lies between 1 (every sample is read alike) and :func:`inception_ceiling`. It never looks
    at real data, so a model that draws one perfect image of each class reaches the ceiling.

    Args:
        probabilities: of the classes for each sample ``(n, K)``, rows that sum to 1, in random order.
        splits: consecutive parts; published values take ten.

    Raises:
        DataError: for fewer than two samples in a split, or rows that are no probabilities.

    Paper: arXiv:1606.03498; its weaknesses: arXiv:1801.01973.

    >>> round(inception_score([[1.0, 0.0], [0.0, 1.0]], splits=1), 12)
    2.0
    """
    return float(np.mean([math.exp(part.mean()) for part in _information(probabilities, splits)]))


def inception_ceiling(n: int, classes: int, *, splits: int = SPLITS) -> float:
    """The highest score that n samples can reach: min(K, n/splits).

    >>> inception_ceiling(1000, 1000, splits=10)
    100.0
    """
    return min(float(classes), n / splits)


def inception_interval(probabilities: ArrayLike, *, splits: int = SPLITS) -> tuple[float, float]:
    """95 % interval of the score that such samples have on average at this n and these splits.

    Analytic (delta method): a sample's influence on the logarithm is its own divergence, so the
    mean's standard error carries over. Spread over the splits, which papers print, is ten numbers
    of a tenth of the data and says less.
    """
    parts = _information(probabilities, splits)
    values = [math.exp(part.mean()) for part in parts]
    variance = sum((v * p.std(ddof=1)) ** 2 / len(p) for v, p in zip(values, parts, strict=True))
    half = _Z * math.sqrt(variance) / splits
    ceiling = inception_ceiling(sum(map(len, parts)), np.shape(probabilities)[1], splits=splits)
    value = float(np.mean(values))
    return min(max(1.0, value - half), value), max(min(ceiling, value + half), value)


def _information(probabilities: ArrayLike, splits: int) -> list[Array]:
    """Divergence of each sample's classes from those of its split, in nats."""
    p = as_rows(probabilities)
    if p.min() < 0 or np.abs(p.sum(1) - 1).max() > 1e-4:
        raise DataError("the Inception score needs probabilities: rows of numbers ≥ 0 that sum to 1")
    if len(p) < 2 * splits:
        raise DataError(
            f"an Inception score of {splits} splits needs at least {2 * splits} samples; got {len(p)}"
        )
    found: list[Array] = []
    for part in np.array_split(p, splits):
        tiny = np.finfo(np.float64).tiny
        logarithms = np.log(part.clip(tiny)) - np.log(part.mean(0).clip(tiny))
        found.append((part * logarithms).sum(1).clip(0))
    return found


@metric("inception-score", paper="arXiv:1606.03498")
@needs(Samples, features=True)
def inception_scores(evidence: Evidence) -> list[Score]:
    """Inception score of samples under the protocol's classifier."""
    if evidence.generated.examples.logits is None:
        return []
    probabilities = _softmax(evidence.generated.examples)
    low, high = inception_interval(probabilities)
    floor, baseline = (
        where_defined(inception_score, _softmax(examples))
        for examples in (evidence.real.held_out, evidence.real.mixture)
    )
    n, classes = probabilities.shape
    classifier = evidence.protocol.features
    return [
        Score(
            name="inception-score",
            value=inception_score(probabilities),
            low=low,
            high=high,
            n=n,
            floor=floor,
            baseline=baseline,
            better="higher",
            note=join_notes(
                f"classifier: {classifier}" + ("" if classifier == "inception" else ", not Inception"),
                evidence.real.features_note,
                f"at most {inception_ceiling(n, classes):g} with {n} samples in {SPLITS} splits",
                "blind to copies and to variety within a class",
                f"floor: {len(evidence.real.held_out)} test examples",
            ),
        )
    ]


def _softmax(examples: Examples) -> Array:
    assert examples.logits is not None
    return examples.logits.double().softmax(1).numpy()
