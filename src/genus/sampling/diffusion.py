"""From noise to examples with any model that predicts noise.

Both samplers have one shape: (model, schedule, x_T, …) → x_0. They visit ``num_steps`` steps
spread evenly over the schedule, and draw from ``noise`` in the same order however many examples
are sampled at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import Denoises
from genus.core.errors import InputError
from genus.core.noise import Noise
from genus.layers.diffusion import NoiseSchedule


def visited_steps(total: int, num_steps: int) -> list[int]:
    """Steps that a sampler visits, from ``total`` down to 0, evenly spread.

    Args:
        total: T, the schedule's number of steps.
        num_steps: how many of them to visit, 1 to ``total``.

    Raises:
        InputError: when that is impossible.

    >>> visited_steps(1000, 4)
    [1000, 750, 500, 250, 0]
    """
    if not 1 <= num_steps <= total:
        raise InputError(f"a sampler can visit 1 to {total} steps of this model, not {num_steps}")
    return [round(total * (num_steps - i) / num_steps) for i in range(num_steps + 1)]


def ancestral(
    model: Denoises,
    schedule: NoiseSchedule,
    x: Tensor,
    *,
    noise: Noise,
    num_steps: int,
    condition: Condition | None = None,
    bounds: tuple[float, float] | None = None,
    variance: Literal["large", "small"] = "large",
) -> Tensor:
    """Ancestral sampling of the reverse chain, x_s ~ N(μ̃(x_t, x̂_0), σ²) (arXiv:2006.11239, algorithm 2).

    Args:
        model: predicts the noise.
        schedule: the forward process.
        x: x_T, standard normal ``(n, …)``.
        noise: what each step adds.
        num_steps: steps visited.
        condition: class numbers ``(n,)``.
        bounds: range of clean examples; predictions x̂_0 are clipped to it.
        variance: σ² is β_{t|s} (``large``) or the posterior's (``small``), the two choices of the
            paper: optimal for standard normal data and for a single point.

    Returns:
        examples ``(n, …)``.
    """
    for step, earlier in _pairs(schedule, x, num_steps):
        clean, _ = _predict(model, schedule, x, step, condition, bounds)
        mean, small, large = schedule.posterior(x, clean, step, earlier)
        x = mean
        if int(earlier[0]) > 0:
            spread = large if variance == "large" else small
            x = mean + spread.sqrt() * noise.normal(*x.shape).to(x.dtype)
    return x


def ddim(
    model: Denoises,
    schedule: NoiseSchedule,
    x: Tensor,
    *,
    noise: Noise,
    num_steps: int,
    condition: Condition | None = None,
    bounds: tuple[float, float] | None = None,
    eta: float = 0.0,
) -> Tensor:
    """Implicit sampling, x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) ε̂ + σ z (arXiv:2010.02502, eq. 12).

    σ = η √((1 − ᾱ_s)/(1 − ᾱ_t)) √(1 − ᾱ_t/ᾱ_s). With η = 0 the result is a function of x_T.

    Args:
        model: predicts the noise.
        schedule: the forward process.
        x: x_T, standard normal ``(n, …)``.
        noise: what each step adds when ``eta`` > 0.
        num_steps: steps visited; 20 to 50 suffice.
        condition: class numbers ``(n,)``.
        bounds: range of clean examples; predictions x̂_0 are clipped to it.
        eta: η, share of the ancestral sampler's noise, in [0, 1].

    Returns:
        examples ``(n, …)``.
    """
    for step, earlier in _pairs(schedule, x, num_steps):
        clean, predicted = _predict(model, schedule, x, step, condition, bounds)
        _, variance, _ = schedule.posterior(x, clean, step, earlier)
        sigma = eta * variance.sqrt()
        rest = schedule.dirt[earlier].to(x.dtype).view_as(sigma)
        kept = schedule.signal[earlier].to(x.dtype).view_as(sigma)
        x = kept.sqrt() * clean + (rest - sigma.square()).clamp_min(0).sqrt() * predicted
        if eta and int(earlier[0]) > 0:
            x = x + sigma * noise.normal(*x.shape).to(x.dtype)
    return x


def _pairs(schedule: NoiseSchedule, x: Tensor, num_steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    visited = torch.tensor(visited_steps(schedule.num_steps, num_steps), device=x.device)
    for step, earlier in pairwise(visited):
        yield step.expand(len(x)), earlier.expand(len(x))


def _predict(
    model: Denoises,
    schedule: NoiseSchedule,
    x: Tensor,
    step: Tensor,
    condition: Condition | None,
    bounds: tuple[float, float] | None,
) -> tuple[Tensor, Tensor]:
    """Clean example and noise, consistent with each other after clipping."""
    predicted = model.predict_noise(x, step, condition)
    clean = schedule.clean(x, step, predicted)
    if bounds is None:
        return clean, predicted
    clean = clean.clamp(*bounds)
    return clean, schedule.noise_of(x, step, clean)
