"""Density estimates by hand and against other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import KernelDensity

from genus.lab.density_estimates import (
    bin_width,
    held_out_bandwidth,
    histogram_density,
    kernel_density,
    silverman,
)

VALUES = np.random.default_rng(0).standard_normal(300)


def test_histogram_by_hand() -> None:
    assert histogram_density([0, 1, 1, 2], [0, 1, 2]).tolist() == [0.25, 0.75]
    assert histogram_density([0.5, 9], [0, 1, 3]).tolist() == [0.5, 0]
    assert bin_width(np.arange(1000.0)) == pytest.approx(2 * 499.5 / 10)


def test_kernels_against_scikit_learn_and_scipy() -> None:
    x = np.linspace(-4, 4, 50)
    known = KernelDensity(bandwidth=0.3).fit(VALUES[:, None])
    assert kernel_density(VALUES, x, 0.3) == pytest.approx(np.exp(known.score_samples(x[:, None])), rel=1e-6)
    factor = stats.gaussian_kde(VALUES, "silverman").factor
    assert silverman(VALUES) == pytest.approx(factor * VALUES.std(ddof=1))


def test_bandwidth_by_leaving_one_out() -> None:
    candidates = np.geomspace(0.05, 2, 12)

    def score(h: float) -> float:
        rest = [np.delete(VALUES, i) for i in range(len(VALUES))]
        return sum(np.log(kernel_density(part, [v], h)[0]) for part, v in zip(rest, VALUES, strict=True))

    assert held_out_bandwidth(VALUES, candidates) == candidates[np.argmax([score(h) for h in candidates])]
