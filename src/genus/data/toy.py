"""Points whose distribution is known: of the plane, and one mixture in many dimensions."""

from __future__ import annotations

import numpy as np

from genus.core.errors import DataError
from genus.core.noise import derive_seed
from genus.core.registry import data
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.toy_points import Rng, mixture_data, toy_data


@data("ring", paper="arXiv:1611.02163")
def ring(
    *, n: int = 100000, modes: int = 8, radius: float = 1.0, sigma: float = 0.01, seed: int = 0
) -> Dataset:
    r"""A mixture of equal Gaussians, evenly placed on a circle.

    .. math:: p(x) = \frac1k \sum_j N(x; r (\cos 2\pi j/k, \sin 2\pi j/k), \sigma^2 I)

    Args:
        n: training points; a tenth as many again are drawn for testing.
        modes: number of Gaussians k, which are also the classes.
        radius: of the circle, r.
        sigma: standard deviation of each Gaussian.
        seed: decides the points.

    >>> ring(n=100).train.centres.shape
    (8, 2)
    """
    angles = 2 * np.pi * np.arange(modes) / modes
    centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return mixture_data("ring", centres, sigma, n, seed)


@data("grid", paper="arXiv:1606.00704")
def grid(
    *, n: int = 100000, side: int = 5, spacing: float = 2.0, sigma: float = 0.05, seed: int = 0
) -> Dataset:
    """A mixture of equal Gaussians on a square grid around the origin, {−4, −2, 0, 2, 4}² by default.

    Args:
        n: training points; a tenth as many again are drawn for testing.
        side: Gaussians per row; ``side²`` in all, which are also the classes.
        spacing: distance of neighbours.
        sigma: standard deviation of each Gaussian.
        seed: decides the points.
    """
    steps = spacing * (np.arange(side) - (side - 1) / 2)
    centres = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return mixture_data("grid", centres, sigma, n, seed)


@data("subspaces", paper="arXiv:1705.07761")
def subspaces(
    *, n: int = 10000, modes: int = 10, size: int = 1200, inner: int = 700, sigma: float = 0.1, seed: int = 0
) -> Dataset:
    r"""A mixture of Gaussians that each fill a random subspace: VEEGAN's 1200-D data.

    .. math:: p(x) = \frac1k \sum_j N(x; c_j, \sigma^2 U_j U_j^\top), \quad c_j \sim N(0, I)

    with orthonormal columns U_j. The paper prints neither σ nor the distribution of the centres.
    A sample is of high quality up to the distance that all but about 0.1 % of the data keep,
    σ (√d + 3/√2) in d inner dimensions.

    Args:
        n: training points; a tenth as many again are drawn for testing.
        modes: number of Gaussians k, which are also the classes.
        size: dimensions of a point.
        inner: dimensions d of each Gaussian, at most ``size``.
        sigma: standard deviation within a subspace.
        seed: decides centres, subspaces and points.

    Raises:
        DataError: for more inner dimensions than dimensions.
    """
    if not 1 <= inner <= size:
        raise DataError(f"subspaces: inner is a number of dimensions from 1 to size = {size}; got {inner}")
    places = np.random.default_rng(derive_seed(seed, "subspaces"))
    centres = places.standard_normal((modes, size))
    bases = np.stack([np.linalg.qr(places.standard_normal((size, inner)))[0] for _ in range(modes)])

    def draw(count: int, rng: Rng) -> tuple[Array, Array]:
        label = rng.integers(modes, size=count)
        points = centres[label]
        for mode in range(modes):
            mine = label == mode
            points[mine] += sigma * rng.standard_normal((mine.sum(), inner)) @ bases[mode].T
        return points, label

    return toy_data(
        "subspaces", draw, n, seed, size=size, classes=modes, centres=centres.astype(np.float32),
        sigma=sigma, deviations=float(np.sqrt(inner) + 3 / np.sqrt(2)),
    )  # fmt: skip


@data("moons")
def moons(*, n: int = 100000, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two interleaved half circles of radius 1, one class each.

    Args:
        n: training points; a tenth as many again are drawn for testing.
        noise: standard deviation around the curves.
        seed: decides the points.
    """

    def draw(count: int, rng: Rng) -> tuple[Array, Array]:
        label = rng.permutation(count) % 2
        angle = np.pi * rng.random(count)
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points = np.where(label[:, None] == 0, upper, [1.0, 0.5] - upper)
        return points + noise * rng.standard_normal((count, 2)), label

    return toy_data("moons", draw, n, seed, classes=2)


@data("circles")
def circles(*, n: int = 100000, factor: float = 0.5, noise: float = 0.05, seed: int = 0) -> Dataset:
    """Two circles around the origin, of radius 1 and ``factor``, one class each.

    Args:
        n: training points; a tenth as many again are drawn for testing.
        factor: radius of the inner circle.
        noise: standard deviation around the curves.
        seed: decides the points.
    """

    def draw(count: int, rng: Rng) -> tuple[Array, Array]:
        label = rng.permutation(count) % 2
        points = np.where(label == 0, 1.0, factor)[:, None] * _on_circle(rng.random(count))
        return points + noise * rng.standard_normal((count, 2)), label

    return toy_data("circles", draw, n, seed, classes=2)


@data("spirals")
def spirals(
    *, n: int = 100000, arms: int = 2, turns: float = 1.5, noise: float = 0.02, seed: int = 0
) -> Dataset:
    """Archimedean spirals from the origin out to radius 1, one class per arm.

    Args:
        n: training points; a tenth as many again are drawn for testing.
        arms: number of spirals.
        turns: revolutions of each.
        noise: standard deviation around the curves.
        seed: decides the points.
    """

    def draw(count: int, rng: Rng) -> tuple[Array, Array]:
        label = rng.permutation(count) % arms
        out = np.sqrt(rng.random(count))  # the root spreads points evenly along the curve
        points = out[:, None] * _on_circle(turns * out + label / arms)
        return points + noise * rng.standard_normal((count, 2)), label

    return toy_data("spirals", draw, n, seed, classes=arms)


@data("pinwheel")
def pinwheel(
    *,
    n: int = 100000,
    arms: int = 5,
    radial: float = 0.3,
    tangential: float = 0.05,
    rate: float = 0.25,
    seed: int = 0,
) -> Dataset:
    """Gaussian arms that are bent around the origin, one class per arm.

    Args:
        n: training points; a tenth as many again are drawn for testing.
        arms: number of arms.
        radial: standard deviation along an arm, around distance 1.
        tangential: standard deviation across it.
        rate: how far arms bend: a point at distance ``d`` of 1 + d is turned by ``rate · exp(d)``.
        seed: decides the points.
    """

    def draw(count: int, rng: Rng) -> tuple[Array, Array]:
        label = rng.permutation(count) % arms
        straight = rng.standard_normal((count, 2)) * [radial, tangential] + [1.0, 0.0]
        angle = 2 * np.pi * label / arms + rate * np.exp(straight[:, 0])
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = straight.T
        return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1), label

    return toy_data("pinwheel", draw, n, seed, classes=arms)


@data("checkerboard")
def checkerboard(*, n: int = 100000, cells: int = 4, side: float = 2.0, seed: int = 0) -> Dataset:
    """Uniform on every other cell of a board around the origin, [−4, 4]² by default; no classes.

    Args:
        n: training points; a tenth as many again are drawn for testing.
        cells: cells per row.
        side: length of a cell.
        seed: decides the points.
    """

    def draw(count: int, rng: Rng) -> tuple[Array, None]:
        dark = np.argwhere(np.add.outer(np.arange(cells), np.arange(cells)) % 2 == 0)
        corner = dark[rng.integers(len(dark), size=count)] - cells / 2
        return side * (corner + rng.random((count, 2))), None

    return toy_data("checkerboard", draw, n, seed)


def _on_circle(revolutions: Array) -> Array:
    return np.stack([np.cos(2 * np.pi * revolutions), np.sin(2 * np.pi * revolutions)], axis=1)
