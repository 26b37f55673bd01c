"""Scores of several evaluations as series with their intervals, and lines of them in a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from genus.metrics.evaluate import Evaluation

Series = dict[str, dict[str, list[float]]]
"""By score: ``value``, ``low`` and ``high`` in every evaluation."""


def series_of(measured: Sequence[Evaluation], names: Sequence[str]) -> Series:
    """Values and ends of the 95 % intervals of those scores that all evaluations have."""
    shared = set[str].intersection(*({score.name for score in one.scores} for one in measured))
    return {
        name: {
            part: [getattr(evaluation[name], part) for evaluation in measured]
            for part in ("value", "low", "high")
        }
        for name in names
        if name in shared
    }


def line_with_interval(
    axes: Axes,
    x: Sequence[float],
    one: dict[str, list[float]],
    *,
    colour: str,
    dash: Any = "-",
    name: str,
    **style: Any,
) -> None:
    """Draw a line with its 95 % intervals."""
    axes.plot(x, one["value"], color=colour, linestyle=dash, label=name, **style)
    axes.fill_between(x, one["low"], one["high"], color=colour, alpha=0.2, linewidth=0)
