"""Langevin dynamics at falling levels of noise."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from genus.core.noise import Noise
from genus.core.noise_path import like
from genus.core.ranges import Count, Positive
from genus.core.registry import sampler
from genus.sampling.denoiser import Denoiser


@sampler("annealed-langevin", paper="arXiv:1907.05600")
def annealed_langevin(
    denoise: Denoiser, x: Tensor, times: Tensor, noise: Noise, *, steps: Count = 10, size: Positive = 0.1
) -> Tensor:
    """Langevin steps at each level, x + ½ς ∇ log p + √ς z with ς = size · σ² (algorithm 1), then x̂₀.

    The paper's ε is ``size`` times the square of its smallest level. Between levels x is scaled by the change
    of α, which is 1 on variance exploding paths. ``steps`` calls per level, and one at the end.

    Args:
        steps: T, Langevin steps at each level.
        size: of a step in units of the level's variance, below 2, where the chain is stable.
    """
    path = denoise.path
    level = times[0]
    for level, after in pairwise(times):
        a, s = path.coefficients(level)
        step = size * s.square()
        for _ in range(steps):
            score = path.score(denoise(x, level), level.expand(len(x)))
            drawn = noise.normal(*x.shape).to(x.dtype)
            x = x + like(step / 2, x) * score + like(step.sqrt(), x) * drawn
        if after > 0 and a > 0:
            x = x * float(path.coefficients(after)[0] / a)
    return denoise(x, level, clip=True).clean if times[-1] == 0 else x


@sampler("underdamped-langevin", paper="arXiv:2112.07068")
def underdamped_langevin(
    denoise: Denoiser,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    *,
    steps: Count = 10,
    size: Positive = 0.3,
    friction: Positive = 1.0,
) -> Tensor:
    """Langevin dynamics with momentum at each level, in the splitting BAOAB, then x̂₀.

    At a level of deviation σ the mass is 1/σ², so that time is in units of it; velocities are drawn anew at
    each level. ``steps`` + 1 calls per level, and one at the end.

    Args:
        steps: at each level.
        size: h of a step, below 2.
        friction: γ; large values give ``annealed-langevin``.
    """
    path = denoise.path
    keep = math.exp(-friction * size)
    level = times[0]
    for level, after in pairwise(times):
        a, s = path.coefficients(level)
        at = level.expand(len(x))
        speed = noise.normal(*x.shape).to(x.dtype)
        push = like(s, x) * path.score(denoise(x, level), at)
        for _ in range(steps):
            speed = speed + size / 2 * push
            x = x + like(s, x) * (size / 2) * speed
            speed = keep * speed + math.sqrt(1 - keep**2) * noise.normal(*x.shape).to(x.dtype)
            x = x + like(s, x) * (size / 2) * speed
            push = like(s, x) * path.score(denoise(x, level), at)
            speed = speed + size / 2 * push
        if after > 0 and a > 0:
            x = x * float(path.coefficients(after)[0] / a)
    return denoise(x, level, clip=True).clean if times[-1] == 0 else x
