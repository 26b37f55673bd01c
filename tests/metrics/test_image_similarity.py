"""Similarity of pairs of images: hand values, and scikit-image where it is installed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics import ms_ssim, psnr, ssim
from genus.metrics.image_similarity import SCALE_WEIGHTS

RNG = np.random.default_rng(0)


def pair(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth random images and noisy copies."""
    x = RNG.random(shape)
    return x, np.clip(x + 0.1 * RNG.standard_normal(shape), 0, 1)


def test_psnr_by_hand() -> None:
    quarter = 10 * math.log10(4)
    x = np.zeros((3, 1, 2, 2))
    y = np.stack([np.full((1, 2, 2), 0.1), np.zeros((1, 2, 2)), np.array([[[1.0, 0.0], [0.0, 0.0]]])])
    np.testing.assert_allclose(psnr(x, y), [20.0, math.inf, quarter], atol=1e-12)
    np.testing.assert_allclose(psnr(255 * x, 255 * y, data_range=255)[[0, 2]], [20.0, quarter], atol=1e-12)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_pairs_that_span_more_than_the_range_are_refused(measure: Callable[..., np.ndarray]) -> None:
    """Integers with the default range gave −64.5 dB; values of the conventions for the right one."""
    x, y = np.random.default_rng(0).integers(0, 4096, (2, 1, 1, 128, 128)).astype(np.uint16)
    with pytest.raises(DataError, match="give the largest minus the smallest possible value"):
        measure(x, y)
    assert measure(x, y, data_range=4095).shape == (1,)
    assert np.isfinite(measure(x / 4095 - 0.5, y / 4095 - 0.5)).all()


def test_constant_images_differ_in_luminance_alone() -> None:
    a, b, c1 = 0.25, 0.75, 0.01**2
    luminance = (2 * a * b + c1) / (a * a + b * b + c1)
    x, y = np.full((2, 3, 176, 176), a), np.full((2, 3, 176, 176), b)
    np.testing.assert_allclose(ssim(x, y), luminance, rtol=1e-9)
    np.testing.assert_allclose(ms_ssim(x, y), luminance ** SCALE_WEIGHTS[-1], rtol=1e-9)


def test_equal_images_are_alike_and_negatives_are_not() -> None:
    x, _ = pair(2, 1, 16, 16)
    np.testing.assert_allclose(ssim(x, x), 1.0, atol=1e-12)
    assert (ssim(x, 1 - x) < 0).all()  # covariance is minus the variance
    np.testing.assert_allclose(ms_ssim(x, 1 - x, weights=[1.0]), 0.0)  # no power of a negative


def test_one_scale_is_the_plain_similarity() -> None:
    x, y = pair(2, 1, 20, 24)
    np.testing.assert_allclose(ms_ssim(x, y, weights=[1.0]), ssim(x, y), rtol=1e-12)


def test_two_scales_by_hand() -> None:
    x, y = pair(1, 1, 22, 30)
    x2, y2 = (z.reshape(1, 1, 11, 2, 15, 2).mean((3, 5)) for z in (x, y))
    structure = ms_ssim(x, y, weights=[1.0, 0.0])  # the coarse scale counts with power 0
    np.testing.assert_allclose(ms_ssim(x, y, weights=[0.4, 0.6]), structure**0.4 * ssim(x2, y2) ** 0.6)


def test_structural_similarity_by_the_formula() -> None:
    """Windows of eleven by a Gaussian of σ = 1.5, with constants (0.01 R)² and (0.03 R)² that matter here."""
    x, y = (0.05 * z for z in pair(1, 1, 13, 12))
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(window, window) / window.sum() ** 2
    places = []
    for row, column in np.ndindex(3, 2):
        a, b = (z[0, 0, row : row + 11, column : column + 11] for z in (x, y))
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        cross = (weights * a * b).sum() - mean_a * mean_b
        squares = (weights * a * a).sum() - mean_a**2, (weights * b * b).sum() - mean_b**2
        luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
        places.append(luminance * (2 * cross + 0.03**2) / (sum(squares) + 0.03**2))
    assert ssim(x, y)[0] == pytest.approx(np.mean(places), rel=1e-9)


@pytest.mark.parametrize("shape", [(2, 1, 40), (2, 3, 32, 20), (1, 2, 12, 13, 14)])
def test_scikit_image_agrees(shape: tuple[int, ...]) -> None:
    other = pytest.importorskip("skimage.metrics", reason="compares with scikit-image, extra bench")
    x, y = pair(*shape)
    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = [other.structural_similarity(a, b, channel_axis=0, **options) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(ssim(x, y), theirs, rtol=1e-9)
    theirs = [other.peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(psnr(x, y), theirs, rtol=1e-12)


def test_what_cannot_be_compared_is_refused() -> None:
    x = np.zeros((1, 1, 10, 20))
    with pytest.raises(DataError, match="at least 11"):
        ssim(x, x)
    with pytest.raises(DataError, match="at least 176"):
        ms_ssim(np.zeros((1, 1, 175, 200)), np.zeros((1, 1, 175, 200)))
    with pytest.raises(DataError, match="one shape"):
        psnr(x, x[..., 1:])
    with pytest.raises(DataError, match="one shape"):
        psnr(x[:0], x[:0])
    with pytest.raises(DataError, match="finite"):
        psnr(x, x + np.nan)
    with pytest.raises(DataError, match="data_range"):
        psnr(x, x, data_range=0)
