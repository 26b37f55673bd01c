"""``genus truncate``: what truncated latents gain in quality and cost in diversity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genus.core.errors import DataError, InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genus.lab.findings import Findings
    from genus.metrics.evaluate import Evaluation

LATENT_BOUNDS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Bounds t of a normal latent by default; at 3, one number in 370 is drawn again."""

STYLE_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares ψ of the way from the mean style by default; 1 truncates nothing."""

NAME = "truncation"
_METRICS = ("frechet", "neighbours", "accuracy")
_SCORES = ("frechet", "precision", "recall", "density", "coverage", "accuracy")


def truncation_curve(
    run: str | PathLike[str],
    at: Sequence[float] | None = None,
    *,
    n: int | None = None,
    features: str | None = None,
    standing: bool = False,
    out: str | Path | None = None,
    checkpoint: str = "auto",
) -> Findings:
    """Measure a run's samples with its latents truncated less and less.

    Args:
        run: folder of a run whose model has a latent.
        at: truncations, see :func:`genus.sample`, two or more; by default 0.1 to 3, or of a model with
            styles 0 to 1.
        n: samples at each; see :func:`genus.evaluate`.
        features: see :func:`genus.evaluate`.
        standing: see :func:`genus.sample`.
        out: new folder that gets ``truncation.png`` and ``truncation.json``; None for neither.
        checkpoint: see :func:`genus.load`.

    Returns:
        For every score the values, and the ends of their 95 % intervals, in the order of the truncations.

    Raises:
        CapabilityError: when the model has no latent.
        DataError: when the data have no features to measure in, or too few examples.
        InputError: for a truncation out of range, fewer than two of them, or a folder that is not empty.

    Paper: arXiv:1809.11096 (truncation trick); arXiv:1904.06991 for precision and recall.
    """
    from genus.api import evidence
    from genus.core.model import StyleSpace
    from genus.lab.findings import Findings, require_empty
    from genus.metrics.evaluate import measure
    from genus.sampling.draw import check_truncation

    if out is not None:
        require_empty(out)
    found = evidence(run, n=n, features=features, checkpoint=checkpoint)
    styles = isinstance(found.model, StyleSpace)
    bounds = sorted(set(at or (STYLE_SHARES if styles else LATENT_BOUNDS)))
    for bound in bounds:
        check_truncation(found.model, bound)
    if len(bounds) < 2:
        raise InputError("--at: a curve needs two or more different truncations, such as 0.5,1,2")
    measured = [measure(found.truncated(bound, standing=standing), _METRICS) for bound in bounds]
    for evaluation, bound in zip(measured, bounds, strict=True):
        for name in {"frechet", "neighbours"} & set(evaluation.refused):
            raise DataError(f"{name} cannot be measured at {bound:g}: {evaluation.refused[name]}")
    symbol = "ψ, share of the way from the mean style" if styles else "t, latents drawn from [−t, t]"
    curve = Findings(
        numbers={"truncation": bounds, **_series(measured)},
        checks=[],
        draw=lambda figure: _draw(figure, bounds, measured, symbol),
        name=NAME,
        options={
            "run": str(run),
            "n": found.protocol.num_samples,
            "features": found.protocol.features,
            "standing": standing,
        },
    )
    if out is not None:
        curve.save(out)
    return curve


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
