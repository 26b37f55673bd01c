"""Samplers against closed forms: distributions, acceptance rates, autocorrelations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genus.core.errors import InputError
from genus.lab.chains import (
    autocorrelation,
    effective_sample_size,
    gibbs_normal,
    inverse_cdf,
    langevin,
    metropolis,
    rejection,
)
from tests.lab.helpers import run


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _log_normal_density(x: np.ndarray) -> np.ndarray:
    return -x * x / 2


def test_inverse_cdf_inverts() -> None:
    u = _rng().random(1000)
    assert inverse_cdf(stats.norm.cdf, -10, 10, u) == pytest.approx(stats.norm.ppf(u), abs=1e-12)


def test_rejection_from_a_triangle() -> None:
    samples, accepted, first = rejection(lambda x: 2 * x, 0, 1, 2.0, 20_000, _rng())
    assert stats.kstest(samples, lambda x: x**2).pvalue > 1e-3
    assert accepted == pytest.approx(0.5, abs=0.01)
    assert first.shape == (1000, 2)
    with pytest.raises(InputError, match="above the box"):
        rejection(lambda x: 2 * x, 0, 1, 1.5, 10, _rng())


@pytest.mark.parametrize("width", [0.5, 2.4, 8.0])
def test_metropolis_accepts_as_known(width: float) -> None:
    path, accepted = metropolis(_log_normal_density, _rng(1).standard_normal(200), 1000, width, _rng(2))
    assert accepted == pytest.approx(2 / math.pi * math.atan(2 / width), abs=0.01)
    size = effective_sample_size(path)
    assert math.sqrt(size) * stats.kstest(path.ravel(), stats.norm.cdf).statistic < 1.95
    assert size < 0.5 * path.size


@pytest.mark.parametrize("step", [0.2, 1.0])
def test_langevin_is_biased_as_known_and_exact_when_corrected(step: float) -> None:
    start = _rng(1).standard_normal(200)
    plain, taken = langevin(lambda x: -x, start, 2000, step, _rng(2))
    exact, accepted = langevin(lambda x: -x, start, 2000, step, _rng(2), log_density=_log_normal_density)
    assert plain.var() == pytest.approx(1 / (1 - step / 4), rel=0.02)
    assert exact.var() == pytest.approx(1, rel=0.02)
    assert (taken, accepted < 1) == (1.0, True)
    assert autocorrelation(plain, 3)[1] == pytest.approx(1 - step / 2, abs=0.01)


def test_gibbs_has_its_correlation_and_memory() -> None:
    path = gibbs_normal(0.8, _rng(1).standard_normal((100, 2)), 2000, _rng(2))
    assert np.corrcoef(path.reshape(-1, 2).T)[0, 1] == pytest.approx(0.8, abs=0.01)
    assert path.reshape(-1, 2).std(0) == pytest.approx([1, 1], abs=0.02)
    assert autocorrelation(path[:, :, 0], 3) == pytest.approx(0.64 ** np.arange(4), abs=0.02)
    assert effective_sample_size(path[:, :, 0]) == pytest.approx(
        path[:, :, 0].size * (1 - 0.64) / (1 + 0.64), rel=0.1
    )


def test_independent_samples_are_worth_their_number() -> None:
    x = _rng().standard_normal((2000, 50))
    assert effective_sample_size(x) == pytest.approx(x.size, rel=0.1)
    assert effective_sample_size(np.repeat(x[:, 0], 4)) == pytest.approx(2000, rel=0.25)


def test_experiment() -> None:
    run("sampling", seed=3)
    numbers = run("sampling", weights=[1], means=[5], stds=[2], steps=1000, width=5, step=0.8).numbers
    assert numbers["Metropolis"]["mean"] == pytest.approx(5, abs=0.3)
    for wrong in ({"steps": 10}, {"width": 0}, {"correlation": 1}, {"stds": [1]}):
        with pytest.raises(InputError):
            run("sampling", **wrong)


def test_too_large_a_langevin_step_is_found_out() -> None:
    import genus

    checks = genus.experiment("sampling", step=2.0, stds=[0.9, 1.0]).checks
    [check] = [check for check in checks if check.name.startswith("Langevin: KS")]
    assert not check.holds
