"""Bounds of the Wasserstein distance of two sets of images, and a critic's estimate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genus.core.registry import lab
from genus.data.digits import digits28
from genus.lab.findings import Check, Findings, require
from genus.lab.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, label
from genus.lab.transport_bounds import Bounds, CriticBound, critic_bound, mean_norm, sample_bounds
from genus.metrics.features import digit_net

Array = NDArray[np.float64]

_LINES = {
    "upper": ("W_N(P, Q), an upper bound", ORANGE, "^--"),
    "exact": ("W_N(P, Q) − min W_N", BLUE, "o-"),
    "lines": ("random lines, factor √n", VERMILION, "s-"),
    "sharp": ("random lines, factor 1/E|u·v|", GREEN, "D-"),
}


def gaussian_bounds(
    dimensions: int, shift: float, scale: float, sizes: Sequence[int], repeats: int, lines: int, seed: int
) -> dict[str, Array]:
    """Bounds between N(0, I) and N(μ, s² I) for samples of several sizes.

    Args:
        dimensions: n.
        shift: ‖μ‖.
        scale: s.
        sizes: N.
        repeats: independent experiments of each size.
        lines: random directions.
        seed: of everything.

    Returns:
        By field of :class:`~genus.lab.transport_bounds.Bounds`, ``(sizes, repeats)``.
    """
    rng = np.random.default_rng(seed)
    offset = np.zeros(dimensions)
    offset[0] = shift
    found = np.empty((len(sizes), repeats, len(Bounds._fields)))
    for i, size in enumerate(sizes):
        for j in range(repeats):
            p, again, q, q_again = rng.standard_normal((4, size, dimensions))
            found[i, j] = sample_bounds(
                p, again, scale * q + offset, scale * q_again + offset, lines=lines, seed=seed + j
            )
    return dict(zip(Bounds._fields, np.moveaxis(found, -1, 0), strict=True))


def digit_features(count: int) -> tuple[Array, NDArray[np.int64]]:
    """The 64 features of some of the embedded MNIST digits ``(count, 64)``, and their classes."""
    train = digits28().train
    batch = train.batch(np.arange(min(count, len(train))))
    with torch.no_grad():
        found = torch.cat([digit_net()(part)[0] for part in batch.x.split(250)])
    labels = train.spec.class_labels(batch.condition)
    assert labels is not None  # digits have classes
    return found.double().numpy(), labels.numpy()


def _critic_numbers(gp: CriticBound) -> dict[str, float]:
    return {"WGAN-GP critic's value": gp.value, "WGAN-GP critic, by measured slope": gp.measured}


@lab("wasserstein-bounds", paper="arXiv:1704.00028")
def wasserstein_bounds(
    *,
    dimensions: int = 16,
    shift: float = 2.0,
    scale: float = 2.0,
    sizes: Sequence[int] = (25, 50, 100, 200, 400),
    repeats: int = 8,
    lines: int = 500,
    digits: tuple[str, str] = ("02468", "13579"),
    examples: int = 400,
    hidden: Sequence[int] = (64, 64),
    iterations: int = 150,
    clip: float = 0.01,
    seed: int = 0,
) -> Findings:
    """Bounds of the Wasserstein distance from samples, on Gaussians where it is known and on digits.

    Args:
        dimensions: of the Gaussians, >= 2.
        shift: between the means of two Gaussians of equal width, > 0.
        scale: width of the second of two Gaussians around one mean, > 0, not 1.
        sizes: samples of each distribution, >= 2 each.
        repeats: experiments of each size, >= 3.
        lines: random directions, >= 10.
        digits: two sets of digits whose images are compared, in the features of the digit network.
        examples: images of each set for the bounds, and as many held out, 20 to 1000.
        hidden: widths of the critics' layers.
        iterations: of the critics' training.
        clip: largest weight of the clipped critic, > 0.
        seed: of all randomness.
    """
    require(dimensions >= 2 and repeats >= 3, "give two dimensions or more and three repeats or more")
    require(shift > 0 and scale > 0 and scale != 1, "shift must be above 0, scale above 0 and not 1")
    require(min(sizes) >= 2 and lines >= 10, "give samples of 2 or more and 10 lines or more")
    require(20 <= examples <= 1000 and clip > 0, "examples must be 20 to 1000, clip above 0")
    cases = {"shift": (shift, 1.0, shift), "scale": (0.0, scale, abs(scale - 1) * mean_norm(dimensions))}
    found = {
        case: gaussian_bounds(dimensions, offset, width, sizes, repeats, lines, seed)
        for case, (offset, width, _) in cases.items()
    }
    checks = [check for case in cases for check in _gaussian_checks(case, found[case], cases[case][2])]
    parts = _digit_parts(digits, examples, seed)
    bounds = sample_bounds(*parts, lines=lines, seed=seed)
    gp = critic_bound(*parts, hidden=hidden, iterations=iterations, seed=seed)
    clipped = critic_bound(*parts, hidden=hidden, iterations=iterations, seed=seed, clip=clip)
    on_digits = _lower_bounds(bounds, gp, clipped)
    return Findings(
        numbers={
            "truth": {case: truth for case, (_, _, truth) in cases.items()},
            "sizes": list(sizes),
            **{case: {name: values.mean(1) for name, values in by.items()} for case, by in found.items()},
            "digits": {**on_digits, "upper bound W_N": bounds.upper, **_critic_numbers(gp)},
        },
        checks=[*checks, *_digit_checks(bounds, gp, clipped)],
        draw=_draw(cases, found, sizes, on_digits, bounds.upper, gp.measured, digits),
        size=(15.0, 4.8),
    )


def _digit_parts(digits: tuple[str, str], examples: int, seed: int) -> list[Array]:
    """Two samples of the features of each set of digits."""
    for text in digits:
        require(bool(text) and text.isdigit(), f"digits: {text!r} is not a set of digits such as 02468")
    x, y = digit_features(5000)
    rng, parts = np.random.default_rng(seed), []
    for text in digits:
        chosen = rng.permutation(np.flatnonzero(np.isin(y, [int(c) for c in text])))
        require(
            len(chosen) >= 2 * examples,
            f"there are {len(chosen)} images of {text}; choose examples={len(chosen) // 2} or fewer",
        )
        parts += [x[chosen[:examples]], x[chosen[examples : 2 * examples]]]
    return parts


def _lower_bounds(bounds: Bounds, gp: CriticBound, clipped: CriticBound) -> dict[str, float]:
    """Lower bounds for the digits, by method."""
    return {
        "random lines, 1/E|u·v|": bounds.sharp,
        "random lines, √n": bounds.lines,
        "exact plans": bounds.exact,
        "WGAN-GP critic, certified": gp.certified,
        "clipped critic, certified": clipped.certified,
        "clipped critic's value": clipped.value,
    }


def _digit_checks(bounds: Bounds, gp: CriticBound, clipped: CriticBound) -> list[Check]:
    return [
        Check(
            name="digits: lines beat the certified WGAN-GP critic",
            value=bounds.lines,
            expected=gp.certified,
            relation="≥",
        ),
        Check(
            name="digits: lines beat the clipped critic",
            value=bounds.lines,
            expected=max(clipped.certified, clipped.value),
            relation="≥",
        ),
    ]


def _gaussian_checks(case: str, found: Mapping[str, Array], truth: float) -> list[Check]:
    """No lower bound's mean exceeds the truth, no upper one's falls below, up to four standard errors."""
    checks: list[Check] = []
    for name, values in found.items():
        means = values.mean(1)
        errors = values.std(1, ddof=1) / math.sqrt(values.shape[1])
        worst = int(np.argmin(means - truth) if name == "upper" else np.argmax(means - truth))
        checks.append(
            Check(
                name=f"{case}: {_LINES[name][0]}",
                value=float(means[worst]),
                expected=truth,
                tolerance=4 * float(errors[worst]),
                relation="≥" if name == "upper" else "≤",
            )
        )
    return checks


def _draw(
    cases: Mapping[str, tuple[float, float, float]],
    found: Mapping[str, Mapping[str, Array]],
    sizes: Sequence[int],
    on_digits: Mapping[str, float],
    upper: float,
    measured: float,
    digits: tuple[str, str],
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        shifted, scaled, bars = figure.subplots(1, 3, width_ratios=[1, 1, 1.25])
        titles = {"shift": "N(0, I) and N(μ, I)", "scale": "N(0, I) and N(0, s²I)"}
        for axes, case in ((shifted, "shift"), (scaled, "scale")):
            _draw_case(axes, found[case], sizes, cases[case][2])
            label(axes, titles[case], "samples of each", "Wasserstein distance")
        handles, names = shifted.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=5)
        colours = [GREEN, VERMILION, BLUE, PURPLE, SKY, SKY]
        places = np.arange(len(on_digits))[::-1]
        bars.barh(places, list(on_digits.values()), color=colours)
        for place, value in zip(places, on_digits.values(), strict=True):
            bars.text(max(value, 0) + 0.08, place, f"{value:.2g}", va="center")
        bars.axvline(measured, color=PURPLE, ls=":", label="WGAN-GP critic by measured slope: no bound")
        bars.axvline(upper, color=ORANGE, ls="--", label="W_N(P, Q), an upper bound")
        bars.legend(loc="lower right", fontsize=9, frameon=True, framealpha=1.0, edgecolor="white")
        bars.set_yticks(places, list(on_digits))
        bars.set_ylim(-1.6, len(on_digits) - 0.4)
        bars.set_xlim(0, 1.12 * upper)
        label(
            bars, f"Features of digits {digits[0]} and {digits[1]}", "lower bound of the distance", "method"
        )

    return draw


def _draw_case(axes: Axes, found: Mapping[str, Array], sizes: Sequence[int], truth: float) -> None:
    for name, values in found.items():
        title, colour, look = _LINES[name]
        error = 2 * values.std(1, ddof=1) / math.sqrt(values.shape[1])
        axes.errorbar(sizes, values.mean(1), error, fmt=look, color=colour, ms=5, label=title)
    axes.axhline(truth, color=BLACK, lw=1.4, label="truth")
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
