"""Sinkhorn divergence: marginals, limits, a set against itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from genus.core.errors import DataError
from genus.metrics import entropic_transport, sinkhorn_divergence, wasserstein_distance


def _normal(n: int, d: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def test_plan_has_the_marginals_and_its_cost_is_the_value() -> None:
    costs = cdist(_normal(30), _normal(20, seed=1), "sqeuclidean")
    value, plan = entropic_transport(costs, epsilon=0.5)
    np.testing.assert_allclose(plan.sum(1), 1 / 30, atol=1e-9)
    np.testing.assert_allclose(plan.sum(0), 1 / 20, atol=1e-9)
    entropy = (plan * np.log(plan * 600)).sum()
    assert value == pytest.approx((plan * costs).sum() + 0.5 * entropy, abs=1e-8)
    # the plan is of the form diag(u) exp(−C/ε) diag(v): its mixed differences are those of C
    logs = np.log(plan) + costs / 0.5
    mixed = logs - logs[:1] - logs[:, :1] + logs[0, 0]
    np.testing.assert_allclose(mixed, 0, atol=1e-7)


def test_two_points_by_hand() -> None:
    # costs 0 on the diagonal, 1 off it: plan e^(1/ε) : 1
    value, plan = entropic_transport([[0.0, 1.0], [1.0, 0.0]], epsilon=1.0)
    diagonal = 0.5 * np.e / (np.e + 1)
    np.testing.assert_allclose(np.diag(plan), diagonal, atol=1e-9)
    assert value == pytest.approx(-np.log((1 + np.exp(-1)) / 2), abs=1e-9)


def test_a_set_against_itself_is_zero() -> None:
    x = _normal(40)
    assert abs(sinkhorn_divergence(x, x, epsilon=0.3)) < 1e-6
    assert abs(sinkhorn_divergence(x, x[::-1], epsilon=0.3)) < 1e-6
    assert abs(sinkhorn_divergence(x, np.repeat(x, 2, axis=0), epsilon=0.3)) < 1e-6
    assert entropic_transport(cdist(x, x, "sqeuclidean"), epsilon=0.3)[0] > 0.1  # the bias it takes off


def test_limits_of_small_and_large_epsilon() -> None:
    x, y = _normal(25), _normal(25, seed=1) + 1
    exact = wasserstein_distance(x, y, order=2) ** 2
    assert sinkhorn_divergence(x, y, epsilon=0.05, tolerance=1e-4) == pytest.approx(exact, rel=0.05)
    gap = x.mean(0) - y.mean(0)
    assert sinkhorn_divergence(x, y, epsilon=1e5) == pytest.approx(gap @ gap, rel=1e-3)


def test_a_shift_is_its_square() -> None:
    x = _normal(60)
    assert sinkhorn_divergence(x, x + np.array([1.0, 2.0]), epsilon=0.5) == pytest.approx(5, abs=1e-6)


def test_far_outliers_keep_the_kernel_in_range() -> None:
    x, y = _normal(20), _normal(20, seed=1)
    x[0] = 1e3
    assert np.isfinite(sinkhorn_divergence(x, y, epsilon=1.0, tolerance=1e-6))


def test_undefined_is_refused() -> None:
    with pytest.raises(DataError, match="positive"):
        sinkhorn_divergence(_normal(4), _normal(4), epsilon=0.0)
    with pytest.raises(DataError, match="2 and 3 features"):
        sinkhorn_divergence(_normal(4), _normal(4, 3), epsilon=1.0)
    with pytest.raises(DataError, match="too small"):
        sinkhorn_divergence(_normal(25), _normal(25, seed=1) + 1, epsilon=0.003)
