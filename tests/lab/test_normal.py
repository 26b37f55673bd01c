"""Closed forms between Gaussians against reference values and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from genus.core.errors import InputError
from genus.lab.normal import (
    Mixture,
    Normal,
    chi_square_normal,
    hellinger_normal,
    kl_normal,
    mixture,
    total_variation_normal,
    wasserstein_1_normal,
    wasserstein_2_normal,
)

PAIRS = [
    (Normal(0, 1), Normal(1, 1)),
    (Normal(0, 1), Normal(1, 2)),
    (Normal(-0.5, 1.2), Normal(0.7, 0.9)),
    (Normal(0, 1), Normal(0, 2)),
]


def _integral(function: object) -> float:
    return integrate.quad(function, -30, 30, limit=500, points=[-3, 0, 3], epsabs=1e-11)[0]


def test_reference_values() -> None:
    assert kl_normal(Normal(0, 1), Normal(1, 2)) == pytest.approx(0.4431471806, abs=1e-9)
    assert kl_normal(Normal(1, 2), Normal(0, 1)) == pytest.approx(1.3068528194, abs=1e-9)
    assert wasserstein_1_normal(Normal(0, 1), Normal(0, 2)) == pytest.approx(0.7978845608, abs=1e-9)
    assert wasserstein_1_normal(Normal(0, 1), Normal(-3, 1)) == 3
    assert wasserstein_2_normal(Normal(0, 1), Normal(-3, 1)) == 3
    assert wasserstein_2_normal(Normal(0, 1), Normal(1, 2)) ** 2 == pytest.approx(2)
    target = mixture([0.3, 0.7], [-1, 2], [0.5, 1])
    assert target.score(0.5) == pytest.approx(1.2862943302, abs=1e-9)


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_closed_forms_are_the_integrals(p: Normal, q: Normal) -> None:
    a, b = p.density, q.density
    assert kl_normal(p, q) == pytest.approx(_integral(lambda x: a(x) * np.log(a(x) / b(x))), abs=1e-7)
    assert hellinger_normal(p, q) == pytest.approx(
        _integral(lambda x: (np.sqrt(a(x)) - np.sqrt(b(x))) ** 2 / 2), abs=1e-8
    )
    assert total_variation_normal(p, q) == pytest.approx(_integral(lambda x: abs(a(x) - b(x)) / 2), abs=1e-7)
    assert chi_square_normal(p, q) == pytest.approx(_integral(lambda x: (a(x) - b(x)) ** 2 / b(x)), rel=1e-7)
    u = (np.arange(200_000) + 0.5) / 200_000  # on a line the best plan matches quantiles
    gaps = np.abs(stats.norm.ppf(u, *p) - stats.norm.ppf(u, *q))
    assert wasserstein_1_normal(p, q) == pytest.approx(gaps.mean(), abs=1e-4)
    assert wasserstein_2_normal(p, q) == pytest.approx(math.sqrt((gaps**2).mean()), abs=1e-3)


def test_limits() -> None:
    assert chi_square_normal(Normal(0, 2), Normal(0, 1)) == math.inf
    assert total_variation_normal(Normal(1, 2), Normal(1, 2)) == 0
    assert total_variation_normal(Normal(0, 1), Normal(100, 1)) == pytest.approx(1)


def test_mixture_parts_agree() -> None:
    target = Mixture((0.3, 0.7), (-1.0, 2.0), (0.5, 1.0))
    x = np.linspace(-4, 6, 101)
    assert np.exp(target.log_density(x)) == pytest.approx(target.density(x), rel=1e-12)
    slope = np.gradient(target.log_density(x), x, edge_order=2)
    assert target.score(x)[5:-5] == pytest.approx(slope[5:-5], abs=0.05)
    assert target.cumulative(2.0) == pytest.approx(
        integrate.quad(lambda x: float(target.density(x)), -10, 2)[0], abs=1e-7
    )
    draws = target.sample(100_000, np.random.default_rng(0))
    assert draws.mean() == pytest.approx(target.mean, abs=4 * target.std / math.sqrt(1e5))
    assert draws.std() == pytest.approx(target.std, abs=0.02)
    assert stats.kstest(draws, target.cumulative).pvalue > 1e-3


def test_impossible_mixtures_are_refused() -> None:
    with pytest.raises(InputError, match="give as many"):
        mixture([1, 1], [0], [1])
    with pytest.raises(InputError, match="above 0"):
        mixture([1, -1], [0, 0], [1, 1])
