"""Distributions of the times at which denoising models are trained."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genus.core.noise_path import NoisePath
from genus.core.ranges import Positive
from genus.core.registry import time_distribution


@time_distribution("uniform")
def uniform(fraction: Tensor, path: NoisePath) -> Tensor:
    """Uniform on the path's own clock: in time, or in ln σ on variance exploding paths."""
    return path.time_at(fraction)


@time_distribution("log-normal", paper="arXiv:2206.00364")
def log_normal(fraction: Tensor, path: NoisePath, *, mean: float = -1.2, deviation: Positive = 1.2) -> Tensor:
    """ln t is normal, within the times of the path; on variance exploding paths ln σ is.

    Args:
        mean: of ln t.
        deviation: of ln t.
    """
    low, high = (_normal_share((math.log(end) - mean) / deviation) for end in (path.first, path.last))
    normal = torch.special.ndtri(low + (high - low) * fraction)
    return (mean + deviation * normal).exp().clamp(path.first, path.last)


@time_distribution("logit-normal", paper="arXiv:2403.03206")
def logit_normal(
    fraction: Tensor, path: NoisePath, *, mean: float = 0.0, deviation: Positive = 1.0
) -> Tensor:
    """The logit of t/``last`` is normal: times in the middle of a path are trained more.

    Args:
        mean: of the logit.
        deviation: of the logit.
    """
    normal = torch.special.ndtri(fraction.clamp(1e-12, 1 - 1e-12))
    return (path.last * (mean + deviation * normal).sigmoid()).clamp(path.first, path.last)


def _normal_share(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
