"""Samplers that go back along the reverse process with noise of their own."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor

from genus.core.noise import Noise
from genus.core.noise_path import like
from genus.core.ranges import Natural, Positive
from genus.core.registry import sampler
from genus.sampling.denoiser import Denoiser


@sampler("ancestral", paper="arXiv:2006.11239")
def ancestral(
    denoise: Denoiser,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    *,
    variance: Literal["large", "small"] = "large",
) -> Tensor:
    """Ancestral sampling of the reverse chain, x_s ~ N(E(x_s | x_t, x̂₀), ς²); one call per step.

    x̂₀ is clipped to the model's bounds. A model that learned the reverse variance gives it in place of ς².

    Args:
        variance: ς² = σ_t² − (α_t/α_s)² σ_s² (``large``), or that of q(x_s | x_t, x₀) (``small``): optimal
            for standard normal data and for a single point.
    """
    path = denoise.path
    for time, earlier in pairwise(times):
        found = denoise(x, time, clip=True)
        x, small, large = path.posterior(x, found.clean, time, earlier)
        if earlier > 0:
            spread = large if variance == "large" else small
            if found.spread is not None:
                spread = (found.spread * large.log() + (1 - found.spread) * small.log()).exp()
            x = x + spread.sqrt() * noise.normal(*x.shape).to(x.dtype)
    return x


@sampler("euler-maruyama", paper="arXiv:2011.13456")
def euler_maruyama(denoise: Denoiser, x: Tensor, times: Tensor, noise: Noise) -> Tensor:
    """Euler–Maruyama on the reverse SDE dx = (f x − g² ∇ log p) dt + g dw; one call per step.

    f = α′/α and g² = 2 σ (σ′ − f σ) are the drift and diffusion of the path. The step to 0 adds no noise.
    """
    for time, earlier in pairwise(times):
        x = _reverse_step(denoise, x, time, earlier, noise)
    return x


@sampler("predictor-corrector", paper="arXiv:2011.13456")
def predictor_corrector(
    denoise: Denoiser,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    *,
    corrections: Natural = 1,
    ratio: Positive = 0.16,
) -> Tensor:
    """Steps of the reverse SDE, each followed by Langevin steps at the new time (algorithms 2 and 3).

    Args:
        corrections: Langevin steps after each step, none after that to 0.
        ratio: r, signal-to-noise ratio of a correction: its size is 2 (r σ)².
    """
    path = denoise.path
    for time, earlier in pairwise(times):
        x = _reverse_step(denoise, x, time, earlier, noise)
        for _ in range(corrections if earlier > 0 else 0):
            score = path.score(denoise(x, earlier), earlier.expand(len(x)))
            step = 2 * (ratio * path.coefficients(earlier)[1]).square()
            x = x + like(step, x) * score
            x = x + like((2 * step).sqrt(), x) * noise.normal(*x.shape).to(x.dtype)
    return x


@sampler("consistency", paper="arXiv:2303.01469")
def multistep_consistency(denoise: Denoiser, x: Tensor, times: Tensor, noise: Noise) -> Tensor:
    """Map to a clean example, add noise of the next level, map again (algorithm 1); one call per step.

    For consistency models, whose clean estimates are samples; the noise added is what the level has above the
    path's smallest.
    """
    for time, earlier in pairwise(times):
        clean = denoise(x, time, clip=True).clean
        signal, dirt = denoise.path.coefficients(earlier)
        above = (dirt.square() - denoise.path.first**2).clamp_min(0).sqrt()
        x = (
            clean
            if earlier == 0
            else like(signal, x) * clean + like(above, x) * noise.normal(*x.shape).to(x.dtype)
        )
    return x


def _reverse_step(denoise: Denoiser, x: Tensor, time: Tensor, earlier: Tensor, noise: Noise) -> Tensor:
    found = denoise(x, time)
    if earlier == 0:
        return found.clean
    path = denoise.path
    a, s, a_rate, s_rate = path.rates(time)
    if a == 0:  # no signal: f is infinite, and the exact transition is the ODE's with fresh noise
        signal, dirt = path.coefficients(earlier)
        return like(signal, x) * found.clean + like(dirt, x) * noise.normal(*x.shape).to(x.dtype)
    drift = a_rate / a
    square = 2 * s * (s_rate - drift * s)
    width = time - earlier
    score = path.score(found, time.expand(len(x)))
    x = x - like(width * drift, x) * x + like(width * square, x) * score
    return x + like((width * square).sqrt(), x) * noise.normal(*x.shape).to(x.dtype)
