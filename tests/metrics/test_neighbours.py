"""Precision, recall, density, coverage."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics import distances
from genus.metrics.intervals import standard_error
from genus.metrics.neighbours import expected_coverage, neighbourhoods


def _normal(n: int, d: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def test_by_hand() -> None:
    found = neighbourhoods([0.0, 1, 2, 3], [0.4, 2.6, 10], k=1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == 1
    assert found.density == pytest.approx(4 / 3)
    assert found.coverage == 1


def test_precision_and_recall_are_not_swapped() -> None:
    found = neighbourhoods(_normal(500), _normal(500, seed=1) * 0.2)
    assert found.precision > 0.8
    assert found.recall < 0.3


@pytest.mark.parametrize("x", [np.full((20, 3), 0.1), np.repeat(_normal(6, 3), 6, axis=0)])
def test_empty_balls_score_zero_even_against_themselves(x: np.ndarray) -> None:
    found = neighbourhoods(x, x)
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)


def test_distinct_examples_against_themselves_score_one() -> None:
    x = _normal(50)
    found = neighbourhoods(x, x)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


def test_expected_coverage() -> None:
    assert expected_coverage(10_000, 10_000, 5) == pytest.approx(0.9687734, abs=5e-8)
    assert expected_coverage(100, 50, 5) == pytest.approx(0.8749333, abs=5e-8)


def test_null_expectations() -> None:
    found = [neighbourhoods(_normal(100, seed=2 * s), _normal(50, seed=2 * s + 1)) for s in range(300)]
    density, coverage = [f.density for f in found], [f.coverage for f in found]
    assert abs(np.mean(density) - 1) < 4 * standard_error(density)
    assert abs(np.mean(coverage) - expected_coverage(100, 50)) < 4 * standard_error(coverage)
    assert standard_error(coverage) < 0.005


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _normal(100), _normal(90, seed=1) + 0.5
    whole = neighbourhoods(x, y)
    monkeypatch.setattr(distances, "CHUNK", 700)
    monkeypatch.setattr(distances, "_SQUARE", 7)
    parts = neighbourhoods(x, y)
    for name in ("inside", "recalled", "crowding", "covered"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_far_from_the_origin_is_the_same() -> None:
    x, y = _normal(100), _normal(90, seed=1) + 0.5
    near, far = neighbourhoods(x, y), neighbourhoods(x + 1e4, y + 1e4)
    assert np.array_equal(near.crowding, far.crowding)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("power", [-100, -60, 60, 100])
def test_units_do_not_matter(dtype: type, power: int) -> None:
    """A factor of 2^±100 (1e±30), by which floats multiply exactly, changes nothing."""
    random = np.random.default_rng(5)
    x, y = (random.normal(size=(n, 4)).astype(dtype) for n in (300, 200))
    y[:20] = x[:20]  # equal rows stay equal
    near, far = neighbourhoods(x, y, k=3), neighbourhoods(x * dtype(2.0**power), y * dtype(2.0**power), k=3)
    for name in ("inside", "recalled", "crowding", "covered"):
        np.testing.assert_array_equal(getattr(far, name), getattr(near, name), err_msg=name)
    assert near.coverage > 0.5


def test_too_few_are_refused() -> None:
    with pytest.raises(DataError, match="more than 5 examples"):
        neighbourhoods(_normal(5), _normal(50))
    with pytest.raises(DataError, match="4 and 3 features"):
        neighbourhoods(_normal(50), _normal(50, 3))


def test_every_ball_has_the_radius_of_its_own_centre() -> None:
    """By loops over sets whose balls differ in size by a thousand."""
    generator = np.random.default_rng(5)
    far = np.array([100.0, 0, 0])
    real = (
        generator.normal(size=(40, 3)) * np.repeat([0.5, 10.0], 20)[:, None]
        + far * np.repeat([0, 1], 20)[:, None]
    )
    fake = generator.normal(size=(30, 3)) * np.tile([0.1, 10.0, 0.5], 10)[:, None]
    fake += far * np.tile([0, 1, 0], 10)[:, None]

    def radii(x: np.ndarray) -> list[float]:
        return [sorted(np.linalg.norm(x - centre, axis=1))[4] for centre in x]

    of_real, of_fake = radii(real), radii(fake)
    gaps = np.linalg.norm(fake[:, None] - real[None], axis=2)
    within_real = [[gaps[j, i] < of_real[i] for i in range(40)] for j in range(30)]
    within_fake = [[gaps[j, i] < of_fake[j] for i in range(40)] for j in range(30)]
    found = neighbourhoods(real, fake, k=4)
    assert found.recall < 1
    assert found.precision == np.mean([any(row) for row in within_real])
    assert found.recall == np.mean([any(row[i] for row in within_fake) for i in range(40)])
    assert found.density == pytest.approx(np.sum(within_real) / (4 * 30))
    assert found.coverage == np.mean([any(row[i] for row in within_real) for i in range(40)])
