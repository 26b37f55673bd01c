"""f-divergences and the Wasserstein distance of densities on a grid, or of probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from genus.core.errors import InputError, nearest
from genus.lab.findings import require

Array = NDArray[np.float64]


class ConvexGenerator(NamedTuple):
    """A convex function f with f(1) = 0, which makes D_f(p ‖ q) = ∫ q f(p/q).

    Args:
        formula: as printed.
        f: of a ratio > 0.
        at_zero: f(0), the price of what q has and p lacks.
        slope: lim f(r)/r for r → ∞, the price of what p has and q lacks.
        value: what D_f is in the usual words.
    """

    formula: str
    f: Callable[[Array], Array]
    at_zero: float
    slope: float
    value: str


GENERATORS: Mapping[str, ConvexGenerator] = {
    "kl": ConvexGenerator("r log r − r + 1", lambda r: xlogy(r, r) - r + 1, 1.0, math.inf, "KL(p ‖ q)"),
    "reverse-kl": ConvexGenerator("−log r + r − 1", lambda r: r - 1 - np.log(r), math.inf, 1.0, "KL(q ‖ p)"),
    "chi-square": ConvexGenerator(
        "½(r − 1)²", lambda r: (r - 1) ** 2 / 2, 0.5, math.inf, "half of Pearson's χ²"
    ),
    "hellinger": ConvexGenerator("2(√r − 1)²", lambda r: 2 * (np.sqrt(r) - 1) ** 2, 2.0, 2.0, "4 H²"),
    "l1": ConvexGenerator("|r − 1|", lambda r: np.abs(r - 1), 1.0, 1.0, "twice the total variation"),
    "js": ConvexGenerator(
        "r log r − (r + 1) log((r + 1)/2)",
        lambda r: xlogy(r, r) - (r + 1) * np.log((r + 1) / 2),
        math.log(2),
        math.log(2),
        "2 JSD",
    ),
}
"""The f-divergences of the lectures, in their scaling."""


def f_divergence(name: str, p: ArrayLike, q: ArrayLike, *, step: float = 1.0) -> float:
    r"""Any f-divergence of densities on a grid, or of probabilities, in nats.

    .. math:: D_f(p \| q) = \int q(x)\, f\!\left(\frac{p(x)}{q(x)}\right) dx

    Where q is 0 the limit is taken: p times the slope of f at infinity.

    Args:
        name: key of :data:`GENERATORS`.
        p: densities at grid points, or probabilities, ``(n,)``, >= 0.
        q: likewise.
        step: distance of grid points; 1 for probabilities.

    Raises:
        InputError: for an unknown name or negative densities.

    >>> round(f_divergence("kl", [0.16, 0.48, 0.36][::-1], [1 / 3] * 3), 7)
    0.0852996
    """
    if name not in GENERATORS:
        raise InputError(f"there is no f-divergence {name!r}{nearest(name, GENERATORS)}")
    chosen = GENERATORS[name]
    a, b = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    require(bool((a >= 0).all() and (b >= 0).all()), "densities cannot be negative")
    both, only_p, only_q = (a > 0) & (b > 0), (a > 0) & (b == 0), (a == 0) & (b > 0)
    with np.errstate(over="ignore"):  # far beyond floating point the sum is infinite, and said to be
        total = float((b[both] * chosen.f(a[both] / b[both])).sum())
    if only_p.any():
        total += chosen.slope * float(a[only_p].sum())
    if only_q.any():
        total += chosen.at_zero * float(b[only_q].sum())
    return total * step


def kl_divergence(p: ArrayLike, q: ArrayLike, *, step: float = 1.0) -> float:
    """KL(p ‖ q) = ∫ p log(p/q) in nats; infinite when p has what q lacks.

    >>> kl_divergence([0.5, 0.5], [1.0, 0.0])
    inf
    """
    return f_divergence("kl", p, q, step=step)


def js_divergence(p: ArrayLike, q: ArrayLike, *, step: float = 1.0) -> float:
    """JSD = ½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q)/2, in nats; at most log 2.

    >>> round(js_divergence([1, 0], [0, 1]) / math.log(2), 6)
    1.0
    """
    return f_divergence("js", p, q, step=step) / 2


def total_variation(p: ArrayLike, q: ArrayLike, *, step: float = 1.0) -> float:
    """½∫|p − q|, the best advantage of any discriminator over guessing; in [0, 1]."""
    return f_divergence("l1", p, q, step=step) / 2


def chi_square(p: ArrayLike, q: ArrayLike, *, step: float = 1.0) -> float:
    """Pearson's ∫(p − q)²/q."""
    return 2 * f_divergence("chi-square", p, q, step=step)


def squared_hellinger(p: ArrayLike, q: ArrayLike, *, step: float = 1.0) -> float:
    """H² = ½∫(√p − √q)², in [0, 1]."""
    return f_divergence("hellinger", p, q, step=step) / 4


def wasserstein_1(p: ArrayLike, q: ArrayLike, *, step: float = 1.0) -> float:
    """W₁ = ∫|F − G|, the area between the cumulative distributions, for points on a line.

    Args:
        p: densities at equally spaced points, or probabilities, ``(n,)``.
        q: likewise, of the same sum.
        step: distance of the points; probabilities at points that far apart give W₁/step.
    """
    gaps = np.cumsum(np.asarray(p, dtype=np.float64) - np.asarray(q, dtype=np.float64)) * step
    return float(np.abs(gaps).sum() * step)
