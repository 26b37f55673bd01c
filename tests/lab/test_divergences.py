"""Divergences of arrays against closed forms, definitions and known inequalities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from genus.core.errors import InputError
from genus.lab.f_divergences import (
    GENERATORS,
    chi_square,
    f_divergence,
    js_divergence,
    kl_divergence,
    squared_hellinger,
    total_variation,
    wasserstein_1,
)
from tests.lab.helpers import run


def _pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))


def test_binomial_against_uniform() -> None:
    binomial, uniform = [0.36, 0.48, 0.16], [1 / 3] * 3
    assert kl_divergence(binomial, uniform) == pytest.approx(0.0852996, abs=1e-7)
    assert kl_divergence(uniform, binomial) == pytest.approx(0.0974550, abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_against_definitions(seed: int) -> None:
    p, q = _pair(seed)
    assert kl_divergence(p, q) == pytest.approx(entropy(p, q), abs=1e-12)
    assert f_divergence("reverse-kl", p, q) == pytest.approx(entropy(q, p), abs=1e-12)
    assert js_divergence(p, q) == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    assert chi_square(p, q) == pytest.approx(((p - q) ** 2 / q).sum(), abs=1e-12)
    assert squared_hellinger(p, q) == pytest.approx(1 - np.sqrt(p * q).sum(), abs=1e-12)
    subsets = [sum(1 << i for i in range(6) if p[i] > q[i])]
    best = sum((p - q)[i] for i in range(6) if subsets[0] >> i & 1)
    assert total_variation(p, q) == pytest.approx(best, abs=1e-12)
    x = np.arange(6)
    assert wasserstein_1(p, q) == pytest.approx(wasserstein_distance(x, x, p, q), abs=1e-12)


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_are_convex_and_touch_zero_at_one(name: str) -> None:
    f = GENERATORS[name].f
    r = np.linspace(0.05, 6, 400)
    assert f(np.array([1.0]))[0] == pytest.approx(0, abs=1e-15)
    assert (np.diff(f(r), 2) > -1e-12).all()
    assert (f(r) >= -1e-15).all()
    if math.isfinite(GENERATORS[name].slope):
        assert f(np.array([1e12]))[0] / 1e12 == pytest.approx(GENERATORS[name].slope, rel=1e-5)
    if math.isfinite(GENERATORS[name].at_zero):
        assert f(np.array([1e-14]))[0] == pytest.approx(GENERATORS[name].at_zero, rel=1e-5)


def test_disjoint_distributions() -> None:
    p, q = [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]
    assert kl_divergence(p, q) == math.inf
    assert chi_square(p, q) == math.inf
    assert js_divergence(p, q) == pytest.approx(math.log(2))
    assert total_variation(p, q) == 1
    assert squared_hellinger(p, q) == 1
    assert wasserstein_1(p, q) == 2
    assert kl_divergence([1.0, 0.0], [0.5, 0.5]) == pytest.approx(math.log(2))


@pytest.mark.parametrize("seed", range(4))
def test_inequalities(seed: int) -> None:
    p, q = _pair(seed + 10)
    hellinger, js = squared_hellinger(p, q), js_divergence(p, q)
    assert math.log(2) * hellinger <= js <= hellinger
    assert 2 * total_variation(p, q) ** 2 <= kl_divergence(p, q) <= math.log1p(chi_square(p, q))


def test_experiment() -> None:
    numbers = run("divergences").numbers["by shift"]
    shift = run("divergences").numbers["shift"]
    assert numbers["W1"] == pytest.approx(shift, abs=1e-7)  # linear
    assert numbers["KL(p‖q)"] == pytest.approx(shift**2 / 2, abs=1e-7)  # without bound
    assert math.log(2) - numbers["JS"][-1] < 1e-3  # flat
    run("divergences", steps=7, largest_shift=3, mean_range=2, variances=[0.3, 2.5])


def test_mistakes() -> None:
    with pytest.raises(InputError, match="did you mean 'chi-square'"):
        f_divergence("chi-squared", [1], [1])
    with pytest.raises(InputError, match="negative"):
        kl_divergence([-1, 2], [0.5, 0.5])
    for wrong in ({"largest_shift": 0}, {"steps": 2}, {"variances": [0, 1]}):
        with pytest.raises(InputError):
            run("divergences", **wrong)
