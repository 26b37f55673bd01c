"""Fréchet distance: closed forms, ranks, intervals."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics.extrapolation import frechet_limit
from genus.metrics.frechet import (
    frechet_distance,
    frechet_from_moments,
    frechet_interval,
    rank_warning,
    trace_of_root,
)
from genus.metrics.moments import Moments


def _moments(mean: list[float], covariance: list[list[float]], n: int = 101) -> Moments:
    return Moments(n, np.array(mean, dtype=float), np.array(covariance, dtype=float) * (n - 1))


def _normal(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def test_one_dimension() -> None:
    assert frechet_from_moments(_moments([0], [[1]]), _moments([1], [[4]])) == pytest.approx(2, abs=1e-9)


def test_two_dimensions() -> None:
    a = _moments([0, 0], [[2, 1], [1, 2]])
    b = _moments([1, 2], [[3, 0], [0, 1]])
    assert frechet_from_moments(a, b) == pytest.approx(5.516685226452, abs=1e-9)
    assert frechet_from_moments(b, a) == pytest.approx(5.516685226452, abs=1e-9)


def test_samples_equal_their_moments() -> None:
    x, y = _normal(200, 5) @ np.diag([1, 2, 3, 4, 5]), _normal(150, 5, 1) + 1
    assert frechet_distance(x, y) == pytest.approx(
        frechet_from_moments(Moments.of(x), Moments.of(y)), abs=1e-9
    )


def test_low_rank_form_agrees_with_the_matrix_root() -> None:
    x, y = _normal(30, 40), _normal(35, 40, 1) * 2
    s, t = np.cov(x.T), np.cov(y.T)
    gap = x.mean(0) - y.mean(0)
    values = np.linalg.eigvals(s @ t).real.clip(0)
    expected = gap @ gap + np.trace(s) + np.trace(t) - 2 * np.sqrt(values[values > 1e-9]).sum()
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)
    nuclear = np.linalg.norm((x - x.mean(0)) @ (y - y.mean(0)).T, "nuc") / np.sqrt(29 * 34)
    assert frechet_distance(x, y) == pytest.approx(
        gap @ gap + np.trace(s) + np.trace(t) - 2 * nuclear, rel=1e-9
    )


def test_identical_sets_below_full_rank_have_distance_zero() -> None:
    x = _normal(50, 256)
    assert abs(frechet_distance(x, x)) < 1e-8
    assert abs(frechet_from_moments(Moments.of(x), Moments.of(x))) < 1e-8


def test_bias_is_that_of_the_formula() -> None:
    truth = Moments(10**9, np.zeros(64), np.eye(64) * (10**9 - 1))
    values = [frechet_from_moments(Moments.of(_normal(1000, 64, seed)), truth) for seed in range(10)]
    assert values == [pytest.approx(1.11, abs=0.15)] * 10
    assert np.mean(values) == pytest.approx(64 / 1000 + 64 * 65 / 4000, rel=0.05)


def test_limit_removes_the_bias() -> None:
    truth = Moments(10**9, np.zeros(64), np.eye(64) * (10**9 - 1))
    x = _normal(4000, 64)
    assert frechet_from_moments(Moments.of(x), truth) > 0.2
    assert abs(frechet_limit(x, truth)) < 0.1


def test_limit_needs_full_rank() -> None:
    with pytest.raises(DataError, match="more than 40 examples"):
        frechet_limit(_normal(40, 10), Moments.of(_normal(100, 10)))


@pytest.mark.parametrize("n", [3, 300])
def test_constant_features_leave_the_gap_of_means(n: int) -> None:
    x, y = np.full((n, 8), 0.1), np.full((n, 8), 0.4)
    assert frechet_distance(x, y) == pytest.approx(8 * 0.09, abs=1e-9)
    assert frechet_from_moments(Moments.of(x), Moments.of(y)) == pytest.approx(8 * 0.09, abs=1e-9)


def test_singular_covariance_falls_back() -> None:
    s = np.diag([1.0, 4.0, 0.0])
    assert trace_of_root(s, np.diag([9.0, 1.0, 5.0])) == pytest.approx(5, abs=1e-9)


def test_streamed_float32_moments_keep_their_digits() -> None:
    x = (1000 + _normal(4000, 3)).astype(np.float32)
    streamed = Moments.merged(Moments.of(part) for part in np.array_split(x, 37))
    exact = np.cov(x.astype(np.float64).T)
    np.testing.assert_allclose(streamed.covariance, exact, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(streamed.mean, x.astype(np.float64).mean(0), rtol=1e-12)
    naive = (x.T @ x / np.float32(4000)) - np.outer(x.mean(0), x.mean(0))
    assert np.abs(naive - exact).max() > 1e-2  # what float32 sums of squares would give


@pytest.mark.parametrize("sizes", [(1000,), (1, 999), (333, 333, 334)])
def test_moments_do_not_depend_on_the_batches(sizes: tuple[int, ...]) -> None:
    x = _normal(1000, 6) * 3 + 7
    parts = np.split(x, np.cumsum(sizes)[:-1])
    other = Moments.of(_normal(500, 6, 2))
    value = frechet_from_moments(Moments.merged(map(Moments.of, parts)), other)
    assert value == pytest.approx(frechet_from_moments(Moments.of(x), other), rel=1e-10)


def test_interval_covers_as_often_as_it_says() -> None:
    truth = frechet_from_moments(_moments([0, 0], np.eye(2).tolist()), _moments([1, 0], np.eye(2).tolist()))
    hits = 0
    for seed in range(200):
        x, y = _normal(300, 2, 2 * seed), _normal(300, 2, 2 * seed + 1)
        low, high = frechet_interval(x, y + np.array([1, 0]))
        hits += low <= truth <= high
    assert 180 <= hits <= 199  # 190 expected, standard deviation 3.1


def test_interval_is_not_widened_by_labels_in_turn() -> None:
    centres = np.eye(10) * 20
    x = centres[np.arange(1000) % 10] + _normal(1000, 10)
    y = centres[np.arange(1000) % 10] + _normal(1000, 10, 1)
    low, high = frechet_interval(x, y)
    assert high - low < 1


def test_too_few_examples_give_an_interval_and_a_warning() -> None:
    low, high = frechet_interval(_normal(12, 64), _normal(30, 64, 1))
    assert 0 <= low <= high < np.inf
    assert "singular" in rank_warning(12, 64)
    assert rank_warning(65, 64) == ""
    assert frechet_interval(_normal(1, 64), _normal(30, 64, 1))[1] == np.inf


@pytest.mark.parametrize(
    ("x", "message"),
    [(np.zeros((0, 3)), "empty"), (np.full((5, 3), np.nan), "NaN"), (np.zeros((5, 4)), "4 and 3 features")],
)
def test_undefined_distances_are_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        frechet_distance(x, _normal(5, 3))


def test_limit_is_the_intercept_over_four_sizes() -> None:
    """Twelve examples of one feature, which four sizes cut evenly; the line by the normal equations."""
    x, reference = np.random.default_rng(3).exponential(size=(12, 1)) ** 3, Moments.of(_normal(50, 1))
    order = np.random.default_rng(0).permutation(12)
    inverse = np.array([1, 2, 3, 4]) / 12
    values = np.array([
        np.mean([
            frechet_from_moments(Moments.of(x[rows]), reference)
            for rows in order.reshape(parts, -1)
        ])
        for parts in (1, 2, 3, 4)
    ])  # fmt: skip
    centred = inverse - inverse.mean()
    slope = (centred * values).sum() / (centred**2).sum()
    assert frechet_limit(x, reference) == pytest.approx(values.mean() - slope * inverse.mean(), rel=1e-9)
