"""Likelihood of a Parzen window: a kernel density estimate on samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.examples import fetch_values
from genus.metrics.gaussian_kernel import median_bandwidth
from genus.metrics.intervals import mean_interval
from genus.metrics.moments import Array, as_rows
from genus.metrics.score import Score, join_notes

GRID = tuple(float(factor) for factor in np.geomspace(0.02, 1, 15))
MOST_SAMPLES = 2000
MOST_EXAMPLES = 500
_ELEMENTS = 20_000_000
_PRODUCTS = 1_000_000_000


def parzen_log_likelihood(x: ArrayLike, samples: ArrayLike, *, bandwidth: float) -> Array:
    r"""Log-density of examples under Gaussians of one width around each sample, in nats ``(n,)``.

    .. math:: \ln \frac1m \sum_j \mathcal N(x; y_j, \sigma^2 I)

    Args:
        x: examples ``(n, d)``.
        samples: ``(m, d)``.
        bandwidth: σ > 0, in data units; chosen on other examples by :func:`parzen_bandwidth`.

    Raises:
        DataError: for an empty set, sets of different width, or a σ that is not positive.

    Paper: its weaknesses are shown in arXiv:1511.01844.

    >>> float(parzen_log_likelihood([[0.0]], [[0.0]], bandwidth=1.0)[0])  # −½ ln 2π
    -0.9189385332046727
    """
    return _log_densities(_squares(x, samples), np.shape(as_rows(x))[1], bandwidth)


def parzen_bandwidth(validation: ArrayLike, samples: ArrayLike) -> float:
    """The width, of fifteen from 0.02 to 1 times the samples' median distance, that fits best.

    Args:
        validation: examples ``(n, d)``, others than those to be measured.
        samples: ``(m, d)``, m ≥ 2.

    Raises:
        DataError: when half of the samples are equal, or as :func:`parzen_log_likelihood`.
    """
    scale = median_bandwidth(samples)
    squares, d = _squares(validation, samples), as_rows(samples).shape[1]
    return max((scale * factor for factor in GRID), key=lambda w: _log_densities(squares, d, w).mean())


def _squares(x: ArrayLike, samples: ArrayLike) -> Array:
    first, second = as_rows(x), as_rows(samples)
    if first.shape[1] != second.shape[1]:
        raise DataError(f"examples and samples have {first.shape[1]} and {second.shape[1]} elements")
    centre = second.mean(0)
    first, second = first - centre, second - centre
    return ((first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T).clip(0)


def _log_densities(squares: Array, d: int, bandwidth: float) -> Array:
    if not bandwidth > 0:
        raise DataError(f"the bandwidth must be positive; got {bandwidth}")
    logs = np.asarray(logsumexp(-squares / (2 * bandwidth**2), axis=1))
    return logs - math.log(squares.shape[1]) - d / 2 * math.log(2 * math.pi * bandwidth**2)


@metric("parzen", paper="arXiv:1511.01844")
@needs(Samples)
def parzen_scores(evidence: Evidence) -> list[Score]:
    """Log-likelihood of test examples under a Parzen window on samples, as papers of 2014 give it."""
    if evidence.spec.kind == "tokens":
        return []
    most = max(50, min(MOST_SAMPLES, _ELEMENTS // evidence.spec.size))
    count = max(10, min(MOST_EXAMPLES, _PRODUCTS // (most * evidence.spec.size)))
    real = evidence.real.held_out_values()[: 2 * count].flatten(1).numpy()
    choose, measure = real[::2], real[1::2]

    def likelihoods(samples: ArrayLike) -> tuple[Array, float]:
        width = parzen_bandwidth(choose, samples)
        return parzen_log_likelihood(measure, samples, bandwidth=width), width

    samples = evidence.generated.values[:most].flatten(1).numpy()
    values, width = likelihoods(samples)
    low, high = mean_interval(values)
    rows = np.random.default_rng(evidence.protocol.seed).permutation(len(evidence.real.train))[: len(samples)]
    train = fetch_values(evidence.real.train, rows).flatten(1).numpy()
    mixture = evidence.real.em_mixture.sample(len(samples)).flatten(1).numpy()
    return [
        Score(
            name="parzen",
            value=float(values.mean()),
            low=low,
            high=high,
            n=len(values),
            floor=float(likelihoods(train)[0].mean()),
            baseline=float(likelihoods(mixture)[0].mean()),
            better="higher",
            unit="nats",
            note=join_notes(
                "historical and misleading: k-means centres beat the data; compare with old papers only",
                f"{len(samples)} samples, σ = {width:.4g} chosen on {len(choose)} other test examples",
                "interval over test examples, for these samples",
                "floor: training examples as samples",
            ),
        )
    ]
