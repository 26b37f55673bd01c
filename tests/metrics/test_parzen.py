"""Parzen windows: densities by another implementation, bandwidths by validation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.neighbors import KernelDensity

from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.metrics import parzen, parzen_bandwidth, parzen_log_likelihood


def _normal(n: int, d: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("bandwidth", [0.05, 0.4, 3.0])
def test_agrees_with_scikit_learn(bandwidth: float) -> None:
    x, samples = _normal(40) + 100, _normal(60, seed=1) + 100
    expected = KernelDensity(bandwidth=bandwidth).fit(samples).score_samples(x)
    np.testing.assert_allclose(
        parzen_log_likelihood(x, samples, bandwidth=bandwidth), expected, rtol=1e-9, atol=1e-9
    )


def test_one_sample_is_its_gaussian() -> None:
    expected = stats.multivariate_normal([1, 2], 0.25).logpdf([[0, 0], [1, 2]])
    found = parzen_log_likelihood([[0, 0], [1, 2]], [[1.0, 2.0]], bandwidth=0.5)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_bandwidth_fits_the_validation_examples_best() -> None:
    samples, validation = _normal(300), _normal(200, seed=1)
    chosen = parzen_bandwidth(validation, samples)
    best = parzen_log_likelihood(validation, samples, bandwidth=chosen).mean()
    for factor in (0.7, 1.4):
        assert parzen_log_likelihood(validation, samples, bandwidth=factor * chosen).mean() < best
    assert parzen_bandwidth(samples + 1e-9, samples) < chosen / 3  # copies want narrow windows


def test_the_score_chooses_its_width_on_other_examples_than_it_measures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen, measured = [], []
    choose, measure = parzen.parzen_bandwidth, parzen.parzen_log_likelihood

    def spy_choose(validation: np.ndarray, samples: np.ndarray) -> float:
        chosen.append(validation)
        return choose(validation, samples)

    def spy_measure(x: np.ndarray, samples: np.ndarray, *, bandwidth: float) -> np.ndarray:
        measured.append(x)
        return measure(x, samples, bandwidth=bandwidth)

    monkeypatch.setattr(parzen, "parzen_bandwidth", spy_choose)
    monkeypatch.setattr(parzen, "parzen_log_likelihood", spy_measure)
    values = torch.as_tensor(_normal(60))
    mixture = SimpleNamespace(sample=lambda n: torch.as_tensor(_normal(n, seed=7)))
    spec = DataSpec(example=Space(kind="vector", shape=(3,)))
    train = ArraySource(_normal(60, seed=9), None, spec)
    evidence: Any = SimpleNamespace(
        spec=spec,
        protocol=SimpleNamespace(seed=0),
        generated=SimpleNamespace(values=torch.as_tensor(_normal(50, seed=3))),
        real=SimpleNamespace(held_out_values=lambda: values, train=train, em_mixture=mixture),
    )
    parzen.parzen_scores(evidence)
    assert len(chosen) == len(measured) == 3
    for validation, test in zip(chosen, measured, strict=True):
        assert not {tuple(row) for row in validation} & {tuple(row) for row in test}


def test_undefined_is_refused() -> None:
    with pytest.raises(DataError, match="must be positive"):
        parzen_log_likelihood(_normal(3), _normal(3), bandwidth=0.0)
    with pytest.raises(DataError, match="3 and 4 elements"):
        parzen_log_likelihood(_normal(3), _normal(3, 4), bandwidth=1.0)
    with pytest.raises(DataError, match="half of the pairs"):
        parzen_bandwidth(_normal(3), np.ones((5, 3)))
