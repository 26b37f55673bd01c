"""Similarity of the two images of a pair, for translation, reconstruction and compression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from genus.core.errors import DataError

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales of multi-scale similarity, finest first (Wang et al. 2003)."""
_SIGMA, _REACH = 1.5, 5
LEAST_SIDE = 2 * _REACH + 1
"""Smallest side of an image with a structural similarity: that of its window."""
LEAST_SIDE_OF_SCALES = LEAST_SIDE * 2 ** (len(SCALE_WEIGHTS) - 1)
"""Smallest side of an image with a multi-scale similarity of five scales."""
_K1, _K2 = 0.01, 0.03

Array = NDArray[np.float64]


def psnr(x: ArrayLike, y: ArrayLike, *, data_range: float = 1.0) -> Array:
    r"""Peak signal-to-noise ratio of each pair, in decibels.

    .. math:: 10 \log_{10} \frac{R^2}{\mathrm{mean}\,(x - y)^2}

    Args:
        x: images or volumes ``(n, channels, *size)``.
        y: their counterparts, of the same shape.
        data_range: R, largest minus smallest possible value.

    Returns:
        ``(n,)``; infinite for equal images.

    Raises:
        DataError: when the shapes differ, there are no pairs, values are not finite, or those of a
            pair span more than ``data_range``.

    >>> psnr([[[0.0, 0.0]]], [[[0.1, 0.1]]]).round(9)
    array([20.])
    """
    x, y = _pairs(x, y, data_range)
    errors = ((x - y) ** 2).reshape(len(x), -1).mean(1)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / errors)


def ssim(x: ArrayLike, y: ArrayLike, *, data_range: float = 1.0) -> Array:
    r"""Structural similarity of each pair, averaged over places and channels.

    .. math:: \frac{(2\mu_x\mu_y + C_1)(2\sigma_{xy} + C_2)}
              {(\mu_x^2+\mu_y^2 + C_1)(\sigma_x^2+\sigma_y^2 + C_2)}

    with means, variances and covariance under a Gaussian window of σ = 1.5 and 11 elements to a
    side, C₁ = (0.01 R)², C₂ = (0.03 R)², at the places where the window fits into the image. Equal
    to scikit-image's ``structural_similarity`` with ``gaussian_weights=True`` and
    ``use_sample_covariance=False``, the settings of the paper. In 1-D, 2-D and 3-D.

    Args:
        x: images or volumes ``(n, channels, *size)``, sides of at least 11.
        y: their counterparts, of the same shape.
        data_range: R, largest minus smallest possible value.

    Returns:
        ``(n,)``, at most 1, and 1 for equal images only.

    Raises:
        DataError: as :func:`psnr`, and for sides below 11.

    Paper: doi:10.1109/TIP.2003.819861.

    >>> image = np.arange(144.0).reshape(1, 1, 12, 12) / 144
    >>> ssim(image, image)
    array([1.])
    """
    x, y = _pairs(x, y, data_range)
    luminance, structure = _similarities(x, y, data_range)
    return _mean(luminance * structure).mean(1)


def ms_ssim(
    x: ArrayLike, y: ArrayLike, *, data_range: float = 1.0, weights: Sequence[float] = SCALE_WEIGHTS
) -> Array:
    r"""Multi-scale structural similarity of each pair, averaged over channels.

    .. math:: l_M^{w_M} \prod_{j=1}^{M} c_j^{w_j}

    c is the mean of the second factor of :func:`ssim` at a scale, l · c that of both factors at
    the coarsest; images are averaged over pairs of neighbours from scale to scale. A negative mean
    counts as 0, since it has no real power.

    Args:
        x: images or volumes ``(n, channels, *size)``; with five scales, sides of at least 176.
        y: their counterparts, of the same shape.
        data_range: largest minus smallest possible value.
        weights: w, one exponent per scale, finest first.

    Returns:
        ``(n,)`` in [0, 1].

    Raises:
        DataError: as :func:`psnr`, and for sides too small for the scales.

    Paper: doi:10.1109/ACSSC.2003.1292216.
    """
    x, y = _pairs(x, y, data_range)
    least = LEAST_SIDE * 2 ** (len(weights) - 1)
    if min(x.shape[2:]) < least:
        raise DataError(
            f"{len(weights)} scales need sides of at least {least}; got {x.shape[2:]}: give fewer weights"
        )
    product = np.ones(x.shape[:2])
    for number, weight in enumerate(weights):
        luminance, structure = _similarities(x, y, data_range)
        last = number == len(weights) - 1
        mean = _mean(luminance * structure if last else structure)
        product *= mean.clip(0) ** weight
        if not last:
            x, y = _halved(x), _halved(y)
    return product.mean(1)


def _pairs(x: Any, y: Any, data_range: float) -> tuple[Array, Array]:
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.shape != y.shape or x.ndim < 3 or x.size == 0:
        raise DataError(
            f"pairs of images are two arrays (n, channels, *size) of one shape; got {x.shape} and {y.shape}"
        )
    if data_range <= 0:
        raise DataError(f"data_range {data_range}: give the largest minus the smallest possible value")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError("images to be compared must hold finite values only")
    _refuse_wide(x, y, data_range)
    return x, y


def _refuse_wide(x: Array, y: Array, data_range: float) -> None:
    """Refuse pairs that span more than the range: integers, or another range than was said."""
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    span = float((np.maximum(x.max(1), y.max(1)) - np.minimum(x.min(1), y.min(1))).max())
    if span > data_range * (1 + 1e-6):
        raise DataError(
            f"the values of a pair span {span:g}, and data_range is {data_range:g}: give the largest minus "
            "the smallest possible value as data_range (255 for 8-bit integers)"
        )


def _similarities(x: Array, y: Array, data_range: float) -> tuple[Array, Array]:
    """Luminance, and contrast with structure, at each place where the window fits."""
    if min(x.shape[2:]) < LEAST_SIDE:
        raise DataError(f"structural similarity needs sides of at least {LEAST_SIDE}; got {x.shape[2:]}")
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (var_x + var_y + c2)


def _blurred(x: Array) -> Array:
    """Gaussian means at the places where the window fits."""
    places = np.arange(-_REACH, _REACH + 1)
    window = np.exp(-0.5 * (places / _SIGMA) ** 2)
    window /= window.sum()
    for axis in range(2, x.ndim):
        x = ndimage.correlate1d(x, window, axis=axis)
        x = x.take(range(_REACH, x.shape[axis] - _REACH), axis=axis)
    return x


def _mean(values: Array) -> Array:
    """Mean over places, ``(n, channels)``."""
    return values.reshape(*values.shape[:2], -1).mean(-1)


def _halved(x: Array) -> Array:
    """Means of pairs of neighbours along each spatial axis; an odd last element is left out."""
    for axis in range(2, x.ndim):
        even = x.shape[axis] // 2 * 2
        x = (x.take(range(0, even, 2), axis=axis) + x.take(range(1, even, 2), axis=axis)) / 2
    return x
