"""Mode counts, class accuracy, intervals and the mixture baseline."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.accuracy import class_accuracy, classes_drawn
from genus.metrics.baseline import EMMixture
from genus.metrics.frechet import frechet_distance
from genus.metrics.intervals import jackknife, mean_interval, wilson
from genus.metrics.modes import count_modes

RING = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])


def test_a_perfect_ring_has_every_mode_and_the_share_within_three_sigma() -> None:
    x = RING[np.arange(8000) % 8] + 0.01 * np.random.default_rng(0).standard_normal((8000, 2))
    found = count_modes(x, RING, 0.01)
    share = stats.chi2(2).cdf(9)
    assert found.modes == 8
    assert abs(found.high_quality - share) < 4 * np.sqrt(share * (1 - share) / 8000)


def test_mode_counting_by_hand() -> None:
    x = [[1.0, 0.0], [1.029, 0.0], [1.031, 0.0], [0.0, 0.0], [0.0, -1.0]]
    found = count_modes(x, RING, 0.01)
    assert found.counts.tolist() == [2, 0, 0, 0, 0, 0, 1, 0]
    assert (found.modes, found.high_quality) == (2, pytest.approx(3 / 5))
    assert found.nearest.tolist()[:3] == [0, 0, 0]
    assert found.nearest[4] == 6
    half = count_modes([[1.0, 0.0], [-1.0, 0.0]], RING, 0.01)
    assert half.divergence() == pytest.approx(np.log(4))
    assert half.divergence(np.array([True, False])) == pytest.approx(np.log(8))


def test_mode_counting_refuses_what_does_not_fit() -> None:
    with pytest.raises(DataError, match="2 and 3 columns"):
        count_modes(np.zeros((4, 3)), RING, 0.01)
    with pytest.raises(DataError, match="sigma"):
        count_modes(np.zeros((4, 2)), RING, 0.0)


def test_accuracy_by_hand() -> None:
    logits = np.eye(3)[[0, 1, 2, 2]]
    value, low, high = class_accuracy(logits, [0, 1, 2, 0])
    assert value == 3 / 4
    assert (low, high) == pytest.approx((0.3006418, 0.9544127), abs=1e-6)
    with pytest.raises(DataError, match="do not match"):
        class_accuracy(logits, [0, 1])


def test_single_misreadings_are_no_class() -> None:
    guesses = np.r_[np.zeros(600, int), np.ones(397, int), [2] * 3]
    value, low, high = classes_drawn(np.eye(4)[guesses], [0.25] * 4)
    assert value == 2
    assert low <= value <= high
    assert classes_drawn(np.eye(4)[guesses], [0.5, 0.49, 0.01, 0.0])[0] == 3


def test_wilson_agrees_with_scipy() -> None:
    for successes, n in [(0, 7), (3, 7), (7, 7), (500, 1000)]:
        theirs = stats.binomtest(successes, n).proportion_ci(method="wilson")
        assert wilson(successes, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    with pytest.raises(DataError, match="undefined"):
        wilson(0, 0)


def test_mean_interval_is_students() -> None:
    x = np.random.default_rng(0).standard_normal(20)
    theirs = stats.ttest_1samp(x, 0).confidence_interval()
    assert mean_interval(x) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    x = np.random.default_rng(0).standard_normal(30)
    left = [np.delete(x, i).mean() for i in range(30)]
    assert jackknife(x.mean(), [left]) == pytest.approx(mean_interval(x), abs=1e-12)
    both = jackknife(0.0, [left, left])
    assert both[1] == pytest.approx(np.sqrt(2) * (mean_interval(x)[1] - x.mean()))


def test_mixture_fits_vectors_as_they_are() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(2,)))
    x = torch.from_numpy(RING[np.arange(2000) % 8]).float() + 0.02 * torch.randn(
        2000, 2, generator=torch.Generator().manual_seed(0)
    )
    mixture = EMMixture(x, spec, seed=0)
    drawn = mixture.sample(2000)
    assert drawn.shape == (2000, 2)
    assert count_modes(drawn.numpy(), RING, 0.02).modes == 8
    assert frechet_distance(drawn.numpy(), x.numpy()) < 0.01
    density = mixture.log_prob(x)
    assert density is not None
    entropy = np.log(8) + 1 + np.log(2 * np.pi * 0.02**2)
    assert -density.mean() == pytest.approx(entropy, abs=0.1)
    assert torch.equal(drawn, EMMixture(x, spec, seed=0).sample(2000))


def test_mixture_of_images_keeps_shape_range_and_random_order() -> None:
    spec = DataSpec(example=Space(kind="image", shape=(1, 12, 12), range=(0.0, 1.0)))
    x = torch.rand(200, 1, 12, 12, generator=torch.Generator().manual_seed(0)).round()
    x[:100] *= 0.1
    drawn = EMMixture(x, spec).sample(100)
    assert drawn.shape == (100, 1, 12, 12)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert EMMixture(x, spec).log_prob(x) is None
    bright = (drawn.flatten(1).mean(1) > 0.25).double()
    assert 0.1 < bright[:50].mean() < 0.9  # not sorted by component


def test_mixture_needs_some_examples() -> None:
    with pytest.raises(DataError, match="at least 4"):
        EMMixture(torch.zeros(3, 2), DataSpec(example=Space(kind="vector", shape=(2,))))
