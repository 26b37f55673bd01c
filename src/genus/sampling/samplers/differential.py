"""Samplers that solve the probability-flow ODE in fixed steps, and DDIM."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from genus.core.noise import Noise
from genus.core.noise_path import Estimate, like
from genus.core.ranges import Share, Weight
from genus.core.registry import sampler
from genus.sampling.denoiser import Denoiser


@sampler("ddim", paper="arXiv:2010.02502")
def ddim(denoise: Denoiser, x: Tensor, times: Tensor, noise: Noise, *, eta: Share = 0.0) -> Tensor:
    """Implicit sampling, x_s = α_s x̂₀ + √(σ_s² − ς²) ε̂ + ς z (eq. 12); one call per step.

    ς² = η² σ_s²/σ_t² (σ_t² − (α_t/α_s)² σ_s²). With η = 0 the result is a function of x; the error of that is
    of first order in the step. x̂₀ is clipped to the model's bounds.

    Args:
        eta: η, share of the ancestral sampler's noise, in [0, 1].
    """
    path = denoise.path
    for time, earlier in pairwise(times):
        found = denoise(x, time, clip=True)
        signal, dirt = path.coefficients(earlier)
        variance = path.added(time, earlier) * (dirt / path.coefficients(time)[1]).square() * eta**2
        rest = (dirt.square() - variance).clamp_min(0).sqrt()
        x = like(signal, x) * found.clean + like(rest, x) * found.noise
        if eta and earlier > 0:
            x = x + like(variance.sqrt(), x) * noise.normal(*x.shape).to(x.dtype)
    return x


@sampler("euler", paper="arXiv:2011.13456")
def euler(denoise: Denoiser, x: Tensor, times: Tensor, noise: Noise) -> Tensor:
    """Euler's method on dx/dt = α′ x̂₀ + σ′ ε̂; one call per step, error of first order."""
    del noise
    for time, earlier in pairwise(times):
        x = _step(denoise, x, denoise(x, time), time, earlier)
    return x


@sampler("heun", paper="arXiv:2206.00364")
def heun(
    denoise: Denoiser,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    *,
    churn: Weight = 0.0,
    churn_from: Weight = 0.0,
    churn_noise: Weight = 1.0,
) -> Tensor:
    """Heun's method on the probability-flow ODE; two calls per step but one in the step to 0, second order.

    With ``churn``, noise is added before each step and removed by it (algorithm 2 of the paper), on variance
    exploding paths.

    Args:
        churn: S_churn, noise added over all steps.
        churn_from: S_tmin, deviation of the noise below which none is added.
        churn_noise: S_noise, deviation of the added noise.
    """
    path = denoise.path
    for time, earlier in pairwise(times):
        now = time
        if churn and float(time) > churn_from and float(path.coefficients(time)[0]) == 1:
            now = time * (1 + min(churn / (len(times) - 1), 2**0.5 - 1))
            more = (now.square() - time.square()).sqrt() * churn_noise
            x = x + like(more, x) * noise.normal(*x.shape).to(x.dtype)
        first = denoise(x, now)
        guess = _step(denoise, x, first, now, earlier)
        if earlier == 0:
            x = guess
            continue
        slopes = [path.velocity(found, at.expand(len(x))) for found, at in
                  ((first, now), (denoise(guess, earlier), earlier))]  # fmt: skip
        x = x + like(earlier - now, x) * (slopes[0] + slopes[1]) / 2
    return x


@sampler("dpm-solver++", paper="arXiv:2211.01095")
def dpm_solver(denoise: Denoiser, x: Tensor, times: Tensor, noise: Noise) -> Tensor:
    """DPM-Solver++ (2M): exponential integration of x̂₀ over ln(α/σ), with the step before; one call per step.

    Second order; the first step and the one to 0 are of first order. x̂₀ is clipped to the model's bounds.
    """
    del noise
    path = denoise.path
    before: tuple[Tensor, Tensor] | None = None
    for time, earlier in pairwise(times):
        (a, s), (next_a, next_s) = path.coefficients(time), path.coefficients(earlier)
        clean = denoise(x, time, clip=True).clean
        if earlier == 0:
            return clean
        place = (a / s).log()
        gain = (next_a / next_s).log() - place
        used = clean
        if before is not None and torch.isfinite(before[1]):
            share = gain / (2 * (place - before[1]))
            used = clean + like(share, x) * (clean - before[0])
        x = like(next_s / s, x) * x - like(next_a * torch.expm1(-gain), x) * used
        before = clean, place
    return x


def _step(denoise: Denoiser, x: Tensor, found: Estimate, time: Tensor, earlier: Tensor) -> Tensor:
    """Euler's step from t to s; to 0 it is x̂₀, where the slope of some paths is infinite."""
    if earlier == 0:
        return found.clean
    return x + like(earlier - time, x) * denoise.path.velocity(found, time.expand(len(x)))
