"""Forensics: the azimuthal power spectrum, where upsampling leaves its traces."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.core.spec import DataSpec
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import jackknife, jackknife_variance
from genus.metrics.score import Score, join_notes

Array = NDArray[np.float64]

_GROUPS = 10
_SMALLEST = 8


def azimuthal_spectra(x: ArrayLike | Tensor) -> Array:
    r"""Power of each image by spatial frequency, averaged over directions.

    .. math:: S(r) = \frac{1}{|R_r|} \sum_{(u,v) \in R_r} |\hat x(u, v)|^2

    with :math:`\hat x` the orthonormal discrete Fourier transform, averaged over channels, and
    R_r the ring of frequencies whose distance from zero rounds to r, as shares of the Nyquist
    frequency where sides differ.

    Args:
        x: images ``(n, channels, height, width)``, both sides 8 or more.

    Returns:
        ``(n, rings)``, rings = half the shorter side + 1, from the mean (0) to Nyquist.

    Raises:
        DataError: for anything but images of that size.

    Paper: arXiv:2003.01826.

    >>> azimuthal_spectra(np.ones((1, 1, 8, 8))).round(6).tolist()
    [[64.0, 0.0, 0.0, 0.0, 0.0]]
    """
    images = torch.as_tensor(x)
    if images.dim() != 4 or min(images.shape[2:]) < _SMALLEST:
        raise DataError(
            f"a spectrum needs images with sides of at least {_SMALLEST}; got {tuple(images.shape)}"
        )
    height, width = images.shape[2:]
    last = min(height, width) // 2
    ring = _rings(height, width, last)
    inside = ring <= last
    counts = np.bincount(ring[inside], minlength=last + 1)
    membership = np.zeros((ring.size, last + 1))
    membership[np.flatnonzero(inside), ring[inside]] = 1 / counts[ring[inside]]
    parts = [
        (torch.fft.fft2(part.double(), norm="ortho").abs() ** 2).mean(1).flatten(1).numpy() @ membership
        for part in images.split(256)
    ]
    return np.concatenate(parts)


def spectrum_gap(x: ArrayLike, y: ArrayLike) -> float:
    """Root mean square difference of two mean spectra, in decibels, over all frequencies but zero.

    Args:
        x: spectra of one set ``(n, rings)``, from :func:`azimuthal_spectra`.
        y: spectra of another set ``(m, rings)``.
    """
    return float(np.sqrt(((_decibels(x) - _decibels(y))[1:] ** 2).mean()))


def as_stored(x: Tensor, spec: DataSpec) -> Tensor:
    """Round samples to the values that the data can take, as saving them in a file would.

    Without it every generated image would be told by its fractions of grey levels.

    Args:
        x: ``(n, *spec.shape)`` in data units.
        spec: the data; continuous ones are left as they are.
    """
    if spec.levels is None or spec.range is None:
        return x
    low, high = spec.range
    step = (high - low) / (spec.levels - 1)
    return ((x.clamp(low, high) - low) / step).round() * step + low


def _decibels(spectra: ArrayLike) -> Array:
    mean = np.asarray(spectra, dtype=np.float64).mean(0)
    return 10 * np.log10(np.maximum(mean, 1e-12 * mean.max() + 1e-300))


def _rings(height: int, width: int, last: int) -> NDArray[np.int64]:
    u, v = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    return np.rint(np.hypot(u, v) * 2 * last).astype(np.int64).reshape(-1)


@metric("spectrum", paper="arXiv:2003.01826")
@needs(Samples)
def spectrum_scores(evidence: Evidence) -> list[Score]:
    """Gap between the azimuthal spectra of samples and of real images, with both curves."""
    if evidence.spec.kind != "image" or min(evidence.spec.shape[1:]) < _SMALLEST:
        return []
    spec = evidence.spec
    generated, real = (
        azimuthal_spectra(as_stored(x, spec))
        for x in (evidence.generated.values, evidence.real.reference_values())
    )
    parts = [np.array_split(np.arange(len(set_)), _GROUPS) for set_ in (generated, real)]
    left = [
        [spectrum_gap(np.delete(generated, rows, 0), real) for rows in parts[0]],
        [spectrum_gap(generated, np.delete(real, rows, 0)) for rows in parts[1]],
    ]
    value = spectrum_gap(generated, real)
    low, high = jackknife(value, left)
    half = len(real) // 2
    mixture = azimuthal_spectra(as_stored(evidence.real.em_mixture.sample(len(generated)), spec))
    rings = generated.shape[1]
    return [
        Score(
            name="spectrum-gap",
            value=value,
            low=max(low, 0.0),
            high=high,
            n=len(generated),
            floor=spectrum_gap(real[:half], real[half:]),
            baseline=spectrum_gap(mixture, real),
            better="lower",
            unit="dB",
            shared=left[1],
            own=jackknife_variance(left[0]),
            note=join_notes("root mean square over frequencies", "floor: halves of the reference"),
            curve={
                "frequency (of Nyquist)": [i / (rings - 1) for i in range(1, rings)],
                "real (dB)": _decibels(real)[1:].tolist(),
                "samples (dB)": _decibels(generated)[1:].tolist(),
            },
        )
    ]
