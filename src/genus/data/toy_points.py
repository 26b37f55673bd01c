"""Toy data sets from a function that draws their points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genus.core.errors import DataError
from genus.core.noise import derive_seed
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.split import fingerprint

Rng = np.random.Generator
Draw = Callable[[int, Rng], tuple[Array, Array | None]]
"""From a number of points and a generator to points ``(n, size)`` and their classes, or None."""


def mixture_data(name: str, centres: Array, sigma: float, n: int, seed: int) -> Dataset:
    """A mixture of equal Gaussians with standard deviation ``sigma`` around ``centres`` ``(k, 2)``."""

    def draw(count: int, rng: Rng) -> tuple[Array, Array]:
        label = rng.integers(len(centres), size=count)
        return centres[label] + sigma * rng.standard_normal((count, 2)), label

    return toy_data(
        name, draw, n, seed, classes=len(centres), centres=centres.astype(np.float32), sigma=sigma
    )


def toy_data(
    name: str,
    draw: Draw,
    n: int,
    seed: int,
    *,
    classes: int = 0,
    centres: Array | None = None,
    sigma: float | None = None,
    deviations: float = 3.0,
    size: int = 2,
) -> Dataset:
    """A toy data set of ``n`` training points and a tenth as many for testing.

    Args:
        name: as a recipe writes it.
        draw: draws points.
        n: training points.
        seed: decides them.
        classes: how many there are; 0 for none.
        centres: see :class:`genus.data.source.Source`.
        sigma: see there.
        deviations: see there.
        size: numbers in a point.

    Raises:
        DataError: for fewer than one point.
    """
    if n < 1:
        raise DataError(f"{name}: n is a number of points, at least 1; got {n}")
    spec = DataSpec(
        example=Space(kind="vector", shape=(size,)),
        condition=class_space(tuple(str(i) for i in range(classes))),
    )
    splits: list[ArraySource] = []
    parts: list[Array | None] = []
    for split, count in (("train", n), ("test", -(-n // 10))):
        points, labels = draw(count, np.random.default_rng(derive_seed(seed, name, split)))
        points = points.astype(np.float32)
        splits.append(ArraySource(points, labels, spec, centres=centres, sigma=sigma, deviations=deviations))
        parts += [points, labels]
    return Dataset(
        name=name,
        spec=spec,
        train=splits[0],
        test=splits[1],
        fingerprint=fingerprint(*parts),
        description=f"{n:,} points of the toy distribution {name!r}",
    )
