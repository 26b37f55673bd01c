"""Handwritten digits conditioned on measured attributes or on half of the image."""

from __future__ import annotations

from typing import Literal

import numpy as np

from genus.core.column import Column
from genus.core.registry import data
from genus.core.space import Space, table_space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.digits import digits8, digits28
from genus.data.paired import PairedSource, table_of
from genus.data.split import fingerprint

Digits = Literal["digits28", "digits8"]


@data("digit-attributes")
def digit_attributes(*, digits: Digits = "digits28", holdout: float = 0.1) -> Dataset:
    """Handwritten digits with two numbers each: how slanted, and how thick they are.

    Args:
        digits: which ones.
        holdout: share kept for testing, in (0, 1).

    Raises:
        DataError: when the package that holds the digits is not installed.

    >>> digit_attributes(digits="digits8").spec.describe()
    'image 1×8×8, 17 levels in [0, 1], each with columns slant, thickness'
    """
    opened, images = _open(digits, holdout)
    units = images / np.float32((opened.spec.levels or 2) - 1)
    values = np.stack([slant(units), thickness(units)], axis=1).astype(np.float32)
    columns = table_space([Column(name="slant"), Column(name="thickness")])
    return _with_condition(
        "digit-attributes", opened, images, values, columns, "how slanted and thick they are"
    )


@data("digit-halves")
def digit_halves(*, digits: Digits = "digits28", holdout: float = 0.1) -> Dataset:
    """Handwritten digits, each with an image of its lower half, the upper one black.

    Args:
        digits: which ones.
        holdout: share kept for testing, in (0, 1).

    Raises:
        DataError: when the package that holds the digits is not installed.

    >>> digit_halves(digits="digits8").spec.describe()
    'image 1×8×8, 17 levels in [0, 1], each with an image 1×8×8'
    """
    opened, images = _open(digits, holdout)
    halves = images.copy()
    halves[:, :, : images.shape[2] // 2] = 0
    return _with_condition("digit-halves", opened, images, halves, opened.spec.example, "their lower halves")


def slant(images: Array) -> Array:
    """Slant of strokes: movement of ink to the right with each pixel upwards, by its second moments.

    −Σ w (x − x̄)(y − ȳ) / Σ w (y − ȳ)², with y counted downwards and w the ink: 0 for an upright
    stroke, 1 for one at 45° like a slash.

    Args:
        images: ink in [0, 1], ``(n, 1, height, width)``.

    Returns:
        ``(n,)``; 0 for images whose ink lies in one row.
    """
    ink = images[:, 0].astype(np.float64)
    total = np.maximum(ink.sum((1, 2)), 1e-12)
    y, x = np.arange(ink.shape[1])[:, None], np.arange(ink.shape[2])[None]
    from_x = x - ((ink * x).sum((1, 2)) / total)[:, None, None]
    from_y = y - ((ink * y).sum((1, 2)) / total)[:, None, None]
    along = (ink * from_y**2).sum((1, 2))
    return -(ink * from_x * from_y).sum((1, 2)) / np.maximum(along, 1e-12)


def thickness(images: Array) -> Array:
    """Mean width of strokes in pixels: twice the area of ink over the length of its outline.

    The outline is the total variation Σ √(∂x² + ∂y²), by differences to the next pixel, with nothing
    beyond the border. A stroke of length L and width t has the area L·t and an outline of nearly 2·L.

    Args:
        images: ink in [0, 1], ``(n, 1, height, width)``.

    Returns:
        ``(n,)``; 0 for empty images.
    """
    ink = np.pad(images[:, 0].astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    across, down = np.diff(ink, axis=2)[:, :-1], np.diff(ink, axis=1)[:, :, :-1]
    outline = np.sqrt(across**2 + down**2).sum((1, 2))
    return 2 * ink.sum((1, 2)) / np.maximum(outline, 1e-12)


def _open(digits: Digits, holdout: float) -> tuple[Dataset, Array]:
    """The digits, and the level numbers of all of them, those for training first."""
    opened = {"digits28": digits28, "digits8": digits8}[digits](holdout=holdout)
    parts = (opened.train, opened.test)
    return opened, np.concatenate([part.fetch(np.arange(len(part))).values for part in parts])


def _with_condition(
    name: str, digits: Dataset, images: Array, conditions: Array, space: Space, what: str
) -> Dataset:
    """The digits in the splits they came in, with conditions in place of classes."""
    examples = ArraySource(images, None, DataSpec(example=digits.spec.example))
    beside = ArraySource(conditions, None, DataSpec(example=space))
    train, test = np.split(np.arange(len(images)), [len(digits.train)])
    source = PairedSource(examples, beside, None, table_of(beside, train) if space.is_flat else None)
    return Dataset.of_split(
        name,
        source,
        train,
        test,
        fingerprint=fingerprint(digits.fingerprint, conditions),
        description=f"{digits.description}, and {what}",
        licence=digits.licence,
    )
