"""Samplers on the line and in the plane, and how well a chain mixes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genus.lab.findings import require

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


def inverse_cdf(cumulative: Function, low: float, high: float, uniform: Array) -> Array:
    """x with F(x) = u, by bisection: uniform numbers become samples of the distribution F.

    Args:
        cumulative: F, increasing from about 0 at ``low`` to about 1 at ``high``.
        low: left end of the support.
        high: right end.
        uniform: u in [0, 1), any shape.

    >>> float(inverse_cdf(lambda x: x**2, 0.0, 1.0, np.array([0.25]))[0])
    0.5
    """
    left, right = np.full(uniform.shape, low), np.full(uniform.shape, high)
    for _ in range(60):
        middle = (left + right) / 2
        above = cumulative(middle) >= uniform
        left, right = np.where(above, left, middle), np.where(above, middle, right)
    return right


def rejection(
    density: Function, low: float, high: float, height: float, n: int, rng: np.random.Generator
) -> tuple[Array, float, Array]:
    """Points thrown evenly into a box; those below the density are samples of it.

    Args:
        density: f, at most ``height`` on [low, high] and 0 elsewhere; it need not be normalised.
        low: left end of the box.
        high: right end.
        height: of the box.
        n: samples wanted.
        rng: of the throws.

    Returns:
        Samples ``(n,)``; share of throws accepted, whose mean is ∫f / (height · width); and the
        first 1,000 throws ``(1000, 2)`` for a figure.

    Raises:
        InputError: when the density reaches above the box, and the samples would be wrong.
    """
    kept: list[Array] = []
    first, thrown, accepted = np.zeros((0, 2)), 0, 0
    while accepted < n:
        x, y = rng.uniform(low, high, 2 * n), rng.uniform(0, height, 2 * n)
        f = density(x)
        require(bool(f.max() <= height), f"the density reaches {f.max():g}, above the box of {height:g}")
        first = first if thrown else np.column_stack([x, y])[:1000]
        thrown += len(x)
        kept.append(x[y < f])
        accepted += len(kept[-1])
    return np.concatenate(kept)[:n], accepted / thrown, first


def metropolis(
    log_density: Function, start: Array, steps: int, width: float, rng: np.random.Generator
) -> tuple[Array, float]:
    r"""Random walk; a step to x' is taken with probability :math:`\min(1, p(x')/p(x))`.

    Args:
        log_density: log p, up to a constant.
        start: first states of parallel chains, ``(chains,)``.
        steps: per chain.
        width: standard deviation of a proposed step.
        rng: of proposals and decisions.

    Returns:
        States ``(steps, chains)`` and the share of proposals accepted.

    Paper: doi:10.1063/1.1699114.
    """
    x, log_p = start, log_density(start)
    path, accepted = np.empty((steps, len(start))), 0
    for t in range(steps):
        proposal = x + width * rng.standard_normal(len(x))
        log_q = log_density(proposal)
        taken = np.log(rng.random(len(x))) < log_q - log_p
        x, log_p = np.where(taken, proposal, x), np.where(taken, log_q, log_p)
        path[t], accepted = x, accepted + int(taken.sum())
    return path, accepted / path.size


def langevin(
    score: Function,
    start: Array,
    steps: int,
    step: float,
    rng: np.random.Generator,
    *,
    log_density: Function | None = None,
) -> tuple[Array, float]:
    r"""Downhill with noise: :math:`x' = x + \tfrac{\epsilon}{2} \nabla\log p(x) + \sqrt\epsilon\,z`.

    Without ``log_density`` every step is taken and the chain settles on a distribution that
    differs from p in order ε; with it, steps are accepted as Metropolis and Hastings ask, and
    the chain is exact.

    Args:
        score: ∇ log p.
        start: first states of parallel chains, ``(chains,)``.
        steps: per chain.
        step: ε.
        rng: of the noise.
        log_density: log p up to a constant, or None for no correction.

    Returns:
        States ``(steps, chains)`` and the share of steps taken.

    Paper: doi:10.2307/3318418.
    """
    x, path, accepted = start, np.empty((steps, len(start))), 0
    drift = x + step / 2 * score(x)
    for t in range(steps):
        proposal = drift + math.sqrt(step) * rng.standard_normal(len(x))
        onward = proposal + step / 2 * score(proposal)
        taken = np.ones(len(x), dtype=bool)
        if log_density is not None:
            back, forth = (x - onward) ** 2, (proposal - drift) ** 2
            ratio = log_density(proposal) - log_density(x) + (forth - back) / (2 * step)
            taken = np.log(rng.random(len(x))) < ratio
        x, drift = np.where(taken, proposal, x), np.where(taken, onward, drift)
        path[t], accepted = x, accepted + int(taken.sum())
    return path, accepted / path.size


def gibbs_normal(correlation: float, start: Array, steps: int, rng: np.random.Generator) -> Array:
    r"""Two standard normals of given correlation, each in turn drawn given the other.

    .. math:: x' \sim N(\rho y, 1 - \rho^2), \quad y' \sim N(\rho x', 1 - \rho^2)

    Each coordinate is then an autoregression with coefficient ρ².

    Args:
        correlation: ρ in (−1, 1).
        start: first states, ``(chains, 2)``.
        steps: sweeps per chain.
        rng: of the draws.

    Returns:
        States ``(steps, chains, 2)``.

    Paper: doi:10.1109/TPAMI.1984.4767596.
    """
    spread = math.sqrt(1 - correlation**2)
    path, y = np.empty((steps, *start.shape)), start[:, 1]
    for t in range(steps):
        x = correlation * y + spread * rng.standard_normal(len(y))
        y = correlation * x + spread * rng.standard_normal(len(y))
        path[t] = np.column_stack([x, y])
    return path


def autocorrelation(path: Array, lags: int) -> Array:
    """Correlation of a chain with itself some steps later, averaged over parallel chains.

    Args:
        path: ``(steps, chains)``.
        lags: how many lags besides 0.

    Returns:
        ``(lags + 1,)``, the first of them 1.
    """
    centred = path - path.mean()
    n = len(path)
    spectrum = np.fft.rfft(centred, 2 * n, axis=0)
    products = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[: lags + 1].mean(axis=1)
    covariance = products / (n - np.arange(lags + 1))
    return covariance / covariance[0]


def effective_sample_size(path: ArrayLike) -> float:
    r"""Independent samples whose mean is as sure: :math:`n / (1 + 2 \sum_t \rho_t)`.

    The sum ends where the sum of two neighbouring correlations is no longer positive.

    Args:
        path: ``(steps, chains)``, or one chain ``(steps,)``.

    Paper: doi:10.1214/ss/1177011137 (Geyer's initial positive sequence).
    """
    states = np.asarray(path, dtype=np.float64)
    states = states.reshape(len(states), -1)
    rho = autocorrelation(states, len(states) // 2)
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    kept = pairs[: ends[0]] if len(ends) else pairs
    return float(states.size / max(2 * kept.sum() - 1, 1 / states.size))
