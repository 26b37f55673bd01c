"""Between continuous densities and probabilities of discrete values."""

from __future__ import annotations

import math

from torch import Tensor

from genus.core.noise import Noise
from genus.core.spec import DataSpec


def to_data(x: Tensor, spec: DataSpec) -> Tensor:
    """Bring draws of a density of dequantised values, see :func:`dequantise`, back to what the data can be.

    Each becomes the discrete value in whose bin it lies, so that it has the probability that the density
    gives to its bin; values beyond the range become its ends.

    Args:
        x: ``(n, *spec.shape)`` in data units.
        spec: the data; unbounded ones pass unchanged.
    """
    if spec.range is None:
        return x
    low, high = spec.range
    x = x.clamp(low, high)
    if spec.levels is None:
        return x
    width = (high - low) / (spec.levels - 1)
    return low + ((x - low) / width).round() * width


def dequantise(x: Tensor, spec: DataSpec, noise: Noise) -> tuple[Tensor, float]:
    """Spread each discrete value uniformly over its bin.

    With v uniform in the bin of x, E log p(v) + log(volume of the bin) ≤ log P(x): a density of
    the spread data bounds the probability of the discrete ones (arXiv:1511.01844).

    Args:
        x: ``(n, *spec.shape)`` on the grid of ``spec.levels``.
        spec: the data; continuous data pass unchanged.
        noise: one uniform number per element.

    Returns:
        Spread values, and the logarithm of the volume of a bin in nats (0 for continuous data).
    """
    if spec.levels is None or spec.range is None:
        return x, 0.0
    low, high = spec.range
    width = (high - low) / (spec.levels - 1)
    uniform = noise.uniform(x.shape[0], *x.shape[1:]).to(x.dtype)
    return x + (uniform - 0.5) * width, spec.size * math.log(width)
