"""Classifier two-sample tests: level, power, dependence of neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from genus.core.errors import DataError
from genus.metrics import TwoSampleTest, logistic_two_sample, nearest_two_sample, two_sample

TESTS = (logistic_two_sample, nearest_two_sample)
Test = Callable[..., TwoSampleTest]


def _normal(n: int, d: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("test", TESTS)
def test_equal_distributions_are_told_apart_as_often_as_the_level_says(
    test: Test, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(two_sample, "PERMUTATIONS", 99)
    found = [test(_normal(100, seed=2 * s), _normal(100, seed=2 * s + 1), seed=s) for s in range(200)]
    rejected = sum(f.p_value <= 0.05 for f in found)
    assert rejected <= 20  # 10 expected, standard deviation 3.1
    covered = sum(f.low <= 0.5 <= f.high for f in found)
    assert 180 <= covered <= 199  # 190 expected, standard deviation 3.1


@pytest.mark.parametrize("test", TESTS)
def test_a_shift_is_found_and_far_apart_is_certain(test: Test) -> None:
    found = test(_normal(200), _normal(200, seed=1) + 1)
    assert found.accuracy > 0.65
    assert found.p_value < 0.01
    assert found.low <= found.accuracy <= found.high
    certain = test(_normal(50), _normal(50, seed=1) + 100)
    assert certain.accuracy == certain.high == 1


def test_logistic_accuracy_of_normals_is_that_of_the_best_line() -> None:
    found = logistic_two_sample(_normal(4000, 2), _normal(4000, 2, 1) + np.array([1.0, 0]))
    assert found.n == 4000  # half of the pool
    assert found.low <= 0.6914624613 <= found.high  # Φ(½)


def test_widths_alone_are_seen_by_neighbours_only() -> None:
    x, y = _normal(500), 2 * _normal(500, seed=1)
    assert logistic_two_sample(x, y).p_value > 0.01
    assert nearest_two_sample(x, y).p_value < 0.01


def test_neighbours_of_the_other_set_put_copies_below_a_half() -> None:
    x = _normal(100)
    found = nearest_two_sample(x, x + 1e-4 * _normal(100, seed=1))
    assert found.accuracy == 0
    assert found.p_value == 1


def test_nearest_is_scikit_learns_leave_one_out() -> None:
    x, y = _normal(40), _normal(40, seed=1) + 0.5
    rows, labels = np.concatenate([x, y]), np.repeat([0, 1], 40)
    right = [
        KNeighborsClassifier(1).fit(np.delete(rows, i, 0), np.delete(labels, i)).predict(rows[i : i + 1])[0]
        == labels[i]
        for i in range(80)
    ]
    assert nearest_two_sample(x, y).accuracy == pytest.approx(np.mean(right))


@pytest.mark.parametrize("test", TESTS)
def test_sizes_are_made_equal_and_constants_do_no_harm(test: Test) -> None:
    x = np.c_[_normal(30), np.full(30, 7.0)]
    y = np.c_[_normal(90, seed=1), np.full(90, 7.0)]
    assert test(x, y) == test(x, y[:30])


@pytest.mark.parametrize("test", TESTS)
def test_undefined_is_refused(test: Test) -> None:
    with pytest.raises(DataError, match="at least 10"):
        test(_normal(9), _normal(50))
    with pytest.raises(DataError, match="4 and 3 features"):
        test(_normal(50), _normal(50, 3))
