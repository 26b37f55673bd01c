"""Memorisation: copies are found, new examples are not accused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from genus.core.errors import DataError
from genus.metrics import authenticity, data_copying, find_copies
from genus.metrics.memorisation import copy_threshold, gap_ratios


def _normal(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def test_copies_are_not_authentic() -> None:
    train = _normal(300)
    assert authenticity(train[:200], train).value == 0
    assert authenticity(_normal(300, seed=1) + 50, train).value == 1


def test_authenticity_by_hand() -> None:
    train = [[0.0], [1.0], [5.0]]
    # nearest 0 (gap 1), 5 (gap 4), 5 (gap 4), 1 (gap 1)
    found = authenticity([[-0.5], [8.0], [9.5], [2.5]], train)
    assert found.authentic.tolist() == [False, False, True, True]
    assert found.value == 0.5


def test_data_copying_of_copies() -> None:
    train, test = _normal(1000), _normal(500, seed=1)
    assert data_copying(train[:500], train, test).z == pytest.approx(-27.37, abs=0.005)
    assert data_copying(_normal(500, seed=2) * 20, train, test).z > 27


def test_data_copying_is_mann_whitneys_statistic() -> None:
    train, test, generated = _normal(200), _normal(90, seed=1), _normal(70, seed=2) * 1.1
    a, b = cdist(generated, train).min(1), cdist(test, train).min(1)
    u = stats.mannwhitneyu(a, b).statistic
    expected = (u - 70 * 90 / 2) / np.sqrt(70 * 90 * 161 / 12)
    assert data_copying(generated, train, test).z == pytest.approx(expected, abs=1e-9)


def test_data_copying_is_standard_normal_for_new_examples_and_its_interval_covers() -> None:
    train = _normal(300, 3)
    found = [
        data_copying(_normal(100, 3, 2 * s + 2), train, _normal(80, 3, 2 * s + 1)) for s in range(1, 301)
    ]
    z = np.array([f.z for f in found])
    assert abs(z.mean()) < 4 / np.sqrt(300)
    assert z.std() == pytest.approx(1, abs=0.17)  # four standard errors
    covered = sum(f.low <= 0 <= f.high for f in found)
    assert 272 <= covered <= 297  # 285 expected, standard deviation 3.8


@pytest.mark.parametrize("displacement", [0.0, 0.1])
@pytest.mark.parametrize("d", [4, 64])
def test_planted_copies_are_found_and_the_rest_is_not(displacement: float, d: int) -> None:
    train, test, fresh = _normal(2000, d), _normal(2000, d, 1), _normal(1800, d, 2)
    rng = np.random.default_rng(3)
    chosen = rng.choice(2000, 200, replace=False)
    directions = rng.standard_normal((200, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    gaps = np.sort(np.linalg.norm(train[chosen][:, None] - train, axis=-1), 1)[:, 1]
    planted = train[chosen] + displacement * gaps[:, None] * directions
    found = find_copies(np.concatenate([fresh, planted]), train, test)
    assert found.threshold > displacement
    assert found.found[1800:].mean() >= 0.99
    assert found.found[:1800].mean() <= 0.01
    assert np.array_equal(found.numbers[1800:], chosen)
    np.testing.assert_allclose(found.ratios[1800:], displacement, atol=1e-6)


def test_copies_of_what_the_training_set_repeats_are_found() -> None:
    train = _normal(300)
    train[100:200] = train[0]
    found = find_copies(train[:1] + 1e-3, train, _normal(300, seed=1))
    assert found.found.all()
    assert found.numbers.tolist() == [0]


def test_threshold_is_a_quantile_of_held_out_examples() -> None:
    held_out = np.arange(1.0, 1001.0)
    assert copy_threshold(held_out) == 5
    assert copy_threshold(held_out, 0.1) == 100
    assert copy_threshold(held_out[:50]) == 0.5
    with pytest.raises(DataError, match="at least 10"):
        copy_threshold(held_out[:9])


def test_ratios_where_gaps_vanish() -> None:
    found = gap_ratios(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 2.0, 0.0, 2.0]))
    assert found.tolist() == [0, 0, np.inf, 0.5]


def test_undefined_is_refused() -> None:
    with pytest.raises(DataError, match="all training examples are the same"):
        find_copies(_normal(5), np.ones((20, 8)), _normal(20))
    with pytest.raises(DataError, match="at least 2 samples"):
        data_copying(_normal(1), _normal(20), _normal(20))
    with pytest.raises(DataError, match="0 examples are there"):
        authenticity(_normal(5), _normal(1))
