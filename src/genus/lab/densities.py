"""Estimating a density from samples: histogram and kernels, against the density that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from genus.core.registry import lab
from genus.lab.findings import Check, Findings, require
from genus.lab.normal import mixture
from genus.lab.style import BLACK, BLUE, GREEN, GREY, SKY, VERMILION, label

Array = NDArray[np.float64]


def histogram_density(values: ArrayLike, edges: ArrayLike) -> Array:
    """Density of each bin, count / (n · width), ``(bins,)``.

    Args:
        values: ``(n,)``; those outside the edges count in n.
        edges: increasing, ``(bins + 1,)``.
    """
    x, e = np.sort(np.asarray(values, dtype=np.float64)), np.asarray(edges, dtype=np.float64)
    below = np.searchsorted(x, e[:-1], side="left")
    above = np.append(np.searchsorted(x, e[1:-1], side="left"), np.searchsorted(x, e[-1], side="right"))
    return (above - below) / (len(x) * np.diff(e))


def bin_width(values: ArrayLike) -> float:
    """Freedman and Diaconis' width, 2 IQR n^(−1/3).

    Paper: doi:10.1007/BF01025868.
    """
    x = np.asarray(values, dtype=np.float64)
    low, high = np.percentile(x, [25, 75])
    return 2 * float(high - low) * len(x) ** (-1 / 3)


def kernel_density(values: ArrayLike, x: ArrayLike, bandwidth: float) -> Array:
    r"""Mean of Gaussian bumps on the samples, :math:`\frac1n \sum_i N(x; x_i, h^2)`.

    Args:
        values: samples ``(n,)``.
        x: where, ``(m,)``.
        bandwidth: h > 0.
    """
    points, where = np.asarray(values, dtype=np.float64), np.asarray(x, dtype=np.float64)
    parts = [stats.norm.pdf(part[:, None], points, bandwidth).mean(1) for part in np.array_split(where, 16)]
    return np.concatenate(parts)


def silverman(values: ArrayLike) -> float:
    """Silverman's bandwidth, (4/3)^(1/5) σ n^(−1/5): the best one if the density were Gaussian.

    Paper: Silverman, Density Estimation for Statistics and Data Analysis (1986).
    """
    x = np.asarray(values, dtype=np.float64)
    return (4 / 3) ** 0.2 * float(x.std(ddof=1)) * len(x) ** -0.2


def held_out_bandwidth(values: ArrayLike, candidates: ArrayLike) -> float:
    """The bandwidth under which each sample is most likely given all others.

    Args:
        values: samples ``(n,)``.
        candidates: bandwidths > 0.
    """
    x = np.asarray(values, dtype=np.float64)
    squared = (x[:, None] - x) ** 2
    np.fill_diagonal(squared, np.inf)
    scores = [
        np.log(np.exp(-squared / (2 * h * h)).sum(1) / ((len(x) - 1) * h) + 1e-300).sum()
        for h in np.asarray(candidates, dtype=np.float64)
    ]
    return float(np.asarray(candidates)[int(np.argmax(scores))])


@lab("densities", paper="doi:10.1214/aoms/1177704472")
def densities(
    *,
    weights: Sequence[float] = (0.3, 0.7),
    means: Sequence[float] = (-1.0, 2.0),
    stds: Sequence[float] = (0.3, 1.0),
    samples: int = 1000,
    bandwidths: int = 40,
    seed: int = 0,
) -> Findings:
    """Histogram and kernel density of samples: how bin width and bandwidth trade bias for variance.

    Args:
        weights: of the Gaussians that the samples come from, > 0.
        means: of the Gaussians.
        stds: of the Gaussians, > 0.
        samples: drawn, 50 to 5000.
        bandwidths: tried, >= 5.
        seed: of the samples.
    """
    target = mixture(weights, means, stds)
    require(50 <= samples <= 5000, f"samples={samples}: must be 50 to 5000")
    require(bandwidths >= 5, f"bandwidths={bandwidths}: 5 or more")
    values = target.sample(samples, np.random.default_rng(seed))
    x = np.linspace(target.mean - 6 * target.std, target.mean + 6 * target.std, 1601)
    step, truth = float(x[1] - x[0]), target.density(x)
    wide = bin_width(values)
    edges = np.arange(values.min() - wide / 2, values.max() + wide, wide)
    bars = histogram_density(values, edges)
    rule = silverman(values)
    tried = rule * np.geomspace(0.05, 5, bandwidths)
    estimates = [kernel_density(values, x, float(h)) for h in tried]
    errors = np.array([float(((found - truth) ** 2).sum() * step) for found in estimates])
    held_out = held_out_bandwidth(values, tried)
    reference = stats.gaussian_kde(values, bw_method="silverman")(x)
    at_rule, chosen = kernel_density(values, x, rule), kernel_density(values, x, held_out)
    inside = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(bars) - 1)
    blocks = np.where((x >= edges[0]) & (x <= edges[-1]), bars[inside], 0.0)
    return Findings(
        numbers={
            "bin width": wide,
            "Silverman's bandwidth": rule,
            "bandwidth by leaving one out": held_out,
            "best bandwidth": float(tried[errors.argmin()]),
            "integrated squared error": {
                "histogram": float(((blocks - truth) ** 2).sum() * step),
                "Silverman": float(((at_rule - truth) ** 2).sum() * step),
                "leaving one out": float(((chosen - truth) ** 2).sum() * step),
                "best": float(errors.min()),
            },
            "bandwidths": tried,
            "errors": errors,
        },
        checks=[
            Check(
                name="kernel density, largest difference to SciPy",
                value=float(np.abs(at_rule - reference).max()),
                expected=0.0,
                tolerance=1e-9,
            ),
            Check(
                name="histogram, largest difference to NumPy",
                value=float(np.abs(bars - np.histogram(values, edges, density=True)[0]).max()),
                expected=0.0,
                tolerance=1e-9,
            ),
            Check(
                name="histogram's integral", value=float(bars @ np.diff(edges)), expected=1.0, tolerance=1e-9
            ),
            Check(
                name="kernel density's integral",
                value=float(chosen.sum() * step),
                expected=1.0,
                tolerance=1e-3,
            ),
            # a Gaussian kernel adds its variance to that of the samples
            Check(
                name="kernel density's variance, s² + h²",
                value=_variance(x, chosen),
                expected=float(values.var()) + held_out**2,
                tolerance=0.01 * target.std**2,
            ),
        ],
        draw=_draw(
            values,
            x,
            truth,
            edges,
            bars,
            {"Silverman": at_rule, "leaving one out": chosen},
            tried,
            errors,
            rule,
            held_out,
        ),
        size=(13.5, 4.6),
    )


def _variance(x: Array, density: Array) -> float:
    share = density / density.sum()
    return float(share @ (x - share @ x) ** 2)


def _draw(
    values: Array,
    x: Array,
    truth: Array,
    edges: Array,
    bars: Array,
    curves: dict[str, Array],
    tried: Array,
    errors: Array,
    rule: float,
    held_out: float,
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        blocks, bumps, curve = figure.subplots(1, 3)
        blocks.stairs(bars, edges, fill=True, color=SKY, label="histogram")
        for (name, found), colour, dash in zip(curves.items(), (VERMILION, BLUE), ("--", "-"), strict=True):
            bumps.plot(x, found, dash, color=colour, label=name)
        for axes in (blocks, bumps):
            axes.plot(x, truth, color=BLACK, lw=1.4, label="true density")
            axes.set_xlim(edges[0] - 0.5, edges[-1] + 0.5)
            axes.set_ylim(0, 1.45 * truth.max())
            axes.legend(loc="upper right")
        bumps.plot(values, np.full(len(values), -0.0), "|", color=GREY, alpha=0.3, ms=12)
        label(blocks, f"Histogram of {len(values)} samples", "x", "density")
        label(bumps, "Kernel density", "x", "density")
        curve.semilogx(tried, errors, color=GREEN, label="error")
        curve.axvline(rule, color=VERMILION, ls="--", label="Silverman")
        curve.axvline(held_out, color=BLUE, label="leaving one out")
        curve.set_ylim(0, 1.4 * errors.max())
        curve.legend(loc="upper left")
        label(curve, "Too narrow: variance; too wide: bias", "bandwidth", "integrated squared error")

    return draw
