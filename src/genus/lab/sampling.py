"""Samples from a density: inverse CDF, rejection, Metropolis, Langevin and Gibbs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from genus.core.registry import lab
from genus.lab.chains import autocorrelation, effective_sample_size, gibbs_normal, langevin, metropolis
from genus.lab.findings import Check, Findings, require
from genus.lab.normal import Mixture, mixture
from genus.lab.samplers import Box, Drawn, draw_all
from genus.lab.style import BLACK, BLUE, COLOURS, DASHES, GREY, SKY, VERMILION, label

Array = NDArray[np.float64]

KOLMOGOROV = 1.9495
"""√n times the Kolmogorov-Smirnov distance exceeds this in one of a thousand correct samples."""


@lab("sampling", paper="doi:10.1023/A:1020281327116")
def sampling(
    *,
    weights: Sequence[float] = (0.3, 0.7),
    means: Sequence[float] = (-1.0, 2.0),
    stds: Sequence[float] = (0.5, 1.0),
    steps: int = 1500,
    chains: int = 128,
    width: float = 2.5,
    step: float = 0.1,
    correlation: float = 0.9,
    seed: int = 0,
) -> Findings:
    """Five samplers on known densities: distances from the truth, acceptance, effective sample size.

    Four draw from a Gaussian mixture, Gibbs from two correlated Gaussians. Effective sample
    sizes let one Kolmogorov-Smirnov test judge independent samples and chains alike.

    Args:
        weights: of the mixture's components, > 0.
        means: of the components.
        stds: of the components, > 0.
        steps: samples kept per chain, >= 200.
        chains: parallel chains, >= 2.
        width: standard deviation of Metropolis' proposals, > 0.
        step: ε of Langevin's steps, > 0; large ones are biased.
        correlation: of the Gaussians that Gibbs draws, in (−1, 1).
        seed: of all randomness.
    """
    target = mixture(weights, means, stds)
    require(steps >= 200 and chains >= 2, "give 200 steps or more and two chains or more")
    require(width > 0 and step > 0, "width and step must be above 0")
    require(-1 < correlation < 1, f"correlation={correlation:g}: must be between -1 and 1")
    rng = np.random.default_rng(seed)
    found, box = draw_all(target, steps, chains, width, step, rng)
    burn = steps // 4
    pairs = gibbs_normal(correlation, 4 * rng.standard_normal((chains, 2)), steps + burn, rng)[burn:]
    normal, _ = langevin(lambda x: -x, rng.standard_normal(chains), steps, 0.5, rng)
    _, accepted = metropolis(lambda x: -x * x / 2, rng.standard_normal(chains), steps, width, rng)
    gibbs_size = effective_sample_size(pairs[:, :, 0])
    distances = {
        name: float(stats.kstest(drawn.states.ravel(), target.cumulative).statistic)
        for name, drawn in found.items()
    }
    return Findings(
        numbers={
            "samples of each": steps * chains,
            "true mean": target.mean,
            "true std": target.std,
            **_numbers(found, distances),
            "Gibbs": {"correlation": _correlation(pairs), "effective samples": gibbs_size},
        },
        checks=[
            *_distance_checks(target, found, distances),
            *_box_checks(found["rejection"], box, target),
            *_chain_checks(correlation, pairs, gibbs_size, normal, accepted, width),
        ],
        draw=_draw(target, found, box, pairs, correlation, step),
        size=(13.0, 7.6),
    )


def _numbers(found: dict[str, Drawn], distances: dict[str, float]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "KS distance": distances[name],
            "mean": float(drawn.states.mean()),
            "std": float(drawn.states.std()),
            "accepted": drawn.accepted,
            "effective samples": drawn.effective,
        }
        for name, drawn in found.items()
    }


def _distance_checks(target: Mixture, found: dict[str, Drawn], distances: dict[str, float]) -> list[Check]:
    checks: list[Check] = []
    for name, drawn in found.items():
        scaled = math.sqrt(drawn.effective) * distances[name]
        checks.append(
            Check(name=f"{name}: KS distance × √ESS", value=scaled, expected=KOLMOGOROV, relation="≤")
        )
        error = target.std / math.sqrt(drawn.effective)
        mean = float(drawn.states.mean())
        checks.append(Check(name=f"{name}: mean", value=mean, expected=target.mean, tolerance=4 * error))
    return checks


def _box_checks(drawn: Drawn, box: Box, target: Mixture) -> list[Check]:
    inside = float(np.diff(target.cumulative(np.array([box.left, box.right])))[0])
    share = inside / (box.height * (box.right - box.left))
    error = math.sqrt(share * (1 - share) / (drawn.states.size / share))
    return [Check(name="rejection: accepted", value=drawn.accepted, expected=share, tolerance=4 * error)]


def _chain_checks(
    correlation: float, pairs: Array, gibbs_size: float, normal: Array, accepted: float, width: float
) -> list[Check]:
    n, rho = pairs[:, :, 0].size, correlation**2
    measured = _correlation(pairs)
    worth = n * (1 - rho) / (1 + rho)
    return [
        Check(
            name="Gibbs: correlation",
            value=measured,
            expected=correlation,
            tolerance=4 * (1 - rho) / math.sqrt(worth),
        ),
        Check(
            name="Gibbs: effective samples",
            value=gibbs_size,
            expected=worth,
            tolerance=0.15 * worth,
        ),
        # x' = (1 − ε/2) x + √ε z has the variance ε/(1 − (1 − ε/2)²)
        Check(
            name="Langevin with ε = ½ on N(0, 1): variance",
            value=float(normal.var()),
            expected=8 / 7,
            tolerance=4 * 8 / 7 * math.sqrt(2 / effective_sample_size(normal**2)),
        ),
        Check(
            name="Metropolis on N(0, 1): accepted",
            value=accepted,
            expected=2 / math.pi * math.atan(2 / width),
            tolerance=0.02,
        ),
    ]


def _correlation(pairs: Array) -> float:
    x, y = (pairs - pairs.mean((0, 1))).reshape(-1, 2).T
    return float((x * y).mean() / (x.std() * y.std()))


def _draw(
    target: Mixture,
    found: dict[str, Drawn],
    box: Box,
    pairs: Array,
    correlation: float,
    step: float,
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        (inverse, thrown, walk), (drift, gibbs, mixing) = figure.subplots(2, 3)
        x = np.linspace(target.mean - 4 * target.std, target.mean + 4 * target.std, 500)
        histograms = {"inverse CDF": inverse, "Metropolis": walk, "Langevin": drift}
        for name, axes in histograms.items():
            axes.hist(
                found[name].states.ravel(), 80, range=(x[0], x[-1]), density=True, color=SKY, label="samples"
            )
            axes.plot(x, target.density(x), color=BLACK, lw=1.6, label="p")
            axes.set_ylim(0, 1.35 * target.density(x).max())
            axes.legend(loc="upper left", ncols=2)
        label(inverse, "Inverse CDF: x = F⁻¹(u)", "x", "density")
        label(walk, f"Metropolis: {found['Metropolis'].accepted:.0%} accepted", "x", "density")
        label(drift, f"Langevin, ε = {step:g}, not corrected", "x", "density")
        points = box.throws
        below = points[:, 1] < target.density(points[:, 0])
        thrown.plot(*points[~below].T, "x", color=GREY, ms=3, label="rejected")
        thrown.plot(*points[below].T, ".", color=BLUE, ms=4, label="accepted")
        thrown.plot(x, target.density(x), color=BLACK, lw=1.6)
        thrown.set_ylim(0, box.height * 1.25)
        thrown.legend(loc="upper left", ncols=2, markerscale=2)
        label(thrown, f"Rejection: {found['rejection'].accepted:.0%} accepted", "x", "y")
        gibbs.plot(*pairs[::20].reshape(-1, 2)[:2000].T, ".", color=SKY, ms=3, label="samples")
        corners = np.repeat(pairs[:12, 0], 2, axis=0)
        gibbs.plot(
            corners[1:, 0], corners[:-1, 1], "-", color=VERMILION, lw=1.4, label="one chain, 12 sweeps"
        )
        gibbs.set_ylim(-4, 5.5)
        gibbs.legend(loc="upper left", markerscale=3)
        label(gibbs, f"Gibbs: correlation {correlation:g}", "x", "y")
        chains = {
            "Metropolis": found["Metropolis"].states,
            "Langevin": found["Langevin"].states,
            "Gibbs": pairs[:, :, 0],
        }
        for i, (name, states) in enumerate(chains.items()):
            size = effective_sample_size(states) / states.size
            mixing.plot(
                autocorrelation(states, 60), ls=DASHES[i], color=COLOURS[i], label=f"{name}: ESS {size:.1%}"
            )
        mixing.axhline(0, color=GREY, lw=1)
        mixing.legend()
        label(mixing, "How long a chain remembers", "steps", "autocorrelation")

    return draw
