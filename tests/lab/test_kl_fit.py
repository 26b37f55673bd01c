"""Forward and reverse fits against moments, closed forms and a grid search."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genus.core.errors import InputError
from genus.lab.kl_fit import best_fit, fit_normal, kl_of_fit, mode_cover, moment_match
from genus.lab.normal import Normal, kl_normal, mixture
from tests.lab.helpers import run

TARGET = mixture([0.65, 0.35], [-2.0, 2.5], [0.6, 0.8])


def test_divergence_of_a_single_mode_is_closed() -> None:
    p, q = Normal(0.3, 1.2), Normal(-1.0, 0.7)
    target = mixture([1], [p.mean], [p.std])
    assert kl_of_fit(target, q, "forward") == pytest.approx(kl_normal(p, q), abs=1e-9)
    assert kl_of_fit(target, q, "reverse") == pytest.approx(kl_normal(q, p), abs=1e-9)


def test_divergence_of_a_mixture_is_the_mean_log_ratio() -> None:
    draws = TARGET.sample(200_000, np.random.default_rng(0))
    fit = Normal(0.0, 2.0)
    ratio = TARGET.log_density(draws) - mixture([1], [0], [2]).log_density(draws)
    error = ratio.std() / math.sqrt(len(draws))
    assert kl_of_fit(TARGET, fit, "forward") == pytest.approx(ratio.mean(), abs=4 * error)


def test_forward_fit_has_the_moments() -> None:
    fit, matched = best_fit(TARGET, "forward"), moment_match(TARGET)
    draws = TARGET.sample(200_000, np.random.default_rng(1))
    assert (fit.mean, fit.std) == pytest.approx((matched.mean, matched.std), abs=1e-5)
    assert (matched.mean, matched.std) == pytest.approx((draws.mean(), draws.std()), abs=0.03)


def test_reverse_fit_is_the_best_of_a_grid() -> None:
    fit = best_fit(TARGET, "reverse")
    least = kl_of_fit(TARGET, fit, "reverse")
    for mean in np.linspace(-4, 4, 41):
        for std in np.geomspace(0.2, 4, 15):
            assert kl_of_fit(TARGET, Normal(mean, std), "reverse") >= least - 1e-12


def test_reverse_fit_depends_on_its_start_and_forward_does_not() -> None:
    right = fit_normal(TARGET, "reverse", Normal(2.5, 0.8))
    assert right.mean == pytest.approx(2.5, abs=0.05)
    assert kl_of_fit(TARGET, right, "reverse") == pytest.approx(-math.log(0.35), abs=0.02)
    ends = [fit_normal(TARGET, "forward", Normal(m, 0.5)).mean for m in (-2, 2.5)]
    assert ends[0] == pytest.approx(ends[1], abs=1e-5)


def test_cover() -> None:
    assert mode_cover(TARGET, Normal(-2.0, 0.6)) == pytest.approx([0.9545, 0], abs=1e-4)


def test_experiment() -> None:
    numbers = run("kl-fit").numbers
    assert min(numbers["forward"]["mass at each mode"]) > 0.05
    assert min(numbers["reverse"]["mass at each mode"]) < 0.01
    run("kl-fit", means=[-0.5, 0.5], weights=[1, 1])  # one bump
    run("kl-fit", weights=[1, 2, 1], means=[-6, 0, 6], stds=[1, 1, 1])
    with pytest.raises(InputError, match="two modes"):
        run("kl-fit", weights=[1], means=[0], stds=[1])
    with pytest.raises(InputError, match="standard deviation"):
        run("kl-fit", start=[0, 0])
