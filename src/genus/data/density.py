"""An image as a density of the plane."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from genus.core.errors import DataError
from genus.core.noise import derive_seed
from genus.core.registry import data
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.image_layout import choose_layout
from genus.data.images import no_bomb_warnings, read_header, read_image
from genus.data.split import fingerprint


@data("image_density", sniff="genus.data.sniff:is_image", what="an image")
def image_density(
    *,
    path: str,
    n: int = 100000,
    invert: bool = False,
    alpha: Literal["refuse", "drop", "white", "black"] = "refuse",
    seed: int = 0,
) -> Dataset:
    """Points of the plane, spread with a density proportional to the brightness of an image.

    The density is constant within a pixel. The longer side spans [−2, 2], the image's top is up.

    Args:
        path: the image file.
        n: training points; a tenth as many again are drawn for testing.
        invert: dark pixels are dense instead of bright ones, as for ink on paper.
        alpha: what becomes of transparency; see ``folder``.
        seed: decides the points.

    Raises:
        DataError: when the image cannot be read, or no pixel has any density.
    """
    if n < 1:
        raise DataError(f"n is a number of points, at least 1; got {n}")
    file = Path(path).expanduser()
    with no_bomb_warnings():
        header = read_header(file)
    layout = choose_layout([header], [file], mode="grey", alpha=alpha)
    grey = read_image(file, layout)[0].astype(np.float64) / ((1 << layout.bits) - 1)
    if invert:
        grey = 1 - grey
    if grey.sum() == 0:
        raise DataError(f"{path}: no pixel has any density; set invert: {'false' if invert else 'true'}")
    spec = DataSpec(example=Space(kind="vector", shape=(2,)))
    train, test = (
        _points(grey, count, np.random.default_rng(derive_seed(seed, "image_density", split)))
        for split, count in (("train", n), ("test", -(-n // 10)))
    )
    return Dataset(
        name="image_density",
        spec=spec,
        train=ArraySource(train, None, spec),
        test=ArraySource(test, None, spec),
        fingerprint=fingerprint(train, test),
        description=f"{n:,} points with the density of {path}",
    )


def _points(grey: Array, n: int, rng: np.random.Generator) -> Array:
    """Draw points with the density of ``grey`` ``(height, width)``; float32 ``(n, 2)`` as x, y."""
    height, width = grey.shape
    cumulative = np.cumsum(grey)
    pixel = np.searchsorted(cumulative, cumulative[-1] * rng.random(n), side="right")
    row, column = np.divmod(np.minimum(pixel, grey.size - 1), width)
    inside = rng.random((2, n))
    x = column + inside[0] - width / 2
    y = height / 2 - row - inside[1]
    return (np.stack([x, y], axis=1) * (4 / max(height, width))).astype(np.float32)
