"""Agreement of segmentations: hand values, brute force, and what is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from genus.core.errors import DataError
from genus.metrics import dice, hausdorff, jaccard, mask_energy_distance


def square(low: int, high: int, side: int = 12) -> np.ndarray:
    """A filled square on an empty image, ``(1, side, side)``."""
    mask = np.zeros((1, side, side), dtype=bool)
    mask[0, low:high, low:high] = True
    return mask


def test_overlap_by_hand() -> None:
    x, y = square(2, 6), square(4, 8)  # 16 elements each, 4 in common
    np.testing.assert_allclose(dice(x, y), [8 / 32])
    np.testing.assert_allclose(jaccard(x, y), [4 / 28])
    d, j = dice(x, y), jaccard(x, y)
    np.testing.assert_allclose(d, 2 * j / (1 + j))


def test_empty_masks_agree_with_each_other_only() -> None:
    empty, full = np.zeros((1, 4, 4)), np.ones((1, 4, 4))
    for same in (empty, full):
        assert dice(same, same) == jaccard(same, same) == 1
        assert hausdorff(same, same) == 0
    assert dice(empty, full) == jaccard(empty, full) == 0
    assert hausdorff(empty, full) == hausdorff(full, empty) == math.inf


def test_hausdorff_by_hand() -> None:
    assert hausdorff(square(2, 6), square(2, 8)) == pytest.approx(math.hypot(2, 2))  # corner to corner
    x, y = np.zeros((2, 9, 9)), np.zeros((2, 9, 9))
    x[:, 1, 1] = y[:, 4, 5] = 1
    np.testing.assert_allclose(hausdorff(x, y), 5.0)
    np.testing.assert_allclose(hausdorff(x, y, spacing=(2.0, 0.25)), math.hypot(6, 1))


def test_a_hole_counts_by_its_surface() -> None:
    disc = square(1, 10, side=11)
    ring = disc.copy()
    ring[0, 5, 5] = False
    assert hausdorff(disc, ring) == 3  # elements around the hole lie three from the outer surface
    assert jaccard(disc, ring) == 80 / 81


def test_a_stray_element_does_not_decide_the_percentile() -> None:
    x = square(10, 30, side=64)
    y = x.copy()
    y[0, 60, 60] = True
    assert hausdorff(x, y) == pytest.approx(math.hypot(31, 31))
    assert hausdorff(x, y, percentile=95) == 0


@pytest.mark.parametrize("percentile", [50.0, 95.0, 100.0])
def test_hausdorff_is_what_brute_force_finds(percentile: float) -> None:
    rng = np.random.default_rng(1)
    spacing = np.array([1.5, 0.5, 2.0])
    x, y = rng.random((2, 3, 7, 8, 6)) < 0.3
    for a, b, found in zip(x, y, hausdorff(x, y, percentile=percentile, spacing=spacing), strict=True):
        distances = cdist(*(_surface(mask) * spacing for mask in (a, b)))
        ways = (distances.min(1), distances.min(0))
        assert found == pytest.approx(max(np.percentile(way, percentile) for way in ways), abs=1e-12)


def _surface(mask: np.ndarray) -> np.ndarray:
    """Places in the mask with a neighbour along an axis that is not, one by one."""
    found = []
    for place in np.argwhere(mask):
        for axis in range(mask.ndim):
            for step in (-1, 1):
                other = place.copy()
                other[axis] += step
                inside = 0 <= other[axis] < mask.shape[axis]
                if not inside or not mask[tuple(other)]:
                    found.append(tuple(place))
    return np.array(sorted(set(found)), dtype=float)


def test_energy_distance_by_hand() -> None:
    a, b = np.array([[1, 0]]), np.array([[0, 1]])
    for unbiased in (True, False):
        apart = mask_energy_distance(np.repeat(a, 3, 0), np.repeat(b, 2, 0), unbiased=unbiased)
        assert apart == 2
        assert mask_energy_distance(np.repeat(a, 3, 0), np.repeat(a, 2, 0), unbiased=unbiased) == 0
    both = np.concatenate([a, b])
    # E d(X, Y) = 1/2 for equal coins; within: 1 without, 1/2 with the masks themselves
    assert mask_energy_distance(both, both) == pytest.approx(2 * 0.5 - 1 - 1)
    assert mask_energy_distance(both, both, unbiased=False) == pytest.approx(0)


def test_energy_distance_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    draws = [mask_energy_distance(_coins(rng, 3), _coins(rng, 4)) for _ in range(4_000)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / math.sqrt(len(draws))
    biased = [mask_energy_distance(_coins(rng, 3), _coins(rng, 4), unbiased=False) for _ in range(500)]
    assert np.mean(biased) > 0.2


def _coins(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.random((n, 4)) < 0.5


def test_empty_masks_are_alike_in_the_energy_distance() -> None:
    empty, full = np.zeros((2, 3)), np.ones((2, 3))
    assert mask_energy_distance(empty, empty) == 0
    assert mask_energy_distance(empty, full) == 2


def test_what_is_undefined_is_refused() -> None:
    one, two = np.ones((1, 4)), np.ones((2, 4))
    for pair in ((one, two), (two, one)):
        with pytest.raises(DataError, match="two masks or more"):
            mask_energy_distance(*pair)
    with pytest.raises(DataError, match="one size"):
        mask_energy_distance(two, np.ones((2, 5)))
    with pytest.raises(DataError, match="one shape"):
        dice(one, two)
    with pytest.raises(DataError, match="zeros and ones"):
        jaccard(0.5 * two, two)
    with pytest.raises(DataError, match="something in it"):
        dice(two[:0], two[:0])
    with pytest.raises(DataError, match="percentile"):
        hausdorff(two, two, percentile=0)
    with pytest.raises(DataError, match="spacing"):
        hausdorff(two, two, spacing=(1.0, 1.0))
