from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data import toy

ALL = [toy.ring, toy.grid, toy.moons, toy.circles, toy.spirals, toy.pinwheel, toy.checkerboard]


def points(dataset, count=None):
    values, labels, _ = dataset.train.fetch(np.arange(count or len(dataset.train)))
    return values.astype(np.float64), labels


@pytest.mark.parametrize("make", ALL)
def test_toys_repeat_by_seed_and_test_points_are_fresh(make) -> None:
    a, b, c = make(n=200), make(n=200), make(n=200, seed=1)
    assert (len(a.train), len(a.test)) == (200, 20)
    assert a.spec.kind == "vector"
    assert a.spec.range is None
    np.testing.assert_array_equal(points(a)[0], points(b)[0])
    assert a.fingerprint == b.fingerprint != c.fingerprint
    assert not np.isin(a.test.fetch(np.arange(20))[0], points(a)[0]).any()
    assert (points(a)[1] is None) == (a.spec.classes == ())
    with pytest.raises(DataError, match="at least 1"):
        make(n=0)


@pytest.mark.parametrize(("make", "modes", "sigma"), [(toy.ring, 8, 0.01), (toy.grid, 25, 0.05)])
def test_mixtures_expose_their_centres(make, modes, sigma) -> None:
    dataset = make(n=20000)
    x, labels = points(dataset)
    centres = dataset.train.centres
    assert centres.shape == (modes, 2)
    assert dataset.train.sigma == dataset.test.sigma == sigma
    residual = x - centres[labels]
    assert residual.std() == pytest.approx(sigma, rel=0.02)
    assert np.bincount(labels, minlength=modes).min() > 0.8 * 20000 / modes
    assert len(dataset.spec.classes) == modes


def test_ring_and_grid_lie_where_papers_put_them() -> None:
    ring, grid = toy.ring(n=1).train.centres, toy.grid(n=1).train.centres
    np.testing.assert_allclose(np.hypot(*ring.T), 1, atol=1e-6)
    np.testing.assert_allclose(ring[2], [0, 1], atol=1e-6)
    assert sorted(map(tuple, grid.tolist())) == [(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)]
    wide = toy.ring(n=10, modes=3, radius=2.5, sigma=1e-6)
    np.testing.assert_allclose(np.hypot(*points(wide)[0].T), 2.5, atol=1e-4)
    assert len(wide.spec.classes) == 3
    small = toy.grid(n=1, side=2, spacing=1.0).train.centres
    assert small.tolist() == [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]


def test_curves_without_noise_are_their_equations() -> None:
    x, label = points(toy.circles(n=500, noise=0.0, factor=0.3))
    np.testing.assert_allclose(np.hypot(*x.T), np.where(label == 0, 1, 0.3), atol=1e-6)
    x, label = points(toy.moons(n=500, noise=0.0))
    np.testing.assert_allclose(np.hypot(*(x - np.where(label[:, None] == 0, 0, [1.0, 0.5])).T), 1, atol=1e-6)
    assert (x[label == 0, 1] >= 0).all()
    assert (x[label == 1, 1] <= 0.5).all()
    x, label = points(toy.spirals(n=500, noise=0.0, arms=3, turns=2.0))
    radius = np.hypot(*x.T)
    turn = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)
    off = 2 * radius + label / 3 - turn
    np.testing.assert_allclose(off, np.rint(off), atol=1e-4)


def test_pinwheel_unbends_to_its_gaussian_arms() -> None:
    x, label = points(toy.pinwheel(n=20000))
    assert set(label) == set(range(5))
    near, far = (points(toy.pinwheel(n=2000, radial=1e-6, tangential=1e-6, rate=r))[0] for r in (0.0, 0.5))
    angle = np.arctan2(near[:, 1], near[:, 0]) * 5 / (2 * np.pi)
    np.testing.assert_allclose(angle, np.rint(angle), atol=1e-4)  # unbent, arms point at fifths of a turn
    bent = np.arctan2(far[:, 1], far[:, 0]) - np.arctan2(near[:, 1], near[:, 0])
    np.testing.assert_allclose(np.cos(bent), np.cos(0.5 * np.e), atol=1e-4)
    assert np.mean(x**2) == pytest.approx((1 + 0.3**2 + 0.05**2) / 2, rel=0.02)


def test_checkerboard_is_uniform_on_dark_cells() -> None:
    x, _ = points(toy.checkerboard(n=20000))
    cell = np.floor(x / 2).astype(int)
    assert (cell.sum(1) % 2 == 0).all()
    assert x.min() >= -4
    assert x.max() < 4
    counts = np.unique(cell, axis=0, return_counts=True)[1]
    assert len(counts) == 8
    assert counts.min() > 0.9 * 20000 / 8
