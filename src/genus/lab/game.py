"""Convergence of the GAN game: the Dirac-GAN in eight variants, and the eigenvalues that explain it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genus.core.registry import lab
from genus.lab.dirac import Game, eigenvalues, games, play, step_radius, vector_field
from genus.lab.findings import Check, Findings, require
from genus.lab.style import BLACK, BLUE, GREY, ORANGE, VERMILION, label

Array = NDArray[np.float64]
Spectrum = NDArray[np.complex128]


@lab("game", paper="arXiv:1801.04406")
def game(
    *,
    start: tuple[float, float] = (1.0, 1.0),
    steps: int = 500,
    rate: float = 0.2,
    gamma: float = 0.4,
    noise: float = 1.0,
    clip: float = 1.0,
    weight: float = 0.25,
    order: Literal["alternating", "simultaneous"] = "alternating",
) -> Findings:
    """The Dirac-GAN played in eight ways: which circle for ever, which converge, and how fast.

    Args:
        start: θ and ψ at first, not both 0.
        steps: iterations, >= 100.
        rate: learning rate of generator and discriminator, in (0, 1].
        gamma: weight of consensus optimisation and of the zero-centred penalty, > 0.
        noise: standard deviation of instance noise, > 0.
        clip: largest |ψ| of the Wasserstein game, > 0.
        weight: λ of WGAN-GP's penalty, > 0.
        order: the discriminator first, or both at once.
    """
    require(any(start), "start: (0, 0) is the equilibrium itself; start elsewhere")
    require(steps >= 100, f"steps={steps}: 100 or more")
    require(0 < rate <= 1, f"rate={rate:g}: must be in (0, 1]")
    require(min(gamma, noise, clip, weight) > 0, "gamma, noise, clip and weight must be above 0")
    played = games(gamma, noise, clip, weight)
    paths = {name: play(rules, start, steps, rate, order) for name, rules in played.items()}
    spectra = {name: eigenvalues(rules) for name, rules in played.items() if rules.theory is not None}
    numbers: dict[str, dict[str, Any]] = {}
    checks: list[Check] = []
    for name, rules in played.items():
        distance = np.linalg.norm(paths[name], axis=1)
        numbers[name] = {"distance at the end": float(distance[-1]), "path": paths[name]}
        if rules.theory is None:
            # the penalty wants slope 1 at the equilibrium, where the critic's is 0
            least = float(distance[steps // 2 :].min())
            checks.append(Check(name=f"{name}: stays away", value=least, expected=0.01, relation="≥"))
            continue
        found = _sorted(spectra[name])
        numbers[name] |= {"eigenvalues": [f"{value:.4g}" for value in found]}
        gap = float(np.abs(found - _sorted(np.array(rules.theory, dtype=np.complex128))).max())
        # a double eigenvalue is known to the root of the rounding
        checks.append(Check(name=f"{name}: eigenvalues from theory", value=gap, expected=0.0, tolerance=1e-7))
        radius = step_radius(rules, rate, order)
        numbers[name] |= {"factor per iteration": radius}
        checks.append(_behaviour(name, distance, radius, steps))
    return Findings(
        numbers=numbers,
        checks=checks,
        draw=_draw(played, paths, spectra),
        size=(15.0, 8.2),
    )


def _sorted(values: Spectrum) -> Spectrum:
    return np.array(sorted(values, key=lambda z: (round(z.real, 7), z.imag)))


def _behaviour(name: str, distance: Array, radius: float, steps: int) -> Check:
    """Converging by the factor per iteration, circling at factor 1, or driven away."""
    late = distance[steps // 2 :]
    if radius > 1 + 1e-9:
        return Check(name=f"{name}: is driven away", value=float(late.min()), expected=0.1, relation="≥")
    late = late[late > 1e-12]  # beyond, rounding speaks
    if len(late) < 20:
        late = distance[distance > 1e-12]
    factor = math.exp(np.polyfit(np.arange(len(late)), np.log(late), 1)[0])
    word = "circles at" if radius > 1 - 1e-9 else "converges by"
    return Check(name=f"{name}: {word} this factor", value=factor, expected=radius, tolerance=0.02)


def _draw(
    played: dict[str, Game], paths: dict[str, Array], spectra: dict[str, Spectrum]
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        for axes, (name, rules) in zip(figure.subplots(2, 4).ravel(), played.items(), strict=True):
            _draw_field(axes, rules)
            path = paths[name]
            axes.plot(*path.T, "-", color=BLUE, lw=1.2)
            axes.plot(*path[0], "o", color=ORANGE, ms=8, label="start")
            axes.plot(*path[-1], "s", color=VERMILION, ms=7, label="end")
            axes.plot(0, 0, "*", color=BLACK, ms=11, label="equilibrium")
            axes.set_xlim(-2, 2)
            axes.set_ylim(-2, 2)
            axes.set_aspect("equal")
            words = "no derivative at 0"
            if name in spectra:
                words = f"λ = {_pair_text(*_sorted(spectra[name]))}"
            label(axes, f"{rules.title}\n{words}", "generator θ", "discriminator ψ")
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3)

    return draw


def _pair_text(first: complex, second: complex) -> str:
    """Two eigenvalues as a lecture writes them: ±0.5i, −0.2 ± 0.46i, −0.5 (twice), −0.2 and −0.8."""
    if abs(first.imag) > 1e-6:
        middle = f"{first.real:.2g} " if abs(first.real) > 1e-6 else ""
        text = f"{middle}± {abs(first.imag):.2g}i"
    elif abs(first - second) < 1e-6:
        text = f"{first.real:.2g} (twice)"
    else:
        text = f"{first.real:.2g} and {second.real:.2g}"
    return text.replace("-", "−")


def _draw_field(axes: Axes, rules: Game) -> None:
    ticks = np.linspace(-1.9, 1.9, 11)
    arrows = np.array(
        [
            [vector_field(rules, torch.tensor([a, b], dtype=torch.float64)).numpy() for a in ticks]
            for b in ticks
        ]
    )
    length = np.linalg.norm(arrows, axis=2, keepdims=True)
    shown = arrows / np.maximum(length, 1e-9) * np.sqrt(np.minimum(length, 1))
    axes.quiver(ticks, ticks, shown[..., 0], shown[..., 1], color=GREY, scale=22, width=0.005)
