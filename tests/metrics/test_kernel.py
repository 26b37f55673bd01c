"""Kernel distance."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics.intervals import standard_error
from genus.metrics.kernel import kernel_distance, kernel_distance_blocks


def _normal(n: int, seed: int, d: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def test_unit_shift_has_its_population_value() -> None:
    shift = np.array([1.0, 0, 0, 0])
    values = [kernel_distance(_normal(200, 2 * s), _normal(200, 2 * s + 1) + shift) for s in range(200)]
    assert abs(np.mean(values) - 1.328125) < 4 * standard_error(values)
    assert standard_error(values) < 0.05


def test_null_is_zero_on_average_and_often_negative() -> None:
    values = np.array([kernel_distance(_normal(200, 2 * s), _normal(200, 2 * s + 1)) for s in range(200)])
    error = standard_error(values)
    assert abs(values.mean()) < 4 * error
    assert error < 0.0975 / 10  # the bias of the version with its diagonal would show
    assert (values < 0).mean() >= 0.3


def test_a_set_against_itself_is_negative_because_unbiased() -> None:
    x = _normal(100, 0)
    assert kernel_distance(x, x) < 0


def test_small_sets_by_hand() -> None:
    # d = 1, kernel (ab + 1)³: pairs of x give 27, of y 1, across 1 and 8 and so on
    x, y = [[1.0], [2.0]], [[0.0], [1.0]]
    across = (1 + 8 + 1 + 27) / 4
    assert kernel_distance(x, y) == pytest.approx(27 + 1 - 2 * across)


def test_blocks_use_every_example_and_average_to_the_distance() -> None:
    values = kernel_distance_blocks(_normal(1050, 0), _normal(2100, 1), block=100)
    assert len(values) == 10
    assert abs(values.mean()) < 4 * standard_error(values)
    assert len(kernel_distance_blocks(_normal(7, 0), _normal(5, 1))) == 2


def test_too_few_are_refused() -> None:
    with pytest.raises(DataError, match="at least 2"):
        kernel_distance(_normal(1, 0), _normal(5, 1))
    with pytest.raises(DataError, match="at least 4"):
        kernel_distance_blocks(_normal(3, 0), _normal(5, 1))
    with pytest.raises(DataError, match="4 and 3 features"):
        kernel_distance(_normal(5, 0), _normal(5, 1, 3))
