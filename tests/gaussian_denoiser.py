"""The exact denoiser of Gaussian data on any path."""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.capabilities import Denoises
from genus.core.noise import Noise
from genus.core.noise_path import Estimate, NoisePath, like
from genus.sampling.denoiser import Denoiser


class Exact(Denoises):
    """E(x₀ | x_t) = m + α s² (x_t − α m)/(α² s² + σ²) for data N(m, s² I)."""

    def __init__(self, path: NoisePath, mean: float, variance: float) -> None:
        self.path, self.mean, self.variance = path, mean, variance

    def estimate(self, x: Tensor, time: Tensor, condition: Tensor | None = None) -> Estimate:
        del condition
        signal, dirt = (like(number, x) for number in self.path.coefficients(time))
        gain = signal * self.variance / (signal.square() * self.variance + dirt.square())
        clean = self.mean + gain * (x - signal * self.mean)
        return Estimate(clean, (x - signal * clean) / dirt)


def denoiser(path: NoisePath, mean: float = 3.0, variance: float = 0.25) -> Denoiser:
    """Samplers' view of the exact model."""
    return Denoiser(Exact(path, mean, variance))


def begin(path: NoisePath, n: int, *shape: int) -> Tensor:
    """Where sampling begins, float64 ``(n, *shape)``."""
    return Noise(0).normal(n, *shape).double() * path.prior_deviation


def drawn(sampler, path: NoisePath, count: int, n: int = 4000, **options) -> Tensor:
    """Samples of the exact model in ``count`` steps, float64 ``(n, 1)``."""
    with torch.no_grad():
        return sampler(denoiser(path), begin(path, n, 1), path.grid(count), Noise(1), **options)
