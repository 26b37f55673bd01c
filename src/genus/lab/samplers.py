"""Four samplers on one density: inverse CDF, rejection, Metropolis and Langevin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genus.lab.chains import effective_sample_size, inverse_cdf, langevin, metropolis, rejection
from genus.lab.normal import Mixture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """Result of a sampler: states ``(steps, chains)``, the share it accepted, what they are worth."""

    states: Array
    accepted: float
    effective: float


@dataclass(frozen=True)
class Box:
    """The box of the rejection sampler: its first throws ``(n, 2)``, its sides and its height."""

    throws: Array
    left: float
    right: float
    height: float


def draw_all(
    target: Mixture, steps: int, chains: int, width: float, step: float, rng: np.random.Generator
) -> tuple[dict[str, Drawn], Box]:
    """As many samples of a mixture from each of four samplers.

    Chains start far too wide and lose their first fifth.

    Args:
        target: p.
        steps: per chain that are kept.
        chains: parallel ones.
        width: of Metropolis' proposals.
        step: ε of Langevin's.
        rng: of everything.

    Returns:
        What each gave, by name, and the box of the rejection sampler.
    """
    low, high = target.mean - 8 * target.std, target.mean + 8 * target.std
    n, shape = steps * chains, (steps, chains)
    inverse = inverse_cdf(target.cumulative, low, high, rng.random(n)).reshape(shape)
    left, right = target.mean - 4 * target.std, target.mean + 4 * target.std
    grid = np.linspace(left, right, 4001)
    height = 1.001 * float(target.density(grid).max())
    thrown, share, first = rejection(target.density, left, right, height, n, rng)
    start = target.mean + 3 * target.std * rng.standard_normal(chains)
    burn = steps // 4
    walk, walked = metropolis(target.log_density, start, steps + burn, width, rng)
    drift, _ = langevin(target.score, start, steps + burn, step, rng)
    found = {
        "inverse CDF": Drawn(inverse, 1.0, float(n)),
        "rejection": Drawn(thrown.reshape(shape), share, float(n)),
        "Metropolis": Drawn(walk[burn:], walked, effective_sample_size(walk[burn:])),
        "Langevin": Drawn(drift[burn:], 1.0, effective_sample_size(drift[burn:])),
    }
    return found, Box(first, left, right, height)
