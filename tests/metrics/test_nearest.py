"""Exact nearest neighbours found in float32: what rounding could spoil is decided in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from genus.core.errors import DataError
from genus.metrics import distances
from genus.metrics.nearest import nearest_neighbours


def _normal(n: int, d: int = 20, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def _hard(case: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = _normal(300), _normal(280, seed=1) * 0.8 + 0.1
    if case == "ties":
        return x.round(), y.round()
    if case == "copies":
        return x, np.concatenate([x[:100], x[:100], y])
    if case == "collapsed":
        return x, np.repeat(y[:1], 50, axis=0)
    if case == "outlier":
        x[0] *= 1e5
    if case == "far":
        return x + 1e6, y + 1e6
    if case == "close":  # nearer to each other than float32 can tell from so far
        y[:200] = y[0] + 1e-5 * y[:200]
        y[200] = 1e3
    return x, y


@pytest.mark.parametrize("case", ["plain", "ties", "copies", "collapsed", "outlier", "far", "close"])
@pytest.mark.parametrize("k", [1, 3])
def test_agrees_with_all_distances_in_float64(case: str, k: int) -> None:
    x, y = _hard(case)
    for a, b in ((x, y), (y, x), (y, None)):
        everything = cdist(a, a if b is None else b)
        if b is None:
            np.fill_diagonal(everything, np.inf)
        numbers, found = nearest_neighbours(a, b, k=k)
        # equal up to the distance at which float32 features count as the same
        same = 4e-7 * np.abs(np.concatenate([x, y]) - x.mean(0)).max() * np.sqrt(20)
        np.testing.assert_allclose(found, np.sort(everything, 1)[:, :k], rtol=1e-9, atol=same)
        np.testing.assert_allclose(np.take_along_axis(everything, numbers, 1), found, rtol=1e-9, atol=same)
        assert (np.diff(np.sort(numbers, 1)) > 0).all()


def test_chunks_and_training_precision_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _normal(100), _normal(90, seed=1)
    numbers, found = nearest_neighbours(x, y, k=2)
    monkeypatch.setattr(distances, "CHUNK", 700)
    monkeypatch.setattr(distances, "_SQUARE", 7)
    monkeypatch.setattr(distances, "_ELEMENTS", 50)
    torch.set_float32_matmul_precision("medium")
    try:
        again, others = nearest_neighbours(x, y, k=2)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert np.array_equal(numbers, again)
    assert np.array_equal(found, others)


@pytest.mark.parametrize("power", [-100, 60, 100])
def test_distances_follow_the_unit(power: int) -> None:
    random = np.random.default_rng(6)
    x, y = (random.normal(size=(n, 3)).astype(np.float32) for n in (50, 80))
    x[:5] = y[:5]
    numbers, near = nearest_neighbours(x, y, k=2)
    scale = np.float32(2.0**power)
    same, far = nearest_neighbours(x * scale, y * scale, k=2)
    np.testing.assert_array_equal(same, numbers)
    np.testing.assert_array_equal(far, near * 2.0**power)


def test_undefined_is_refused() -> None:
    with pytest.raises(DataError, match="3 nearest neighbours were requested and 2 examples"):
        nearest_neighbours([[0.0], [1.0], [2.0]], k=3)
    with pytest.raises(DataError, match="empty"):
        nearest_neighbours(np.zeros((0, 2)), [[0.0, 1.0]])
    with pytest.raises(DataError, match="1 of 2 examples have NaN"):
        nearest_neighbours([[0.0], [np.nan]], [[0.0]])
    with pytest.raises(DataError, match="1 and 2 features"):
        nearest_neighbours([[0.0, 1.0]], [[0.0]])
