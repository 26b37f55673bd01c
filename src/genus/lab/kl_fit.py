"""A Gaussian fitted to a density with two modes: forward KL covers both, reverse KL picks one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import optimize, stats

from genus.core.registry import lab
from genus.lab.findings import Check, Findings, require
from genus.lab.normal import Mixture, Normal, mixture
from genus.lab.style import BLUE, GREY, ORANGE, VERMILION, label

Array = NDArray[np.float64]
Direction = Literal["forward", "reverse"]

_NODES = np.linspace(-9, 9, 721)
"""Quadrature points in standard deviations."""


def kl_of_fit(target: Mixture, fit: Normal, direction: Direction) -> float:
    """KL(p ‖ q), ``forward``, or KL(q ‖ p), ``reverse``, of a mixture p and a Gaussian q, in nats.

    By the trapezoidal rule on points that follow the distribution over which is averaged.

    Args:
        target: p.
        fit: q.
        direction: which of both.
    """
    if direction == "reverse":
        x = fit.mean + fit.std * _NODES
        return float(np.trapezoid(_density(fit, x) * (_log_density(fit, x) - target.log_density(x)), x))
    total = 0.0
    for weight, mean, std in zip(*target, strict=True):
        x = mean + std * _NODES
        gap = target.log_density(x) - _log_density(fit, x)
        total += weight * float(np.trapezoid(stats.norm.pdf(x, mean, std) * gap, x))
    return total


def fit_normal(target: Mixture, direction: Direction, start: Normal) -> Normal:
    """The Gaussian at the end of a descent of the KL divergence.

    Args:
        target: p.
        direction: ``forward`` minimises KL(p ‖ q), ``reverse`` KL(q ‖ p).
        start: q at first; reverse KL has a minimum for each mode that is far from the others.
    """
    solved = optimize.minimize(
        lambda w: kl_of_fit(target, Normal(float(w[0]), math.exp(w[1])), direction),
        [start.mean, math.log(start.std)],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000},
    )
    return Normal(float(solved.x[0]), math.exp(solved.x[1]))


def best_fit(target: Mixture, direction: Direction) -> Normal:
    """The best Gaussian among descents from each mode and from the whole of p."""
    starts = [Normal(m, s) for m, s in zip(target.means, target.stds, strict=True)]
    fits = [fit_normal(target, direction, start) for start in (*starts, Normal(target.mean, target.std))]
    return min(fits, key=lambda fit: kl_of_fit(target, fit, direction))


def moment_match(target: Mixture) -> Normal:
    """Forward KL in closed form: mean and variance of p.

    KL(p ‖ q) = const − E_p log q, which a Gaussian q maximises with the moments of p.
    """
    return Normal(target.mean, target.std)


def mode_cover(target: Mixture, fit: Normal) -> list[float]:
    """Mass that q puts within two standard deviations of each mode of p."""
    return [
        float(np.diff(stats.norm.cdf([m - 2 * s, m + 2 * s], fit.mean, fit.std))[0])
        for m, s in zip(target.means, target.stds, strict=True)
    ]


def _density(fit: Normal, x: Array) -> Array:
    return stats.norm.pdf(x, fit.mean, fit.std)


def _log_density(fit: Normal, x: Array) -> Array:
    return stats.norm.logpdf(x, fit.mean, fit.std)


@lab("kl-fit", paper="Bishop, Pattern Recognition and Machine Learning (2006), 10.1")
def kl_fit(
    *,
    weights: Sequence[float] = (0.65, 0.35),
    means: Sequence[float] = (-2.0, 2.5),
    stds: Sequence[float] = (0.6, 0.8),
    start: tuple[float, float] = (1.0, 1.5),
) -> Findings:
    """A Gaussian fitted to a two-mode density: forward KL seeks the mean, reverse KL a mode.

    Args:
        weights: of the modes, > 0; they are scaled to sum 1.
        means: of the modes.
        stds: of the modes, > 0.
        start: mean and standard deviation of the Gaussian before the fit, for the figure.
    """
    target = mixture(weights, means, stds)
    require(len(target.weights) >= 2, "give two modes or more")
    require(start[1] > 0, f"start: the standard deviation {start[1]:g} must be above 0")
    first = Normal(*start)
    fits: dict[Direction, Normal] = {kind: best_fit(target, kind) for kind in ("forward", "reverse")}
    cover: dict[Direction, list[float]] = {kind: mode_cover(target, fit) for kind, fit in fits.items()}
    nearest = int(np.argmin(np.abs(np.subtract(target.means, fits["reverse"].mean))))
    return Findings(
        numbers={
            kind: {
                "mean": fit.mean,
                "std": fit.std,
                "KL(p‖q)": kl_of_fit(target, fit, "forward"),
                "KL(q‖p)": kl_of_fit(target, fit, "reverse"),
                "mass at each mode": cover[kind],
            }
            for kind, fit in fits.items()
        },
        checks=_checks(target, fits, cover, nearest),
        draw=_draw(target, first, fits),
        size=(13.5, 4.4),
    )


def _checks(
    target: Mixture, fits: dict[Direction, Normal], cover: dict[Direction, list[float]], nearest: int
) -> list[Check]:
    matched, reverse = moment_match(target), fits["reverse"]
    checks = [
        Check(
            name="forward: mean is that of p",
            value=fits["forward"].mean,
            expected=matched.mean,
            tolerance=1e-5,
        ),
        Check(
            name="forward: std is that of p", value=fits["forward"].std, expected=matched.std, tolerance=1e-5
        ),
    ]
    mean, std = target.means[nearest], target.stds[nearest]
    others = [i for i in range(len(target.means)) if i != nearest]
    apart = min(abs(target.means[i] - mean) / (std + target.stds[i]) for i in others)
    if apart < 2.5:  # the modes overlap: there is nothing to separate
        return checks
    at_mode, elsewhere = cover["reverse"][nearest], sum(cover["reverse"][i] for i in others)
    return [
        *checks,
        Check(name="forward: least mass at a mode", value=min(cover["forward"]), expected=0.05, relation="≥"),
        Check(name="reverse: mass at its mode", value=at_mode, expected=0.94, relation="≥"),
        Check(name="reverse: mass at the others", value=elsewhere, expected=0.01, relation="≤"),
        # far from the other modes p = w N(μ, σ²), and KL(N(μ, σ²) ‖ p) = −log w
        Check(
            name="reverse: KL is −log of the mode's weight", value=kl_of_fit(target, reverse, "reverse"),
            expected=-math.log(target.weights[nearest]), tolerance=0.02,
        ),
    ]  # fmt: skip


def _draw(target: Mixture, first: Normal, fits: dict[Direction, Normal]) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        *fitted, landscape = figure.subplots(1, 3)
        reach = 4 * target.std
        x = np.linspace(target.mean - reach, target.mean + reach, 600)
        titles = {"forward": "Forward KL(p‖q): mean-seeking", "reverse": "Reverse KL(q‖p): mode-seeking"}
        for axes, (kind, fit) in zip(fitted, fits.items(), strict=True):
            axes.fill_between(x, target.density(x), color=GREY, alpha=0.4, lw=0, label="p")
            axes.plot(x, first.density(x), color=ORANGE, ls="--", label="q before")
            axes.plot(x, fit.density(x), color=BLUE, label="q fitted")
            axes.set_ylim(0, 1.45 * max(target.density(x).max(), fit.density(x).max()))
            axes.legend(loc="upper right")
            label(axes, titles[kind], "x", "density")
        centres = np.linspace(min(target.means) - 1.5, max(target.means) + 1.5, 200)
        looks = {"forward": (VERMILION, "--"), "reverse": (BLUE, "-")}
        for kind, fit in fits.items():
            colour, dash = looks[kind]
            width = fit.std
            values = [kl_of_fit(target, Normal(float(m), width), kind) for m in centres]
            name = f"{titles[kind].split(':')[0]}, std {width:.2g}"
            landscape.plot(centres, values, dash, color=colour, label=name)
            landscape.plot(fit.mean, kl_of_fit(target, fit, kind), "o", color=colour, ms=8)
        landscape.set_ylim(bottom=0)
        landscape.set_ylim(top=landscape.get_ylim()[1] * 1.3)
        landscape.legend(loc="upper right")
        label(landscape, "What is minimised", "mean of q", "divergence in nats")

    return draw
