"""Differences of scores: by hand, by SciPy, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genus.metrics.frechet import distances_without_each, frechet_distance
from genus.metrics.intervals import jackknife, jackknife_variance, mean_interval, means_without_each
from genus.metrics.paired import difference
from genus.metrics.score import Score


def score(
    value: float, low: float, high: float, shared: list[float] | None = None, own: float = 0.0
) -> Score:
    return Score(name="s", value=value, low=low, high=high, n=1, better="lower", shared=shared, own=own)


def test_means_of_the_same_examples_are_students_paired_test():
    rng = np.random.default_rng(0)
    hardness = rng.normal(0, 5, 20)
    a, b = hardness + rng.normal(0.6, 0.5, 20), hardness + rng.normal(0, 0.5, 20)
    scores = [score(v.mean(), *mean_interval(v), means_without_each(v)) for v in (a, b)]
    found = difference(*scores)
    theirs = stats.ttest_rel(a, b)
    assert found.paired
    assert found.p == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert found.clear
    alone = difference(*(score(s.value, s.low, s.high) for s in scores))
    assert not alone.paired
    assert not alone.clear  # the examples' hardness hides the difference


def test_unpaired_scores_add_their_variances():
    found = difference(score(3.0, 3.0 - 1.96, 3.0 + 1.96), score(0.0, -1.96, 1.96))
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt(2), rel=1e-3)
    assert found.p == pytest.approx(2 * stats.norm.sf(3 / math.sqrt(2)), rel=1e-3)
    assert difference(score(1, 1, 1), score(1, 1, 1)).p == 1.0
    assert difference(score(1, -math.inf, math.inf), score(2, 2, 2)).p == 1.0


def test_a_difference_of_distances_has_its_stated_level():
    """Two equally good models on one shared reference: 5 % of tests may say otherwise."""
    rng = np.random.default_rng(1)
    said, unpaired = 0, 0
    trials = 200
    for _ in range(trials):
        reference = rng.normal(size=(200, 3))
        scores: list[Score] = []
        for _ in range(2):
            x = rng.normal(0.5, 1.0, size=(200, 3))
            left = distances_without_each(x, reference)
            value = frechet_distance(x, reference)
            low, high = jackknife(value, left)
            scores.append(score(value, low, high, left[1].tolist(), jackknife_variance(left[0])))
        said += difference(*scores).clear
        unpaired += difference(*(score(s.value, s.low, s.high) for s in scores)).clear
    assert 0.01 <= said / trials <= 0.10
    assert unpaired <= said
