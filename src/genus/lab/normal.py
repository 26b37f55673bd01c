"""Gaussians on the line: densities, and divergences between two of them in closed form."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from genus.lab.findings import require

Array = NDArray[np.float64]


class Normal(NamedTuple):
    """N(mean, std²).

    Args:
        mean: μ.
        std: σ > 0.
    """

    mean: float
    std: float

    def density(self, x: ArrayLike) -> Array:
        """p(x)."""
        return stats.norm.pdf(x, self.mean, self.std)


class Mixture(NamedTuple):
    """Σ w_k N(μ_k, σ_k²).

    Args:
        weights: w, of sum 1.
        means: μ.
        stds: σ > 0.
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]

    def parts(self, x: ArrayLike) -> Array:
        """w_k N(x; μ_k, σ_k²), ``(K, *x.shape)``."""
        w, m, s = self._columns(x)
        return w * stats.norm.pdf(x, m, s)

    def density(self, x: ArrayLike) -> Array:
        """p(x)."""
        return self.parts(x).sum(0)

    def log_density(self, x: ArrayLike) -> Array:
        """log p(x), without underflow far away."""
        w, m, s = self._columns(x)
        return np.logaddexp.reduce(np.log(w) + stats.norm.logpdf(x, m, s), axis=0)

    def score(self, x: ArrayLike) -> Array:
        """d log p / dx, the mean of (μ_k − x)/σ_k² over the components that may have made x.

        >>> float(Mixture((0.3, 0.7), (-1.0, 2.0), (0.5, 1.0)).score(0.5).round(10))
        1.2862943302
        """
        w, m, s = self._columns(x)
        joint = np.log(w) + stats.norm.logpdf(x, m, s)
        share = np.exp(joint - np.logaddexp.reduce(joint, axis=0))
        return (share * (m - np.asarray(x)) / s**2).sum(0)

    def cumulative(self, x: ArrayLike) -> Array:
        """P(X ≤ x)."""
        w, m, s = self._columns(x)
        return (w * stats.norm.cdf(x, m, s)).sum(0)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """``(n,)`` draws: a component, then its Gaussian."""
        k = rng.choice(len(self.weights), n, p=self.weights)
        return np.take(self.means, k) + np.take(self.stds, k) * rng.standard_normal(n)

    def _columns(self, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Parameters with the component on an axis before those of x."""
        shape = (-1, *(1,) * np.ndim(x))
        w, m, s = (np.asarray(values, dtype=np.float64).reshape(shape) for values in self)
        return w, m, s

    @property
    def mean(self) -> float:
        """E X."""
        return float(np.dot(self.weights, self.means))

    @property
    def std(self) -> float:
        """Square root of E (X − E X)²."""
        second = np.dot(self.weights, np.square(self.means) + np.square(self.stds))
        return math.sqrt(float(second) - self.mean**2)


def mixture(weights: ArrayLike, means: ArrayLike, stds: ArrayLike) -> Mixture:
    """Build a mixture from options of an experiment; weights are scaled to sum 1.

    Raises:
        InputError: for unequal lengths, or weights or widths that are not positive.
    """
    w, m, s = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (weights, means, stds))
    require(len(w) == len(m) == len(s), f"{len(w)} weights, {len(m)} means, {len(s)} stds: give as many")
    require(bool((w > 0).all() and (s > 0).all()), "weights and stds must be above 0")
    return Mixture(tuple((w / w.sum()).tolist()), tuple(m.tolist()), tuple(s.tolist()))


def kl_normal(p: Normal, q: Normal) -> float:
    """KL(p ‖ q) = log(σ_q/σ_p) + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − ½, in nats.

    >>> round(kl_normal(Normal(0, 1), Normal(1, 2)), 10)
    0.4431471806
    """
    gap = p.mean - q.mean
    return math.log(q.std / p.std) + (p.std**2 + gap**2) / (2 * q.std**2) - 0.5


def chi_square_normal(p: Normal, q: Normal) -> float:
    """Pearson's ∫(p − q)²/q = σ_q²/(σ_p √s) exp((μ_p − μ_q)²/s) − 1 with s = 2σ_q² − σ_p² > 0, else ∞.

    >>> round(chi_square_normal(Normal(0, 1), Normal(1, 1)), 6)
    1.718282
    """
    spread = 2 * q.std**2 - p.std**2
    exponent = (p.mean - q.mean) ** 2 / spread if spread > 0 else math.inf
    if exponent > 700:  # beyond the largest floating-point number
        return math.inf
    return q.std**2 / (p.std * math.sqrt(spread)) * math.exp(exponent) - 1


def hellinger_normal(p: Normal, q: Normal) -> float:
    """Squared Hellinger distance 1 − √(2σ_pσ_q/(σ_p² + σ_q²)) exp(−(μ_p − μ_q)²/(4(σ_p² + σ_q²))).

    >>> round(hellinger_normal(Normal(0, 1), Normal(2, 1)), 6)
    0.393469
    """
    total = p.std**2 + q.std**2
    overlap = math.sqrt(2 * p.std * q.std / total) * math.exp(-((p.mean - q.mean) ** 2) / (4 * total))
    return 1 - overlap


def total_variation_normal(p: Normal, q: Normal) -> float:
    """½∫|p − q|, from the probabilities between the one or two points where the densities cross.

    >>> round(total_variation_normal(Normal(0, 1), Normal(1, 1)), 6)
    0.382925
    """
    if p == q:
        return 0.0
    # log p − log q is a parabola a x² + b x + c
    a = (1 / q.std**2 - 1 / p.std**2) / 2
    b = p.mean / p.std**2 - q.mean / q.std**2
    c = (q.mean / q.std) ** 2 / 2 - (p.mean / p.std) ** 2 / 2 + math.log(q.std / p.std)
    crossings = [-c / b] if p.std == q.std else sorted(np.roots([a, b, c]).real)
    ends = np.array([-np.inf, *crossings, np.inf])
    gaps = np.diff(stats.norm.cdf(ends, p.mean, p.std)) - np.diff(stats.norm.cdf(ends, q.mean, q.std))
    return float(np.abs(gaps).sum() / 2)


def wasserstein_1_normal(p: Normal, q: Normal) -> float:
    """W₁ = E|μ_p − μ_q + (σ_p − σ_q)Z|, the mean of a folded normal; |μ_p − μ_q| at equal widths.

    >>> round(wasserstein_1_normal(Normal(0, 1), Normal(0, 2)), 10)
    0.7978845608
    """
    gap, spread = abs(p.mean - q.mean), abs(p.std - q.std)
    if spread == 0:
        return gap
    ratio = gap / spread
    return float(
        spread * math.sqrt(2 / math.pi) * math.exp(-(ratio**2) / 2) + gap * (1 - 2 * stats.norm.cdf(-ratio))
    )


def wasserstein_2_normal(p: Normal, q: Normal) -> float:
    """W₂ = √((μ_p − μ_q)² + (σ_p − σ_q)²); its square is the Fréchet distance of one feature.

    >>> wasserstein_2_normal(Normal(0, 1), Normal(3, 5))
    5.0
    """
    return math.hypot(p.mean - q.mean, p.std - q.std)
