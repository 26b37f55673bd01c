"""Divergences of two distributions: sweeps of every divergence of the lectures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genus.core.registry import lab
from genus.lab.divergence_sweep import CLOSED, MEASURES, sweep
from genus.lab.f_divergences import js_divergence
from genus.lab.findings import Check, Findings, require
from genus.lab.normal import Normal, chi_square_normal, wasserstein_2_normal
from genus.lab.style import BLACK, COLOURS, DASHES, GREY, label

Array = NDArray[np.float64]


@lab("divergences", paper="arXiv:1701.07875")
def divergences(
    *,
    largest_shift: float = 8.0,
    steps: int = 41,
    mean_range: float = 1.0,
    variances: tuple[float, float] = (0.5, 1.5),
) -> Findings:
    """KL diverges, Jensen-Shannon flattens at log 2, Wasserstein grows linearly: two sweeps.

    First q = N(δ, 1) moves away from p = N(0, 1); then mean and variance of q change together.

    Args:
        largest_shift: last δ, in (0, 10].
        steps: values in each sweep, >= 5.
        mean_range: in the second sweep the mean runs from minus to plus this, >= 0.
        variances: of q at both ends of the second sweep, > 0.
    """
    require(0 < largest_shift <= 10, f"largest_shift={largest_shift:g}: must be in (0, 10]")
    require(steps >= 5, f"steps={steps}: must be 5 or more")
    require(min(variances) > 0, "variances must be above 0")
    p = Normal(0.0, 1.0)
    shifts = np.linspace(0, largest_shift, steps)
    shifted = [Normal(float(shift), 1.0) for shift in shifts]
    means = np.linspace(-mean_range, mean_range, steps)
    widths = np.sqrt(np.linspace(*variances, steps))
    changed = [Normal(float(m), float(s)) for m, s in zip(means, widths, strict=True)]
    first, second = sweep(p, shifted), sweep(p, changed)
    second["chi-square"] = [chi_square_normal(p, q) for q in changed]  # p²/q leaves any grid
    return Findings(
        numbers={
            "shift": shifts,
            "by shift": first,
            "mean": means,
            "variance": widths**2,
            "by mean and variance": second,
            "at the largest shift": {name: values[-1] for name, values in first.items()},
            "W2 at the largest shift": wasserstein_2_normal(p, shifted[-1]),
            "Bin(2, 0.4) against uniform": _discrete(),
        },
        checks=[
            *_quadrature_checks(p, ((shifted, first), (changed, second))),
            *_shift_checks(shifted[-1].mean, first),
            *_known_checks(p),
        ],
        draw=_draw(p, shifts, first, means, changed, second),
        size=(12.0, 8.2),
    )


def _discrete() -> dict[str, float]:
    binomial, uniform = [0.36, 0.48, 0.16], [1 / 3] * 3
    return {name: measure(binomial, uniform, step=1.0) for name, measure in MEASURES.items()}


def _quadrature_checks(
    p: Normal, swept: Sequence[tuple[Sequence[Normal], Mapping[str, Sequence[float]]]]
) -> list[Check]:
    """Largest error of each measure with a closed form, over the Gaussians of all sweeps."""
    checks: list[Check] = []
    for name, closed in CLOSED.items():
        gaps = [
            abs(value - closed(p, q)) / max(1.0, closed(p, q))
            for others, found in swept
            for q, value in zip(others, found[name], strict=True)
            # where q is narrower than p, p²/q reaches far beyond any grid, or has no integral
            if name != "chi-square" or q.std >= p.std
        ]
        kinks = name == "total variation"
        checks.append(
            Check(
                name=f"{name}: largest error of quadrature",
                value=max(gaps),
                expected=0.0,
                tolerance=1e-5 if kinks else 1e-7,
            )
        )
    return checks


def _shift_checks(far: float, found: Mapping[str, Sequence[float]]) -> list[Check]:
    """Checks for N(0, 1) and N(δ, 1), the last of them at ``far``."""
    js, hellinger = found["JS"], found["squared Hellinger"]
    return [
        Check(
            name="KL at the largest shift, δ²/2",
            value=found["KL(p‖q)"][-1],
            expected=far**2 / 2,
            tolerance=1e-7,
        ),
        Check(name="W1 at the largest shift, δ", value=found["W1"][-1], expected=far, tolerance=1e-7),
        Check(
            name="largest JS, at most log 2",
            value=max(js),
            expected=math.log(2),
            tolerance=1e-12,
            relation="≤",
        ),
        # the generators' ratio lies between log 2 (no overlap) and 1 (equal): H² log 2 ≤ JSD ≤ H²
        Check(
            name="JS at the largest shift, at least H² log 2",
            value=js[-1],
            expected=math.log(2) * hellinger[-1],
            tolerance=1e-12,
            relation="≥",
        ),
        Check(
            name="JS at the smallest shift, at most H²",
            value=js[1],
            expected=hellinger[1],
            tolerance=1e-12,
            relation="≤",
        ),
    ]


def _known_checks(p: Normal) -> list[Check]:
    """Values of the lectures."""
    x, step = np.linspace(-12, 12, 20001, retstep=True)
    js_one = js_divergence(p.density(x), Normal(1.0, 1.0).density(x), step=float(step))
    discrete = _discrete()
    return [
        Check(name="JS of N(0,1) and N(1,1)", value=js_one, expected=0.1114214822, tolerance=1e-9),
        Check(name="KL of Bin(2, 0.4)", value=discrete["KL(p‖q)"], expected=0.0852996, tolerance=1e-7),
        Check(
            name="reverse KL of Bin(2, 0.4)", value=discrete["KL(q‖p)"], expected=0.0974550, tolerance=1e-7
        ),
    ]


_LINES = {
    name: {"ls": dash, "color": colour} for name, dash, colour in zip(MEASURES, DASHES, COLOURS, strict=True)
}


def _draw(
    p: Normal,
    shifts: Array,
    first: Mapping[str, Sequence[float]],
    means: Array,
    changed: Sequence[Normal],
    second: Mapping[str, Sequence[float]],
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        (top, logarithmic), (densities, bottom) = figure.subplots(2, 2)
        for name in ("KL(p‖q)", "W1", "JS", "total variation"):
            top.plot(shifts, first[name], label=name, **_LINES[name])
        top.axhline(math.log(2), color=GREY, lw=1)
        top.text(
            0.98,
            math.log(2) + 0.08,
            "log 2",
            color=GREY,
            transform=top.get_yaxis_transform(),
            ha="right",
            va="top",
        )
        top.set_ylim(0, max(shifts))
        top.legend(loc="upper left")
        label(top, "p = N(0, 1), q = N(δ, 1)", "shift δ", "nats; W1 in units of x")
        for name in MEASURES:
            if name != "KL(q‖p)":  # the same as KL(p‖q) at equal widths
                logarithmic.semilogy(shifts[1:], first[name][1:], label=name, **_LINES[name])
        logarithmic.set_ylim(1e-3, 1e6)
        logarithmic.legend(loc="lower right", ncols=2)
        label(logarithmic, "The same, χ² and Hellinger on a logarithmic scale", "shift δ", "divergence")
        x = np.linspace(-5, 5, 400)
        for share in np.linspace(0, 1, 5):
            q = changed[round(share * (len(changed) - 1))]
            name = f"N({q.mean:g}, {q.std**2:.3g})"
            densities.plot(x, q.density(x), color=_between(share), lw=1.6, label=name)
        densities.plot(x, p.density(x), color=BLACK, ls="--", label="p = N(0, 1)")
        densities.legend(loc="upper right", fontsize=9)
        label(densities, "q: mean and variance change together", "x", "density")
        for name in ("KL(p‖q)", "KL(q‖p)", "JS", "W1"):
            bottom.plot(means, second[name], label=name, **_LINES[name])
        bottom.legend(loc="upper center")
        label(bottom, "Divergences of p from each q", "mean of q", "nats; W1 in units of x")

    return draw


def _between(share: float) -> tuple[float, float, float]:
    """From blue to orange."""
    start, end = np.array([0x00, 0x72, 0xB2]) / 255, np.array([0xE6, 0x9F, 0x00]) / 255
    red, green, blue = (1 - share) * start + share * end
    return float(red), float(green), float(blue)
