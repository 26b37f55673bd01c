"""Features of a convolutional network that was never trained."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.errors import DataError
from genus.core.registry import features
from genus.core.spec import DataSpec
from genus.metrics.features.base import FeatureMap, in_parts, weights_digest

_WIDTH, _WIDEST, _SMALLEST = 32, 256, 4
_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_POOL = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


@features("random", paper="arXiv:2002.09797")
class RandomFeatures(FeatureMap):
    """Features of a random convolutional network, for data that no network was trained for.

    Convolutions of width 3 with random filters, rectified and averaged over pairs of
    neighbours until no side exceeds 4, then one random projection. They see edges, textures and
    their places, but know nothing of what a picture shows: distances rank models as far as such
    statistics tell them apart, and do not compare with those of trained networks. The same seed
    gives the same network for all data of one shape.

    Args:
        size: number of features.
        seed: of the weights.
    """

    name = "random"

    def __init__(self, spec: DataSpec, *, size: int = 64, seed: int = 0) -> None:
        super().__init__(spec)
        if len(spec.shape) not in (2, 3, 4) or spec.kind == "tokens":
            raise DataError(
                "random features need sequences, images or volumes (channels first); the data are: "
                f"{spec.describe()}. Use identity for vectors"
            )
        self.size = size
        self._centre, self._scale = _standard(spec.range)
        rng = np.random.default_rng(seed)
        self._weights = _filters(spec.shape, rng)
        self._sizes = _sizes(spec.shape[1:])
        wide = len(self._weights[-1]) * math.prod(self._sizes[-1])
        self._projection = _uniform((size, wide), rng)
        layers = {str(i): weight for i, weight in enumerate([*self._weights, self._projection])}
        self.fingerprint = weights_digest(layers)

    def __call__(self, x: Tensor) -> Tensor:
        return in_parts(self._network, x, self.size)

    def _network(self, x: Tensor) -> Tensor:
        x = (x - self._centre) * self._scale
        for weight, size in zip(self._weights, self._sizes, strict=True):
            x = F.relu(_CONVOLVE[x.dim() - 2](x, weight, padding=1))
            if tuple(x.shape[2:]) != size:
                x = _POOL[x.dim() - 2](x, size)
        return F.linear(x.flatten(1), self._projection)


def _standard(bounds: tuple[float, float] | None) -> tuple[float, float]:
    """Centre and factor that bring bounded data to [−1, 1]."""
    if bounds is None:
        return 0.0, 1.0
    low, high = bounds
    return (low + high) / 2, 2 / (high - low)


def _sizes(size: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Sizes after each convolution: sides above the smallest are halved, the last stay."""
    sizes: list[tuple[int, ...]] = []
    while max(size) > _SMALLEST:
        size = tuple(-(-side // 2) if side > _SMALLEST else side for side in size)
        sizes.append(size)
    return [*sizes, size]


def _filters(shape: tuple[int, ...], rng: np.random.Generator) -> list[Tensor]:
    """Filters of each convolution, doubled in number until there are many."""
    channels, *size = shape
    weights: list[Tensor] = []
    for level in range(len(_sizes(tuple(size)))):
        wide = min(_WIDTH * 2**level, _WIDEST)
        weights.append(_uniform((wide, channels, *(3,) * len(size)), rng))
        channels = wide
    return weights


def _uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """Weights of variance 2 over the number of inputs, which keeps the size of rectified signals.

    Uniform, because such numbers are the same to the last bit on every machine.
    """
    most = math.sqrt(6 / math.prod(shape[1:]))
    return torch.from_numpy(((2 * rng.random(shape) - 1) * most).astype(np.float32))
