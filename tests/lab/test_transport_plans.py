"""Optimal transport against closed forms on the line and brute force."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from genus.core.errors import InputError
from genus.lab.transport_plans import (
    lipschitz_dual,
    sinkhorn_plan,
    transport_dual,
    transport_plan,
)


def test_half_a_unit_between_two_places() -> None:
    plan, cost = transport_plan([0.5, 0.5], [0.25, 0.75], [[0, 1], [1, 0]])
    assert cost == pytest.approx(0.25, abs=1e-9)
    assert plan == pytest.approx(np.array([[0.25, 0.25], [0, 0.5]]), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_primal_is_dual_is_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.random((5, 5))
    best = min(sum(cost[i, j] for i, j in enumerate(order)) for order in permutations(range(5)))
    plan, primal = transport_plan(np.ones(5), np.ones(5), cost)
    u, v, dual = transport_dual(np.ones(5), np.ones(5), cost)
    assert primal == pytest.approx(best, abs=1e-9)
    assert dual == pytest.approx(best, abs=1e-9)
    assert (u[:, None] + v <= cost + 1e-9).all()
    assert plan.sum(0) == pytest.approx(np.ones(5))


@pytest.mark.parametrize("seed", range(5))
def test_on_a_line_the_critic_earns_the_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.standard_normal(8))
    a, b = rng.dirichlet(np.ones(8)), rng.dirichlet(np.ones(8))
    f, distance = lipschitz_dual(a, b, x)
    known = wasserstein_distance(x, x, a, b)
    assert distance == pytest.approx(known, abs=1e-9)
    assert f @ (a - b) == pytest.approx(known, abs=1e-9)
    assert (np.abs(np.diff(f)) <= np.diff(x) + 1e-12).all()
    assert transport_plan(a, b, np.abs(x[:, None] - x))[1] == pytest.approx(known, abs=1e-9)


def test_blur_of_two_points_is_a_logistic_function() -> None:
    # unit masses on two places, cost 1 to change: what stays is 1 / (1 + exp(−1/ε))
    for blur in (0.3, 1.0, 4.0):
        plan = sinkhorn_plan([1, 1], [1, 1], [[0, 1], [1, 0]], blur=blur)
        assert plan[0, 0] == pytest.approx(1 / (1 + np.exp(-1 / blur)), abs=1e-9)


def test_impossible_heaps_are_refused() -> None:
    with pytest.raises(InputError, match="earth is moved"):
        transport_plan([1, 1], [1, 2], np.ones((2, 2)))
    with pytest.raises(InputError, match="less than nothing"):
        transport_plan([1, -1], [1, -1], np.ones((2, 2)))
    with pytest.raises(InputError, match="shape"):
        transport_dual([1, 1], [1, 1], np.ones((2, 3)))
