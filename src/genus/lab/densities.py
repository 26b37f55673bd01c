"""Estimating a density from samples: histogram and kernels, against the density that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from genus.core.registry import lab
from genus.lab.density_estimates import (
    bin_width,
    held_out_bandwidth,
    histogram_density,
    kernel_density,
    silverman,
)
from genus.lab.findings import Check, Findings, require
from genus.lab.normal import Mixture, mixture
from genus.lab.style import BLACK, BLUE, GREEN, GREY, SKY, VERMILION, label

Array = NDArray[np.float64]


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
    found = _estimate(values, target, bandwidths)
    return Findings(
        numbers=_numbers(found),
        checks=_checks(values, found, target.std),
        draw=_draw(values, found),
        size=(13.5, 4.6),
    )


@dataclass(frozen=True, kw_only=True)
class _Estimates:
    """Histogram and kernel densities of samples, beside the true density.

    Args:
        x: where densities are compared, equally spaced ``(m,)``.
        truth: the true density there.
        bin_width: of the histogram.
        edges: of its bins.
        bars: its density in each bin.
        rule: Silverman's bandwidth.
        held_out: the bandwidth by leaving one out.
        curves: kernel densities ``(m,)`` at these two bandwidths, by name.
        tried: all bandwidths that were tried.
        errors: integrated squared error of each.
    """

    x: Array
    truth: Array
    bin_width: float
    edges: Array
    bars: Array
    rule: float
    held_out: float
    curves: dict[str, Array]
    tried: Array
    errors: Array

    def error(self, density: Array) -> float:
        """Integrated squared error of a density ``(m,)``."""
        return float(((density - self.truth) ** 2).sum() * self.step)

    @property
    def step(self) -> float:
        """Distance between two neighbours of ``x``."""
        return float(self.x[1] - self.x[0])

    @property
    def histogram(self) -> Array:
        """The histogram's density at ``x``."""
        inside = np.clip(np.searchsorted(self.edges, self.x, side="right") - 1, 0, len(self.bars) - 1)
        return np.where((self.x >= self.edges[0]) & (self.x <= self.edges[-1]), self.bars[inside], 0.0)


def _estimate(values: Array, target: Mixture, bandwidths: int) -> _Estimates:
    x = np.linspace(target.mean - 6 * target.std, target.mean + 6 * target.std, 1601)
    step, truth = float(x[1] - x[0]), target.density(x)
    wide = bin_width(values)
    edges = np.arange(values.min() - wide / 2, values.max() + wide, wide)
    rule = silverman(values)
    tried = rule * np.geomspace(0.05, 5, bandwidths)
    estimates = [kernel_density(values, x, float(h)) for h in tried]
    held_out = held_out_bandwidth(values, tried)
    return _Estimates(
        x=x,
        truth=truth,
        bin_width=wide,
        edges=edges,
        bars=histogram_density(values, edges),
        rule=rule,
        held_out=held_out,
        curves={
            "Silverman": kernel_density(values, x, rule),
            "leaving one out": kernel_density(values, x, held_out),
        },
        tried=tried,
        errors=np.array([float(((found - truth) ** 2).sum() * step) for found in estimates]),
    )


def _numbers(found: _Estimates) -> dict[str, Any]:
    return {
        "bin width": found.bin_width,
        "Silverman's bandwidth": found.rule,
        "bandwidth by leaving one out": found.held_out,
        "best bandwidth": float(found.tried[found.errors.argmin()]),
        "integrated squared error": {
            "histogram": found.error(found.histogram),
            **{name: found.error(curve) for name, curve in found.curves.items()},
            "best": float(found.errors.min()),
        },
        "bandwidths": found.tried,
        "errors": found.errors,
    }


def _checks(values: Array, found: _Estimates, std: float) -> list[Check]:
    at_rule, chosen = found.curves.values()
    reference = stats.gaussian_kde(values, bw_method="silverman")(found.x)
    numpys = np.histogram(values, found.edges, density=True)[0]
    return [
        Check(
            name="kernel density, largest difference to SciPy",
            value=float(np.abs(at_rule - reference).max()),
            expected=0.0,
            tolerance=1e-9,
        ),
        Check(
            name="histogram, largest difference to NumPy",
            value=float(np.abs(found.bars - numpys).max()),
            expected=0.0,
            tolerance=1e-9,
        ),
        Check(
            name="histogram's integral",
            value=float(found.bars @ np.diff(found.edges)),
            expected=1.0,
            tolerance=1e-9,
        ),
        Check(
            name="kernel density's integral",
            value=float(chosen.sum() * found.step),
            expected=1.0,
            tolerance=1e-3,
        ),
        # a Gaussian kernel adds its variance to that of the samples
        Check(
            name="kernel density's variance, s² + h²",
            value=_variance(found.x, chosen),
            expected=float(values.var()) + found.held_out**2,
            tolerance=0.01 * std**2,
        ),
    ]


def _variance(x: Array, density: Array) -> float:
    share = density / density.sum()
    return float(share @ (x - share @ x) ** 2)


def _draw(values: Array, found: _Estimates) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        blocks, bumps, curve = figure.subplots(1, 3)
        blocks.stairs(found.bars, found.edges, fill=True, color=SKY, label="histogram")
        for (name, density), colour, dash in zip(
            found.curves.items(), (VERMILION, BLUE), ("--", "-"), strict=True
        ):
            bumps.plot(found.x, density, dash, color=colour, label=name)
        for axes in (blocks, bumps):
            axes.plot(found.x, found.truth, color=BLACK, lw=1.4, label="true density")
            axes.set_xlim(found.edges[0] - 0.5, found.edges[-1] + 0.5)
            axes.set_ylim(0, 1.45 * found.truth.max())
            axes.legend(loc="upper right")
        bumps.plot(values, np.full(len(values), -0.0), "|", color=GREY, alpha=0.3, ms=12)
        label(blocks, f"Histogram of {len(values)} samples", "x", "density")
        label(bumps, "Kernel density", "x", "density")
        curve.semilogx(found.tried, found.errors, color=GREEN, label="error")
        curve.axvline(found.rule, color=VERMILION, ls="--", label="Silverman")
        curve.axvline(found.held_out, color=BLUE, label="leaving one out")
        curve.set_ylim(0, 1.4 * found.errors.max())
        curve.legend(loc="upper left")
        label(curve, "Too narrow: variance; too wide: bias", "bandwidth", "integrated squared error")

    return draw
