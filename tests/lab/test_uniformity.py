"""Collision test: counts by hand, moments in closed form, error rates at the stated sizes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from genus.core.errors import InputError
from genus.lab.uniformity import (
    collision_threshold,
    collisions,
    l1_bound,
    l2_distance,
    paired_distribution,
    rejection_rate,
)
from tests.lab.helpers import run


def test_collisions_are_equal_pairs() -> None:
    draws = np.random.default_rng(0).integers(0, 5, (20, 9))
    brute = [sum(a == b for a, b in combinations(row, 2)) for row in draws]
    assert collisions(draws).tolist() == brute
    assert int(collisions([7])) == 0


def test_threshold_by_hand() -> None:
    assert collision_threshold(400, 1000, 0.5) == pytest.approx(119.7)


def test_the_hard_distribution_is_as_far_as_it_says() -> None:
    p = paired_distribution(1000, 0.3)
    assert p.sum() == pytest.approx(1)
    assert np.abs(p - 1e-3).sum() / 2 == pytest.approx(0.3)
    # the bound of the L1 by the L2 distance is attained
    assert l1_bound(((p - 1e-3) ** 2).sum(), 1000) == pytest.approx(0.3)


def test_l2_estimate_is_unbiased() -> None:
    p = np.array([0.5, 0.3, 0.2])
    draws = np.random.default_rng(0).choice(3, (4000, 10), p=p)
    estimates = l2_distance(draws, 3)
    error = estimates.std() / np.sqrt(4000)
    assert abs(estimates.mean() - ((p - 1 / 3) ** 2).sum()) < 4 * error
    assert error < 0.01


def test_stated_error_rates() -> None:
    rng = np.random.default_rng(1)
    uniform, far = np.full(1000, 1e-3), paired_distribution(1000, 0.5)
    assert rejection_rate(uniform, 400, 0.5, trials=4000, rng=rng)[0] <= 0.01
    assert rejection_rate(far, 400, 0.5, trials=4000, rng=rng)[0] >= 0.99
    rates = [rejection_rate(far, m, 0.5, trials=500, rng=rng)[0] for m in (20, 400)]
    assert rates[0] < 0.6 < rates[1]


def test_experiment() -> None:
    findings = run("uniformity")
    assert findings.numbers["rejected"]["lacks one outcome"] <= 0.01  # KL infinite, and no-one knows
    assert {"uniform rejected", "far sampler rejected"} <= {check.name for check in findings.checks}
    run("uniformity", outcomes=100, samples=60, distance=0.3, trials=200, sweep=[10, 20])
    for wrong in ({"outcomes": 7}, {"distance": 0.6}, {"samples": 1}, {"trials": 3}, {"sweep": [1]}):
        with pytest.raises(InputError):
            run("uniformity", **wrong)
