"""Intervals hold the truth about as often as they say; the full table is benchmarks/coverage.py."""

from __future__ import annotations

import re

import numpy as np
import pytest
from benchmarks import coverage
from scipy import stats

from genus.metrics import neighbourhood_intervals, neighbourhoods
from genus.metrics.intervals import wilson

DRAWS = 40
ELSEWHERE = {"density", "sliced-wasserstein"}  # slow, or tested beside the function
CASES = [
    case
    for case in coverage.CASES
    if not re.search("expectation|conditional", case.situation) and case.score not in ELSEWHERE
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.score}, {case.situation}")
def test_intervals_hold_a_truth_in_closed_form(case: coverage.Case) -> None:
    found = coverage.hits(case, DRAWS)
    # an interval that covers 92 % or more falls below this once in ten thousand times
    assert found >= stats.binom(DRAWS, 0.92).ppf(1e-4)


def test_neighbourhood_intervals_hold_the_values_and_few_examples_have_wilsons() -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 200, 3))
    found = neighbourhoods(x, y + 0.5)
    for name, (low, high) in neighbourhood_intervals(x, y + 0.5, found).items():
        assert 0 <= low < getattr(found, name) < high
    few = neighbourhoods(x[:30], y[:30])
    assert neighbourhood_intervals(x[:30], y[:30], few)["coverage"] == wilson(few.covered.sum(), 30)
    far = neighbourhoods(x, y + 100)
    assert neighbourhood_intervals(x, y + 100, far)["recall"] == wilson(0, 200)
