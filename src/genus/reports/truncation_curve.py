"""The curve of truncated latents: numbers by truncation, and the figure of what they trade."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genus.lab.findings import Findings
    from genus.metrics.evaluate import Evaluation

_SCORES = ("frechet", "precision", "recall", "density", "coverage", "accuracy")


def truncation_findings(
    bounds: Sequence[float], measured: Sequence[Evaluation], *, styles: bool, options: Mapping[str, Any]
) -> Findings:
    """Put evaluations at several truncations together.

    Args:
        bounds: truncations, rising.
        measured: an evaluation at each.
        styles: whether they are shares of the way from the mean style, rather than bounds of a latent.
        options: what else the curve was measured with.

    Returns:
        For every score the values, and the ends of their 95 % intervals, in the order of the truncations.
    """
    from genus.lab.findings import Findings

    symbol = "ψ, share of the way from the mean style" if styles else "t, latents drawn from [−t, t]"
    return Findings(
        numbers={"truncation": bounds, **_series(measured)},
        checks=[],
        draw=lambda figure: _draw(figure, bounds, measured, symbol),
        name="truncation",
        options=options,
    )


def _series(measured: Sequence[Evaluation]) -> dict[str, dict[str, list[float]]]:
    """By score: value and interval at every truncation."""
    names = set[str].intersection(*({score.name for score in one.scores} for one in measured))
    return {
        name: {
            part: [getattr(evaluation[name], part) for evaluation in measured]
            for part in ("value", "low", "high")
        }
        for name in _SCORES
        if name in names
    }


def _draw(figure: Figure, bounds: Sequence[float], measured: Sequence[Evaluation], symbol: str) -> None:
    """Distance and shares over the truncation, and quality against diversity."""
    from genus.lab.style import COLOURS, DASHES, GREY, label

    series = _series(measured)
    distance, shares, trade = figure.subplots(1, 3)
    _band(distance, bounds, series["frechet"], COLOURS[0], "-", "samples")
    floor = measured[0]["frechet"].floor
    if floor is not None and math.isfinite(floor):
        distance.axhline(floor, color=GREY, linestyle=":", label="real examples")
    distance.set_ylim(bottom=0)
    distance.legend()
    label(distance, "Fréchet distance", symbol, "squared feature units")
    named = [name for name in _SCORES[1:] if name in series and name != "density"]
    for name, colour, dash in zip(named, COLOURS, DASHES, strict=False):
        _band(shares, bounds, series[name], colour, dash, name)
    shares.set_ylim(0, 1.02)
    shares.legend()
    label(shares, "Quality and diversity", symbol, "share")
    recall, precision = series["recall"]["value"], series["precision"]["value"]
    trade.plot(recall, precision, marker="o", color=COLOURS[0])
    trade.set(xlim=_around(recall), ylim=_around(precision))
    last = math.inf
    for bound, x, y in sorted(zip(bounds, recall, precision, strict=True), reverse=True):
        if abs(last - x) > 0.05 * max(recall):  # the rest would be written over each other
            trade.annotate(f"{bound:g}", (x, y), xytext=(4, 4), textcoords="offset points", fontsize=9)
            last = x
    label(trade, "The trade", "recall (diversity)", "precision (quality)")


def _around(shares: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis that shows all shares, and never less than a fifth of what they may be."""
    middle = (min(shares) + max(shares)) / 2
    half = max(0.6 * (max(shares) - min(shares)), 0.1)
    return max(0.0, middle - half) - 0.01, min(1.0, middle + half) + 0.01


def _band(
    axes: Axes, x: Sequence[float], one: dict[str, list[float]], colour: str, dash: Any, name: str
) -> None:
    """A line with its 95 % intervals."""
    axes.plot(x, one["value"], color=colour, linestyle=dash, label=name)
    axes.fill_between(x, one["low"], one["high"], color=colour, alpha=0.2, linewidth=0)
