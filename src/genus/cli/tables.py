"""Evaluations as tables on a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from genus.bench.board import Board
from genus.bench.show import caption, cells, header, reference_rows
from genus.lab.findings import Findings
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
        + "floor = {}, baseline = {}".format(*protocol.yardsticks),
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
                "difference": asdict(row.difference) if row.difference else None,
            }
            for row in rows
        ],
        indent=1,
    )


def numbers_table(findings: Findings) -> Table:
    """Numbers of an experiment: values, and ends of lists."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _leaves(findings.numbers, ""):
        table.add_row(escape(name), escape(value))
    return table


def curve_table(curve: Findings) -> Table:
    """Scores with their intervals in columns, one row for each place of the curve.

    Args:
        curve: numbers are a list of places, first, and by score ``value``, ``low`` and ``high`` at each.
    """
    (axis, places), *scores = curve.numbers.items()
    table = Table(box=None, pad_edge=False)
    for heading in (axis, *(name for name, _ in scores)):
        table.add_column(heading)
    for i, place in enumerate(places):
        cells = [
            f"[bold]{number(one['value'][i])}[/bold] {number(one['low'][i])} … {number(one['high'][i])}"
            for _, one in scores
        ]
        table.add_row(place if isinstance(place, str) else f"{place:g}", *cells)
    return table


def checks_table(findings: Findings) -> Table:
    """Comparisons of an experiment with theory."""
    table = Table(box=None, pad_edge=False)
    for heading in ("check", "measured", "", "expected", "within", "holds"):
        table.add_column(heading)
    for check in findings.checks:
        table.add_row(
            escape(check.name),
            f"[bold]{check.value:.6g}[/bold]",
            check.relation,
            f"{check.expected:.6g}",
            f"{check.tolerance:.2g}",
            "yes" if check.holds else "[bold red]NO[/bold red]",
        )
    return table


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path} {key}".lstrip())
    elif hasattr(value, "__len__") and not isinstance(value, str):
        yield path, _ends(list(value))
    else:
        yield path, f"{value:.6g}" if isinstance(value, float) else str(value)


def _ends(values: list[Any]) -> str:
    """A short list whole, the ends of a longer one, the size of a matrix."""
    if values and hasattr(values[0], "__len__") and not isinstance(values[0], str):
        return f"{len(values)} × {len(values[0])}, in the file"
    texts = [f"{item:.4g}" if isinstance(item, float) else str(item) for item in values]
    return ", ".join(texts) if len(texts) <= 6 else f"{texts[0]} … {texts[-1]} ({len(texts)}, in the file)"


def board_table(board: Board) -> Table:
    """A leaderboard: entries, then what real examples and the EM mixture score."""
    table = Table(title=escape(board.data), title_justify="left", box=None, pad_edge=False)
    table.caption, table.caption_justify = escape(caption(board)), "left"
    for heading in header(board):
        table.add_column(escape(heading))
    for row in [*(cells(board, line) for line in board.lines), *reference_rows(board)]:
        table.add_row(*(escape(text.strip("*")) for text in row))
    return table


def number(value: float | None) -> str:
    """Four significant digits, or a dash.

    >>> number(0.123456), number(None)
    ('0.1235', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.4g}"


def interval(score: Score) -> str:
    """``"1.2 … 3.4"``."""
    return f"{number(score.low)} … {number(score.high)}"
