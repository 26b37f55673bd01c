"""Wasserstein distances: closed forms, bounds between them, linear programmes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.spatial.distance import cdist

from genus.core.errors import DataError
from genus.metrics import (
    max_sliced_interval,
    max_sliced_wasserstein,
    projected_wasserstein,
    sliced_interval,
    sliced_wasserstein,
    wasserstein_distance,
)
from genus.metrics.blocks import small_blocks
from genus.metrics.intervals import standard_error


def _normal(n: int, d: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_shift_is_its_length(order: int) -> None:
    x, shift = _normal(60), np.array([1.0, -2.0, 2.0])
    assert wasserstein_distance(x, x + shift, order=order) == pytest.approx(3, abs=1e-9)
    assert projected_wasserstein(x, x + shift, order=order) == pytest.approx(3, abs=1e-9)
    assert wasserstein_distance(x, x[::-1], order=order) == 0


def test_normals_of_unequal_width() -> None:
    values = [wasserstein_distance(_normal(200, 1, 2 * s), 2 * _normal(200, 1, 2 * s + 1)) for s in range(60)]
    assert abs(np.mean(values) - 0.7978845608) < 4 * standard_error(values) + 0.01  # bias of n = 200
    assert standard_error(values) < 0.015


def test_exact_distance_is_the_linear_programmes() -> None:
    x, y = _normal(12), _normal(12, seed=1) + 0.3
    costs = cdist(x, y) ** 2
    rows = np.kron(np.eye(12), np.ones(12))
    columns = np.kron(np.ones(12), np.eye(12))
    primal = optimize.linprog(costs.ravel(), A_eq=np.r_[rows, columns], b_eq=np.full(24, 1 / 12))
    dual = optimize.linprog(
        -np.full(24, 1 / 12), A_ub=np.r_[rows, columns].T, b_ub=costs.ravel(), bounds=(None, None)
    )
    value = wasserstein_distance(x, y, order=2) ** 2
    assert value == pytest.approx(primal.fun, abs=1e-9)
    assert value == pytest.approx(-dual.fun, abs=1e-9)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 30), (7, 100)])
@pytest.mark.parametrize("order", [1, 2])
def test_on_a_line_all_agree(n: int, m: int, order: int) -> None:
    x, y = _normal(n, 1), 2 * _normal(m, 1, 1) + 0.5
    value = sliced_wasserstein(x, y, order=order, projections=1)
    assert projected_wasserstein(x, y, order=order, projections=1) == pytest.approx(value, abs=1e-12)
    assert max_sliced_wasserstein(x, y, order=order)[0] == pytest.approx(value, abs=1e-12)
    if order == 1:
        assert value == pytest.approx(stats.wasserstein_distance(x[:, 0], y[:, 0]), abs=1e-12)
    if n == m:
        assert value == pytest.approx(wasserstein_distance(x, y, order=order), abs=1e-12)


def test_sliced_shift_is_a_dth_of_its_square() -> None:
    x = _normal(50, 4)
    squares = [
        sliced_wasserstein(x, x + np.array([3.0, 0, 0, 0]), seed=s, projections=20) ** 2 for s in range(100)
    ]
    assert abs(np.mean(squares) - 9 / 4) < 4 * standard_error(squares)
    assert standard_error(squares) < 0.1


def test_max_sliced_shift_is_found() -> None:
    shift = np.zeros(30)
    shift[:2] = 3, 4
    x = _normal(400, 30)
    value, direction = max_sliced_wasserstein(x, x + shift)
    assert value**2 == pytest.approx(25, rel=0.01)
    assert abs(direction @ shift) / 5 == pytest.approx(1, abs=0.01)


def test_max_sliced_finds_a_line_that_means_do_not_show() -> None:
    x, y = _normal(2000, 10), _normal(2000, 10, 1)
    x[:, 7] *= 3  # equal means; along axis 7 W₂ = 3 − 1
    x -= x.mean(0) - y.mean(0)
    value, direction = max_sliced_wasserstein(x, y)
    assert value == pytest.approx(2, rel=0.1)
    assert abs(direction[7]) > 0.95
    assert value > max_sliced_wasserstein(x, y, steps=0)[0]


def test_order_of_the_family() -> None:
    x, y = _normal(80), _normal(80, seed=1) * [1, 2, 0.5] + 0.3
    sliced, exact = sliced_wasserstein(x, y), wasserstein_distance(x, y, order=2)
    highest = max_sliced_wasserstein(x, y)[0]
    assert sliced < highest <= exact <= projected_wasserstein(x, y)


def test_sliced_interval_covers_and_leaving_out_is_exact() -> None:
    shift = np.array([1.0, 0.5])
    directions = np.random.default_rng(0).standard_normal((128, 2))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    truth = np.sqrt(np.mean((directions @ shift) ** 2))
    hits = best = 0
    for seed in range(100):
        x, y = _normal(200, 2, 2 * seed) + shift, _normal(200, 2, 2 * seed + 1)
        low, high = sliced_interval(x, y)
        hits += low <= truth <= high
        low, high = max_sliced_interval(x, y, shift / np.linalg.norm(shift))
        best += low <= np.linalg.norm(shift) <= high
    assert 88 <= hits <= 100  # 95 expected, standard deviation 2.2
    assert 88 <= best <= 100


def test_sliced_interval_leaves_each_group_out() -> None:
    x, y = _normal(40), _normal(35, seed=1) + 0.5
    low, high = sliced_interval(x, y, projections=5)
    lefts = [
        [sliced_wasserstein(np.delete(x, g, 0), y, projections=5) for g in np.array_split(range(40), 10)],
        [sliced_wasserstein(x, np.delete(y, g, 0), projections=5) for g in np.array_split(range(35), 10)],
    ]
    variance = sum(0.9 * ((np.array(v) - np.mean(v)) ** 2).sum() for v in lefts)
    half = stats.t.ppf(0.975, 9) * np.sqrt(variance)
    value = sliced_wasserstein(x, y, projections=5)
    assert (low, high) == pytest.approx((max(0, value - half), value + half), abs=1e-12)


def test_blocks_are_disjoint_and_at_most_five_hundred() -> None:
    x = np.arange(5000.0)
    blocks = small_blocks(x, x[:2300])
    assert [len(a) for a, _ in blocks] == [500] * 4
    assert len(np.unique(np.concatenate([a for a, _ in blocks]))) == 2000
    assert [len(a) for a, _ in small_blocks(x[:11], x)] == [5, 5]
    with pytest.raises(DataError, match="at least 4"):
        small_blocks(x[:3], x)


def test_undefined_is_refused() -> None:
    with pytest.raises(DataError, match="equally many"):
        wasserstein_distance(_normal(4), _normal(5))
    with pytest.raises(DataError, match="order"):
        wasserstein_distance(_normal(4), _normal(4), order=0)
    for function in (sliced_wasserstein, max_sliced_wasserstein, projected_wasserstein):
        with pytest.raises(DataError, match="3 and 4 features"):
            function(_normal(4), _normal(4, 4))
        with pytest.raises(DataError, match="at least 1"):
            function(_normal(4), _normal(4), order=0)
        with pytest.raises(DataError, match="NaN"):
            function(np.full((4, 3), np.nan), _normal(4))
