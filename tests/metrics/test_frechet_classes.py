"""Fréchet distance within classes."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics import frechet_classes_interval, frechet_distance, frechet_per_class

CENTRES = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])


def _classes(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n) % 3
    return CENTRES[labels] + np.random.default_rng(seed).standard_normal((n, 2)), labels


def test_each_class_is_the_distance_of_its_own_examples() -> None:
    (x, a), (y, b) = _classes(300, 0), _classes(600, 1)
    found = frechet_per_class(x, a, y, b)
    assert list(found) == [0, 1, 2]
    for label, value in found.items():
        assert value == frechet_distance(x[a == label], y[b == label])


def test_classes_swapped_are_seen_only_here() -> None:
    (x, a), (y, b) = _classes(3000, 0), _classes(3000, 1)
    swapped = (a + 1) % 3
    assert frechet_distance(x, y) < 0.05
    found = frechet_per_class(x, swapped, y, b)
    assert found[1] == pytest.approx(64, rel=0.05)  # asked for 1, drew 0


def test_classes_that_one_set_lacks_are_left_out() -> None:
    (x, a), (y, b) = _classes(300, 0), _classes(300, 1)
    assert list(frechet_per_class(x[a > 0], a[a > 0], y, b)) == [1, 2]
    with pytest.raises(DataError, match="10 examples of some class"):
        frechet_per_class(x[:27], a[:27], y, b)
    with pytest.raises(DataError, match="300 features do not match 299 labels"):
        frechet_per_class(x, a[1:], y, b)


def test_interval_covers_the_mean_of_closed_forms() -> None:
    hits = 0
    for seed in range(150):
        (x, a), (y, b) = _classes(900, 2 * seed), _classes(900, 2 * seed + 1)
        shift = np.array([1.0, 2.0, 3.0])[a, None] * np.array([[1.0, 0.0]])
        low, high = frechet_classes_interval(x + shift, a, y, b)
        hits += low <= (1 + 4 + 9) / 3 <= high
    assert 134 <= hits <= 149  # 142.5 expected, standard deviation 2.7
