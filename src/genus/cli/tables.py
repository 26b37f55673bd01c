"""Evaluations as tables on a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from genus.metrics.compare import Row
from genus.metrics.evaluate import Evaluation
from genus.metrics.score import Score


def evaluation_table(evaluation: Evaluation) -> Table:
    """Scores with interval, floor, baseline and note."""
    protocol = evaluation.protocol
    table = Table(
        box=None,
        pad_edge=False,
        caption_justify="left",
        caption=f"protocol {protocol.hash}: data {protocol.data}, features {protocol.features or 'none'}; "
        "floor = real against real, baseline = EM Gaussian mixture",
    )
    for heading in ("score", "value", "95 % interval", "n", "better", "floor", "baseline"):
        table.add_column(heading)
    for score in evaluation.scores:
        table.add_row(
            escape(f"{score.name}{' (' + score.kind + ')' if score.kind else ''}"),
            f"[bold]{number(score.value)}[/bold] {escape(score.unit)}",
            interval(score),
            str(score.n),
            score.better,
            number(score.floor),
            number(score.baseline),
        )
    for name, reason in evaluation.refused.items():
        table.add_row(f"[dim]{escape(name)}[/dim]", f"[dim]not measured: {escape(reason)}[/dim]")
    return table


def rows_json(rows: Sequence[Row]) -> str:
    """A comparison as JSON text."""
    return json.dumps(
        [
            {
                "name": row.name,
                "kind": row.kind,
                "unit": row.unit,
                "scores": {run: score.to_json() if score else None for run, score in row.scores.items()},
                "ranking": list(row.ranking),
                "separated": row.separated,
            }
            for row in rows
        ],
        indent=1,
    )


def number(value: float | None) -> str:
    """Four significant digits, or a dash.

    >>> number(0.123456), number(None)
    ('0.1235', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.4g}"


def interval(score: Score) -> str:
    """``"1.2 … 3.4"``."""
    return f"{number(score.low)} … {number(score.high)}"
