"""Inception score: its bounds, its ceiling, its interval."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics import inception_ceiling, inception_interval, inception_score


def test_bounds_are_reached() -> None:
    assert inception_score(np.full((100, 4), 0.25)) == pytest.approx(1, abs=1e-12)
    assert inception_score(np.eye(4)[np.zeros(100, int)]) == pytest.approx(1, abs=1e-12)
    assert inception_score(np.eye(5)[np.arange(100) % 5]) == pytest.approx(5, abs=1e-12)


def test_ceiling_of_a_thousand_classes_in_ten_splits() -> None:
    assert inception_score(np.eye(1000)) == pytest.approx(100, abs=1e-9)
    assert inception_score(np.eye(1000), splits=1) == pytest.approx(1000, abs=1e-9)
    assert inception_ceiling(1000, 1000) == 100
    assert inception_ceiling(50_000, 1000) == 1000


def test_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.3, 0.7]])
    mean = np.array([0.6, 0.4])
    expected = np.exp((p * np.log(p / mean)).sum() / 2)
    assert inception_score(p, splits=1) == pytest.approx(expected, abs=1e-12)
    assert inception_score(np.tile(p, (6, 1)), splits=3) == pytest.approx(expected, abs=1e-12)


def test_interval_holds_the_value_and_covers_its_expectation() -> None:
    def draw(rng: np.random.Generator) -> np.ndarray:
        return rng.dirichlet(np.full(5, 0.5), 500)

    rng = np.random.default_rng(0)
    expected = np.mean([inception_score(draw(rng), splits=2) for _ in range(300)])
    hits = 0
    for _ in range(300):
        p = draw(rng)
        low, high = inception_interval(p, splits=2)
        assert 1 <= low <= inception_score(p, splits=2) <= high <= 5
        hits += low <= expected <= high
    assert 272 <= hits <= 297  # 285 expected, standard deviation 3.8


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (np.full((30, 2), 0.6), "sum to 1"),
        ([[1.5, -0.5]] * 30, "sum to 1"),
        (np.eye(2)[[0] * 19], "at least 20 samples"),
        (np.full((30, 2), np.nan), "NaN"),
    ],
)
def test_undefined_is_refused(p: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        inception_score(p)
