"""Similarity of samples' patches to those of one image, and variety of the samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.noise import Noise
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.frechet import frechet_distance
from genus.metrics.intervals import jackknife, jackknife_variance, mean_interval, standard_error
from genus.metrics.score import Score

PATCH = 7
SCALES = 3
_MOST_PATCHES = 20_000
_GROUPS = 10


def patch_frechet(x: Tensor, y: Tensor, *, side: int = PATCH, scales: int = SCALES) -> float:
    r"""Mean over scales of the Fréchet distance between the patches of two images.

    .. math:: \frac1S \sum_{s<S} d^2\big(\mathcal N(\mu_x^s, S_x^s), \mathcal N(\mu_y^s, S_y^s)\big)

    with the moments of all patches of an image that was halved s times by averaging. It is the
    single-image Fréchet distance with raw patches in the place of an Inception network's first
    features: nothing is learned, and sizes and channels may be any. Images too small for a scale
    do without it; of very large ones every k-th patch is taken.

    Args:
        x: an image ``(channels, *sides)``, 1 to 3 sides.
        y: another, of any sides.
        side: of the patches.
        scales: at most.

    Returns:
        A number ≥ 0 up to rounding, in squared units of the data.

    Raises:
        DataError: when an image is smaller than a patch, or channels differ.

    Paper: arXiv:1905.01164, section 3.

    >>> x = torch.arange(1800.0).view(3, 20, 30) / 2048  # x + 1 is exact
    >>> abs(patch_frechet(x, x)) < 1e-6, abs(patch_frechet(x, x + 1) - 3 * 49) < 1e-6
    (True, True)
    """
    distances: list[float] = []
    for scale in range(scales):
        if scale and min(*x.shape[1:], *y.shape[1:]) < 2 * side:
            break
        if scale:
            x, y = _halved(x), _halved(y)
        distances.append(frechet_distance(_patches(x, side), _patches(y, side)))
    return float(np.mean(distances))


def pixel_diversity(samples: Tensor, image: Tensor) -> float:
    """Mean over places of the deviation between samples, over the deviation of the image's intensities.

    0 for equal samples; about 1 when each place varies as much as places of the image do.

    Args:
        samples: ``(n, channels, *sides)``, n >= 2.
        image: the training image ``(channels, *sides)``; channels are averaged to an intensity.

    Raises:
        DataError: for a single sample, or an image of one intensity.

    Paper: arXiv:1905.01164, section 3.
    """
    spread = float(image.double().mean(0).std(correction=0))
    if len(samples) < 2 or not spread > 0:
        raise DataError("diversity needs two samples, and an image that is not of one intensity")
    return float(samples.double().mean(1).std(0, correction=0).mean()) / spread


def diversity_without_each(samples: Tensor, image: Tensor) -> list[float]:
    """Diversities with each of ten groups of samples left out, for the jackknife."""
    rows = np.arange(len(samples))
    groups = np.array_split(rows, min(_GROUPS, len(samples)))
    return [pixel_diversity(samples[np.delete(rows, group)], image) for group in groups]


def random_phase(image: Tensor, noise: Noise, n: int) -> Tensor:
    """Gaussian textures with an image's mean and autocorrelations ``(n, channels, *sides)``.

    The phases of white noise are added to those of all channels alike; opposite borders meet.

    Paper: doi:10.1109/TIP.2010.2052822.
    """
    axes = tuple(range(-(image.dim() - 1), 0))
    spectrum = torch.fft.fftn(image.double(), dim=axes)
    white = torch.fft.fftn(noise.normal(n, 1, *image.shape[1:]).double(), dim=axes)
    turned = spectrum * white / white.abs().clamp_min(1e-12)
    mean = (slice(None), slice(None), *(0,) * len(axes))
    turned[mean] = spectrum[mean[1:]].expand(n, -1)
    return torch.fft.ifftn(turned, dim=axes).real.float()


@metric("single-image", paper="arXiv:1905.01164")
@needs(Samples, one_example=True)
def single_image_scores(evidence: Evidence) -> list[Score]:
    """Fréchet distance between the patches of samples and of the one training image; pixel diversity."""
    image = evidence.real.train.batch(np.array([0])).x[0]
    n = len(evidence.generated)
    distances = np.array([patch_frechet(x, image) for x in evidence.generated.values])
    low, high = mean_interval(distances)
    textures = random_phase(image, Noise(evidence.protocol.seed, block=1), n)
    if evidence.spec.range is not None:
        textures = textures.clamp(*evidence.spec.range)
    diversity = pixel_diversity(evidence.generated.values, image)
    left = diversity_without_each(evidence.generated.values, image)
    ends = jackknife(diversity, [left])
    return [
        Score(
            name="patch-frechet",
            value=float(distances.mean()),
            low=max(0.0, low),
            high=high,
            n=n,
            floor=patch_frechet(image.flip(-1), image),
            baseline=float(np.mean([patch_frechet(x, image) for x in textures])),
            better="lower",
            own=standard_error(distances) ** 2,
            note=f"patches of side {PATCH}, {SCALES} scales; floor: the image mirrored; "
            "baseline: Gaussian textures with its spectrum",
        ),
        Score(
            name="pixel-diversity",
            value=diversity,
            low=max(0.0, ends[0]),
            high=ends[1],
            n=n,
            baseline=pixel_diversity(textures, image),
            better="higher",
            own=jackknife_variance(left),
            note="0 for copies; variety alone, also of what looks like nothing: read beside patch-frechet",
        ),
    ]


def _patches(x: Tensor, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """All patches of an image as rows ``(places, channels · side^d)``."""
    if min(x.shape[1:]) < side:
        raise DataError(f"an image of {tuple(x.shape[1:])} holds no patch of side {side}")
    dims = x.dim() - 1
    for axis in range(1, dims + 1):
        x = x.unfold(axis, side, 1)
    rows = x.movedim(0, dims).reshape(-1, x.shape[0] * side**dims)
    return rows[:: -(-len(rows) // _MOST_PATCHES)].double().numpy()


def _halved(x: Tensor) -> Tensor:
    for axis in range(1, x.dim()):
        pairs = x.narrow(axis, 0, x.shape[axis] // 2 * 2).unflatten(axis, (-1, 2))
        x = pairs.mean(axis + 1)
    return x
