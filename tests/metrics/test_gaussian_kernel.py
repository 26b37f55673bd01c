"""Gaussian-kernel discrepancy: closed form, null, chunks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel

from genus.core.errors import DataError
from genus.metrics import gaussian_kernel, median_bandwidth, rbf_distance, rbf_distance_blocks
from genus.metrics.intervals import standard_error


def _normal(n: int, seed: int, d: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def test_shift_of_a_normal_has_its_closed_form() -> None:
    shift = np.array([1.0, 0, 0, 0])
    values = [
        rbf_distance(_normal(200, 2 * s), _normal(200, 2 * s + 1) + shift, bandwidth=1) for s in range(150)
    ]
    assert abs(np.mean(values) - 0.0341151722) < 4 * standard_error(values)
    assert standard_error(values) < 0.0015


def test_null_is_zero_on_average_and_often_negative() -> None:
    values = np.array(
        [rbf_distance(_normal(100, 2 * s), _normal(80, 2 * s + 1), bandwidth=2) for s in range(200)]
    )
    assert abs(values.mean()) < 4 * standard_error(values)
    assert (values < 0).mean() >= 0.3


def test_agrees_with_the_whole_kernel_matrix() -> None:
    x, y = _normal(70, 0) + 100, _normal(90, 1) + 100.5
    kxx, kyy, kxy = (rbf_kernel(a, b, gamma=1 / (2 * 1.3**2)) for a, b in ((x, x), (y, y), (x, y)))
    expected = (kxx.sum() - 70) / (70 * 69) + (kyy.sum() - 90) / (90 * 89) - 2 * kxy.mean()
    assert rbf_distance(x, y, bandwidth=1.3) == pytest.approx(expected, abs=1e-10)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _normal(100, 0), _normal(90, 1) + 0.5
    whole = rbf_distance(x, y, bandwidth=1)
    monkeypatch.setattr(gaussian_kernel, "_CHUNK", 7)
    assert rbf_distance(x, y, bandwidth=1) == pytest.approx(whole, abs=1e-14)


def test_median_bandwidth_by_hand() -> None:
    assert median_bandwidth([[0.0], [1.0], [3.0]]) == 2
    with pytest.raises(DataError, match="half of the pairs are equal"):
        median_bandwidth(np.zeros((9, 2)))
    with pytest.raises(DataError, match="at least 2"):
        median_bandwidth([[1.0]])


def test_blocks_use_every_example() -> None:
    assert len(rbf_distance_blocks(_normal(1050, 0), _normal(2100, 1), bandwidth=2)) == 10
    assert len(rbf_distance_blocks(_normal(6000, 0, 1), _normal(6000, 1, 1), bandwidth=2)) == 12
    x, y = _normal(5, 0), _normal(8, 1)
    expected = [rbf_distance(x[:3], y[:4], bandwidth=1), rbf_distance(x[3:], y[4:], bandwidth=1)]
    assert rbf_distance_blocks(x, y, bandwidth=1).tolist() == expected


def test_undefined_is_refused() -> None:
    with pytest.raises(DataError, match="at least 2"):
        rbf_distance(_normal(1, 0), _normal(5, 1), bandwidth=1)
    with pytest.raises(DataError, match="4 and 3 features"):
        rbf_distance(_normal(5, 0), _normal(5, 1, 3), bandwidth=1)
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(DataError, match="must be positive"):
            rbf_distance(_normal(5, 0), _normal(5, 1), bandwidth=wrong)
