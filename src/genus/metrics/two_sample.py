"""Classifier two-sample tests: can anything tell samples from training examples?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.distance_score import distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import wilson
from genus.metrics.moments import Array, as_row_pair
from genus.metrics.nearest import nearest_neighbours
from genus.metrics.score import Score

FEWEST = 10
MOST = 2000
PERMUTATIONS = 999


@dataclass(frozen=True)
class TwoSampleTest:
    """Outcome of a classifier two-sample test.

    Args:
        accuracy: share of examples whose set was guessed rightly; ½ for equal distributions.
        low: lower end of its 95 % interval.
        high: upper end.
        p_value: probability of such an accuracy or a higher one for equal distributions.
        n: examples guessed, of both sets together.
    """

    accuracy: float
    low: float
    high: float
    p_value: float
    n: int


def logistic_two_sample(x: ArrayLike, y: ArrayLike, *, seed: int = 0) -> TwoSampleTest:
    """Accuracy of logistic regression between two sets of equal size, on half of them held out.

    Standardised features, ridge weight 1. It sees differences of means, in any direction. Of
    the larger set the first examples are used. Guesses about the held-out half are independent,
    so the interval (Wilson's) and the p-value (binomial) are exact. Five folds would use each
    example, but their guesses hang together: the same interval covered 87 to 90 % instead of 95.

    Args:
        x: features ``(n, d)`` in random order.
        y: features ``(m, d)`` in random order.
        seed: of the halves.

    Raises:
        DataError: for fewer than ten examples in a set, or sets of different width.

    Paper: arXiv:1610.06545.
    """
    rows, labels = _pool(x, y)
    half = len(rows) // 2
    rng = np.random.default_rng(seed)
    held = np.concatenate([rng.permutation(half) % 2, rng.permutation(half) % 2]) == 1
    mean, scale = rows[~held].mean(0), rows[~held].std(0)
    units = (rows - mean) / np.where(scale > 0, scale, 1)
    with threadpool_limits(1, user_api="blas"):  # small matrices: more threads only wait
        fitted = LogisticRegression(solver="newton-cholesky").fit(units[~held], labels[~held])
        right = fitted.predict(units[held]) == labels[held]
    n, hits = len(right), int(right.sum())
    low, high = wilson(hits, n)
    return TwoSampleTest(hits / n, low, high, float(stats.binom.sf(hits - 1, n, 0.5)), n)


def nearest_two_sample(x: ArrayLike, y: ArrayLike, *, seed: int = 0) -> TwoSampleTest:
    r"""Leave-one-out accuracy of the nearest neighbour between two sets of equal size.

    It sees any difference of densities that the distances show. Below ½ the sets mix more than
    by chance: samples lie next to the training examples they were copied from.

    Pairs that are each other's nearest are right or wrong together, so the interval is Wilson's
    with n divided by one plus their correlation; the p-value is that of 999 permutations of the
    labels, exact whatever the graph of neighbours.

    Args:
        x: features ``(n, d)`` in random order.
        y: features ``(m, d)`` in random order.
        seed: of the permutations.

    Raises:
        DataError: for fewer than ten examples in a set, or sets of different width.

    Paper: arXiv:1610.06545; Schilling, Multivariate two-sample tests based on nearest
    neighbors, JASA 81 (1986).
    """
    rows, labels = _pool(x, y)
    nearest = nearest_neighbours(rows)[0][:, 0]
    right = labels[nearest] == labels
    n = len(rows)
    share = float(right.mean())
    effective = n / _inflation(right, nearest)
    low, high = wilson(share * effective, effective)
    rng = np.random.default_rng(seed)
    shuffled = np.array([_agreement(rng.permutation(labels), nearest) for _ in range(PERMUTATIONS)])
    p_value = (1 + int((shuffled >= share).sum())) / (1 + PERMUTATIONS)
    return TwoSampleTest(share, low, high, p_value, n)


def _pool(x: ArrayLike, y: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """The first rows of both, equally many, and which set each is from."""
    first, second = as_row_pair(x, y)
    n = min(len(first), len(second))
    if n < FEWEST:
        raise DataError(f"a two-sample test needs at least {FEWEST} examples in each set; got {n}")
    return np.concatenate([first[:n], second[:n]]), np.repeat([0, 1], n)


def _agreement(labels: NDArray[np.int64], nearest: NDArray[np.intp]) -> float:
    return float((labels[nearest] == labels).mean())


def _inflation(right: NDArray[np.bool_], nearest: NDArray[np.intp]) -> float:
    """Variance of the share of right ones over that of independent ones, at least 1."""
    deviations = right - right.mean()
    mutual = nearest[nearest] == np.arange(len(nearest))
    together = float((deviations * deviations[nearest])[mutual].sum())
    alone = float((deviations**2).sum())
    return 1 + max(0.0, together / alone) if alone > 0 else 1.0


@metric("two-sample", paper="arXiv:1610.06545")
@needs(Samples, features=True)
def two_sample_scores(evidence: Evidence) -> list[Score]:
    """Accuracy with which classifiers distinguish samples from training examples."""
    seed = evidence.protocol.seed
    return [
        _test_score(evidence, "c2st-logistic", partial(logistic_two_sample, seed=seed)),
        _test_score(
            evidence,
            "c2st-nearest",
            partial(nearest_two_sample, seed=seed),
            "below ½: samples lie next to training examples",
        ),
    ]


def _test_score(
    evidence: Evidence, name: str, test: Callable[[ArrayLike, ArrayLike], TwoSampleTest], *notes: str
) -> Score:
    found = test(evidence.generated.features[:MOST], evidence.real.reference.features[:MOST])
    return distance_score(
        evidence,
        name,
        lambda x, y: test(x[:MOST], y[:MOST]).accuracy,
        (found.low, found.high),
        f"½ when nothing tells them apart; p {_p_text(found.p_value)}",
        f"{found.n} examples guessed, half of them samples",
        *notes,
        value=found.accuracy,
        n=found.n,
    )


def _p_text(p: float) -> str:
    return f"= {p:.3f}" if p > 0.001 else "≤ 0.001"
