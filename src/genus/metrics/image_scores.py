"""Similarity of generated images and the test examples whose conditions they were drawn for."""

from __future__ import annotations

import math

from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.core.spec import DataSpec
from genus.metrics.evidence import Evidence, needs
from genus.metrics.image_similarity import LEAST_SIDE, LEAST_SIDE_OF_SCALES, ms_ssim, psnr, ssim
from genus.metrics.pair_score import pair_score
from genus.metrics.score import Score


def _no_images(spec: DataSpec) -> str:
    if spec.kind in ("image", "volume") and spec.range == (0.0, 1.0):
        return ""
    return f"it compares images with values in [0, 1]; these data are {spec.describe()}"


def _no_room(least: int, spec: DataSpec) -> str:
    if (reason := _no_images(spec)) or min(spec.shape[1:]) >= least:
        return reason
    return f"it needs images with sides of at least {least}; these data are {spec.describe()}"


@metric("psnr")
@needs(Samples, paired=True, fits=_no_images)
def psnr_scores(evidence: Evidence) -> list[Score]:
    """Peak signal-to-noise ratio of samples and the test examples they were drawn for."""
    note = "infinite for equal images"
    bounds = (-math.inf, math.inf)
    return [pair_score(evidence, "psnr", psnr, better="higher", bounds=bounds, unit="dB", note=note)]


@metric("ssim", paper="doi:10.1109/TIP.2003.819861")
@needs(Samples, paired=True, fits=lambda spec: _no_room(LEAST_SIDE, spec))
def ssim_scores(evidence: Evidence) -> list[Score]:
    """Structural similarity of samples and the test examples they were drawn for."""
    note = "Gaussian window, σ = 1.5, where it fits into the image"
    return [pair_score(evidence, "ssim", ssim, better="higher", bounds=(-1.0, 1.0), note=note)]


@metric("ms-ssim", paper="doi:10.1109/ACSSC.2003.1292216")
@needs(Samples, paired=True, fits=lambda spec: _no_room(LEAST_SIDE_OF_SCALES, spec))
def ms_ssim_scores(evidence: Evidence) -> list[Score]:
    """Multi-scale structural similarity of samples and the test examples they were drawn for."""
    return [pair_score(evidence, "ms-ssim", ms_ssim, better="higher", bounds=(0.0, 1.0), note="five scales")]
