"""Agreement of two segmentations, and of two sets of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from genus.core.errors import DataError
from genus.metrics.energy import energy_of_dissimilarities

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]


def dice(x: ArrayLike, y: ArrayLike) -> Array:
    """Dice's coefficient of each pair of masks: 2 |X ∩ Y| / (|X| + |Y|).

    Args:
        x: masks ``(n, *size)``, zeros and ones.
        y: their counterparts.

    Returns:
        ``(n,)`` in [0, 1]; 1 where both masks are empty, since they agree.

    Raises:
        DataError: when the shapes differ, there are no pairs, or values are others than 0 and 1.

    >>> dice([[1, 1, 0]], [[0, 1, 1]])
    array([0.5])
    """
    both, total = _counts(x, y)
    return np.where(total > 0, 2 * both / np.maximum(total, 1), 1.0)


def jaccard(x: ArrayLike, y: ArrayLike) -> Array:
    """Jaccard's index, intersection over union, of each pair of masks: |X ∩ Y| / |X ∪ Y|.

    Args:
        x: masks ``(n, *size)``, zeros and ones.
        y: their counterparts.

    Returns:
        ``(n,)`` in [0, 1]; 1 where both masks are empty.

    Raises:
        DataError: as :func:`dice`.

    >>> jaccard([[1, 1, 0]], [[0, 1, 1]]).round(4)
    array([0.3333])
    """
    both, total = _counts(x, y)
    return np.where(total > 0, both / np.maximum(total - both, 1), 1.0)


def hausdorff(
    x: ArrayLike, y: ArrayLike, *, percentile: float = 100.0, spacing: Sequence[float] | None = None
) -> Array:
    r"""Hausdorff distance between the surfaces of each pair of masks, or a percentile of it.

    .. math:: \max\big(Q_p\{d(a, \partial Y): a \in \partial X\},
              Q_p\{d(b, \partial X): b \in \partial Y\}\big)

    The surface of a mask is made of its elements with a neighbour along an axis outside of it; what lies
    beyond the image is outside. ``percentile=95`` is the HD95 of medical images, which a few stray
    elements do not decide; percentiles are taken in each direction, then the larger counts.

    Args:
        x: masks ``(n, *size)``, zeros and ones.
        y: their counterparts.
        percentile: p, in (0, 100]; 100 is the largest distance.
        spacing: distance between neighbours along each axis, in millimetres, say; 1 when None.

    Returns:
        ``(n,)`` in the unit of the spacing; 0 where both masks are empty, infinite where one is.

    Raises:
        DataError: as :func:`dice`, and for an impossible percentile or spacing.

    >>> hausdorff([[1, 0, 0, 0]], [[0, 0, 0, 1]])
    array([3.])
    """
    x, y = _masks(x, y)
    steps = np.ones(x.ndim - 1) if spacing is None else np.asarray(spacing, dtype=np.float64)
    if not 0 < percentile <= 100:
        raise DataError(f"percentile {percentile}: choose one in (0, 100]")
    if steps.shape != (x.ndim - 1,) or not (steps > 0).all():
        raise DataError(f"spacing {spacing}: give {x.ndim - 1} positive distances, one per axis")
    return np.array([_surface_distance(a, b, percentile, steps) for a, b in zip(x, y, strict=True)])


def per_class(
    measure: Callable[[ArrayLike, ArrayLike], Array], x: ArrayLike, y: ArrayLike, classes: int
) -> Array:
    """A measure of masks for each class of pairs of label maps.

    Args:
        measure: of pairs of masks, such as :func:`dice`.
        x: maps ``(n, *size)`` of the numbers 0 … ``classes`` − 1.
        y: their counterparts.
        classes: how many there are.

    Returns:
        ``(n, classes)``; NaN where a class occurs on neither side, since nothing was to be found.

    Raises:
        DataError: as :func:`dice`, and for values that are no numbers of classes.

    >>> per_class(dice, [[0, 1, 1]], [[0, 0, 1]], 3).round(4)
    array([[0.6667, 0.6667,    nan]])
    """
    x, y = _labels(x, classes), _labels(y, classes)
    columns = [measure(x == label, y == label) for label in range(classes)]
    absent = [~_anywhere(x == label) & ~_anywhere(y == label) for label in range(classes)]
    return np.where(np.stack(absent, axis=1), np.nan, np.stack(columns, axis=1))


def mask_energy_distance(x: ArrayLike, y: ArrayLike, *, unbiased: bool = True) -> float:
    r"""Squared generalised energy distance between two distributions of segmentations.

    .. math:: 2\,E\,d(X, Y) - E\,d(X, X') - E\,d(Y, Y'), \qquad d = 1 - \mathrm{Jaccard}

    d is 0 for two empty masks. It compares the segmentations that a model draws for one image with
    those of several raters: 0 for equal distributions, 2 for two unlike, constant and disjoint ones.

    Args:
        x: masks that were drawn ``(n, *size)``, n ≥ 2.
        y: masks of the raters ``(m, *size)``, m ≥ 2.
        unbiased: leave out the distance of each mask to itself; the published values keep it and
            are too large by about (E d(X, X') / n + E d(Y, Y') / m).

    Returns:
        A number; the unbiased one may be negative.

    Raises:
        DataError: for fewer than two masks on either side, where the spread is undefined.

    Paper: arXiv:1806.05034.

    >>> mask_energy_distance([[1, 0], [1, 0]], [[0, 1], [0, 1]])
    2.0
    """
    x, y = _mask(x), _mask(y)
    if min(len(x), len(y)) < 2:
        raise DataError(
            f"an energy distance needs two masks or more on both sides; got {len(x)} and {len(y)}"
        )
    if x.shape[1:] != y.shape[1:]:
        raise DataError(f"masks of one size are compared; got {x.shape[1:]} and {y.shape[1:]}")
    between = (_dissimilarities(x, y), _dissimilarities(x, x), _dissimilarities(y, y))
    return energy_of_dissimilarities(*between, unbiased=unbiased)


def _dissimilarities(x: Mask, y: Mask) -> Array:
    """1 − Jaccard of every x with every y, ``(n, m)``; two empty masks are alike."""
    a, b = x.reshape(len(x), -1).astype(np.float64), y.reshape(len(y), -1).astype(np.float64)
    both = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1) - both
    return np.where(union > 0, 1 - both / np.maximum(union, 1), 0.0)


def _surface_distance(a: Mask, b: Mask, percentile: float, spacing: Array) -> float:
    if not (a.any() and b.any()):
        return 0.0 if a.any() == b.any() else np.inf
    first, second = _surface(a), _surface(b)
    to_second = ndimage.distance_transform_edt(~second, sampling=spacing)
    to_first = ndimage.distance_transform_edt(~first, sampling=spacing)
    ways = (np.asarray(to_second)[first], np.asarray(to_first)[second])
    return float(max(np.percentile(way, percentile) for way in ways))


def _surface(mask: Mask) -> Mask:
    return mask & ~ndimage.binary_erosion(mask)


def _counts(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Elements in both masks, and the sum of both sizes."""
    x, y = _masks(x, y)
    axes = tuple(range(1, x.ndim))
    return (x & y).sum(axes).astype(np.float64), (x.sum(axes) + y.sum(axes)).astype(np.float64)


def _masks(x: ArrayLike, y: ArrayLike) -> tuple[Mask, Mask]:
    first, second = _mask(x), _mask(y)
    if first.shape != second.shape:
        raise DataError(f"pairs of masks have one shape; got {first.shape} and {second.shape}")
    return first, second


def _labels(x: ArrayLike, classes: int) -> NDArray[Any]:
    values = np.asarray(x)
    if not np.isin(values, np.arange(classes)).all():
        raise DataError(f"maps of {classes} classes hold the whole numbers 0 to {classes - 1} only")
    return values


def _anywhere(masks: Mask) -> Mask:
    """Whether a mask holds anything, ``(n,)``."""
    return np.asarray(masks.reshape(len(masks), -1).any(axis=1))


def _mask(x: Any) -> Mask:
    values = np.asarray(x)
    if values.ndim < 2 or values.size == 0:
        raise DataError(f"masks are an array (n, *size) with something in it; got {values.shape}")
    if values.dtype != np.bool_ and not np.isin(values, (0, 1)).all():
        raise DataError("masks hold zeros and ones only; threshold probabilities, take one class of labels")
    return values.astype(np.bool_)
