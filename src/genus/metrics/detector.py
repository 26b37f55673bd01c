"""Forensics: can a detector tell samples from real examples?"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import LEVEL
from genus.metrics.score import Score
from genus.metrics.spectrum import as_stored, azimuthal_spectra

Array = NDArray[np.float64]

FILTERS, FOLDS, MOST = 128, 5, 1_000
_SMALLEST = 8


def auc_interval(positive: ArrayLike, negative: ArrayLike) -> tuple[float, float, float]:
    r"""Area under the ROC curve, P(positive > negative) + ½ P(equal), with DeLong's interval.

    Args:
        positive: scores of one set ``(n,)``, n ≥ 2.
        negative: scores of the other ``(m,)``, m ≥ 2.

    Returns:
        area, lower and upper end of its 95 % interval, within [0, 1].

    Raises:
        DataError: for fewer than two scores in a set.

    Paper: doi:10.2307/2531595.

    >>> auc_interval([2.0, 3.0], [0.0, 1.0])[0]
    1.0
    """
    x, y = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if min(len(x), len(y)) < 2:
        raise DataError("an ROC curve needs at least 2 scores of each kind")
    ranks = stats.rankdata(np.concatenate([x, y]))
    above = (ranks[: len(x)] - stats.rankdata(x)) / len(y)  # share of negatives below each positive
    below = 1 - (ranks[len(x) :] - stats.rankdata(y)) / len(x)
    area = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / len(x) + below.var(ddof=1) / len(y)))
    half = float(stats.norm.ppf(0.5 + LEVEL / 2)) * error
    return area, max(0.0, area - half), min(1.0, area + half)


def detector_scores(real: Tensor, fake: Tensor, *, seed: int = 0) -> tuple[Array, Array]:
    """Held-out scores of a detector of generated images, by five-fold cross-validation.

    Ridge regression on pooled responses of fixed random convolutions (mean, maximum and share of
    positive values of each; as ROCKET, arXiv:1910.13051, but in two dimensions) and on the
    logarithm of the azimuthal spectrum. It sees fine texture that feature networks are blind to.

    Args:
        real: images ``(n, channels, height, width)``, n ≥ 10, sides of 8 or more.
        fake: images ``(m, channels, height, width)``, m ≥ 10.
        seed: of the convolutions and folds.

    Returns:
        scores of the real and of the fake images; higher means more likely generated.

    Raises:
        DataError: for too few or too small images.
    """
    return _held_out(_texture(real, seed), _texture(fake, seed), seed)


def _held_out(real: Array, fake: Array, seed: int) -> tuple[Array, Array]:
    if min(len(real), len(fake)) < 2 * FOLDS:
        raise DataError(f"a detector needs at least {2 * FOLDS} images of each kind")
    features = np.concatenate([real, fake])
    labels = np.repeat([0, 1], [len(real), len(fake)])
    scores = np.empty(len(labels))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, labels):
        detector = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(0, 4, 5)))
        scores[test] = detector.fit(features[train], labels[train]).decision_function(features[test])
    return scores[: len(real)], scores[len(real) :]


def _texture(x: Tensor, seed: int) -> Array:
    """Pooled random convolutions and log spectrum, ``(n, 3 · filters + rings)``."""
    images = x.detach().cpu().float()
    rng = torch.Generator().manual_seed(seed)
    found: list[Tensor] = []
    for size in (3, 5):
        weight = torch.randn(FILTERS // 2, images.shape[1], size, size, generator=rng)
        weight -= weight.mean((1, 2, 3), keepdim=True)  # texture, not brightness
        bias = torch.rand(FILTERS // 2, generator=rng) - 0.5
        parts = [F.conv2d(part, weight, bias) for part in images.split(100)]
        found += [
            torch.cat([part.mean((2, 3)) for part in parts]),
            torch.cat([part.amax((2, 3)) for part in parts]),
            torch.cat([(part > 0).float().mean((2, 3)) for part in parts]),
        ]
    spectra = azimuthal_spectra(images)
    return np.concatenate([torch.cat(found, 1).double().numpy(), np.log(spectra + 1e-8)], axis=1)


@metric("detector")
@needs(Samples)
def detector_area(evidence: Evidence) -> list[Score]:
    """Area under the ROC curve of a detector trained to distinguish samples from real images."""
    if evidence.spec.kind != "image" or min(evidence.spec.shape[1:]) < _SMALLEST:
        return []
    seed = evidence.protocol.seed
    images = (
        evidence.real.reference_values(),
        evidence.generated.values,
        evidence.real.em_mixture.sample(MOST),
    )
    real, fake, mixture = (_texture(as_stored(x[:MOST], evidence.spec), seed) for x in images)
    half = len(real) // 2
    pairs = ((real, fake), (real[:half], real[half:]), (real, mixture))
    (value, low, high), floor, baseline = (auc_interval(*_held_out(*pair, seed)[::-1]) for pair in pairs)
    return [
        Score(
            name="detector",
            value=value,
            low=low,
            high=high,
            n=len(fake),
            floor=floor[0],
            baseline=baseline[0],
            better="lower",
            note=f"area under the ROC curve, {FOLDS}-fold; ½ when nothing gives samples away; "
            "samples rounded as files would be; interval for this detector; floor: halves of the reference",
        )
    ]
