"""The curve of truncated latents: numbers by truncation, and the figure of what they trade."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genus.reports.score_series import line_with_interval, series_of

if TYPE_CHECKING:
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
        numbers={"truncation": bounds, **series_of(measured, _SCORES)},
        checks=[],
        draw=lambda figure: _draw(figure, bounds, measured, symbol),
        name="truncation",
        options=options,
    )


def _draw(figure: Figure, bounds: Sequence[float], measured: Sequence[Evaluation], symbol: str) -> None:
    """Distance and shares over the truncation, and quality against diversity."""
    from genus.lab.style import COLOURS, DASHES, GREY, label

    series = series_of(measured, _SCORES)
    distance, shares, trade = figure.subplots(1, 3)
    line_with_interval(distance, bounds, series["frechet"], colour=COLOURS[0], name="samples")
    floor = measured[0]["frechet"].floor
    if floor is not None and math.isfinite(floor):
        distance.axhline(floor, color=GREY, linestyle=":", label="real examples")
    distance.set_ylim(bottom=0)
    distance.legend()
    label(distance, "Fréchet distance", symbol, "squared feature units")
    named = [name for name in _SCORES[1:] if name in series and name != "density"]
    for name, colour, dash in zip(named, COLOURS, DASHES, strict=False):
        line_with_interval(shares, bounds, series[name], colour=colour, dash=dash, name=name)
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
