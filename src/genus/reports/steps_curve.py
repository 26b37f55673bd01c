"""Quality against model calls: numbers by sampler and steps, and their figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genus.core.drawing import Drawing
from genus.reports.score_series import Series, line_with_interval, series_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from genus.lab.findings import Findings
    from genus.metrics.evaluate import Evaluation

_SCORES = ("model-calls", "frechet", "precision", "recall", "coverage", "accuracy")


def steps_findings(
    drawings: Sequence[Drawing], measured: Sequence[Evaluation], *, options: Mapping[str, Any]
) -> Findings:
    """Put evaluations by several samplers and steps together.

    Args:
        drawings: a sampler (empty for the recipe's) and its steps each.
        measured: an evaluation of each.
        options: what else the curve was measured with.

    Returns:
        By score the values and the ends of their 95 % intervals, in the order of ``drawings``.
    """
    from genus.lab.findings import Findings

    names = [f"{drawing.sampler or 'recipe'} {drawing.steps}" for drawing in drawings]
    return Findings(
        numbers={"sampler and steps": names, **series_of(measured, _SCORES)},
        checks=[],
        draw=lambda figure: _draw(figure, drawings, measured),
        name="steps",
        options=options,
    )


def _draw(figure: Figure, drawings: Sequence[Drawing], measured: Sequence[Evaluation]) -> None:
    """Distance, and quality and diversity, over the calls of the model per sample."""
    from genus.lab.style import COLOURS, DASHES, GREY, label

    distance, shares = figure.subplots(1, 2)
    for colour, sampler in zip(COLOURS, dict.fromkeys(one.sampler for one in drawings), strict=False):
        series = _by_calls(
            series_of([m for d, m in zip(drawings, measured, strict=True) if d.sampler == sampler], _SCORES)
        )
        calls, name = series["model-calls"]["value"], sampler or "recipe"
        line_with_interval(distance, calls, series["frechet"], colour=colour, name=name, marker="o")
        for score, dash in zip(("precision", "recall"), DASHES, strict=False):
            line_with_interval(
                shares, calls, series[score], colour=colour, dash=dash, name=f"{name}: {score}"
            )
    floor = measured[0]["frechet"].floor
    if floor is not None and math.isfinite(floor):
        distance.axhline(floor, color=GREY, linestyle=":", label="real examples")
    for axes in (distance, shares):
        axes.set_xscale("log")
        axes.legend()
    distance.set_ylim(bottom=0)
    shares.set_ylim(0, 1.02)
    label(distance, "Fréchet distance", "calls of networks per sample", "squared feature units")
    label(shares, "Quality and diversity", "calls of networks per sample", "share")


def _by_calls(series: Series) -> Series:
    """The same series in the order of their calls."""
    calls = series["model-calls"]["value"]
    order = sorted(range(len(calls)), key=calls.__getitem__)
    return {
        name: {part: [values[i] for i in order] for part, values in one.items()}
        for name, one in series.items()
    }
