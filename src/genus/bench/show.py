"""Leaderboards as text, figure and page."""

from __future__ import annotations

import base64
import html
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

from genus.bench.board import Board, Line, Mean
from genus.reports.document import document
from genus.training.durable import write_text

_FIGURE_COLUMNS = 4
_COSTS = ("spread", "converged", "seconds", "CPU seconds", "samples", "MiB")


def write_boards(folder: Path, name: str, summary: str, boards: Sequence[Board]) -> list[Path]:
    """Write ``leaderboard.json``, ``.md``, ``.png`` and ``.html`` and return their paths.

    Args:
        folder: of the benchmark.
        name: of the suite.
        summary: of the suite.
        boards: one per data set.
    """
    picture = figure_png(boards)
    tables = [markdown(board) for board in boards]
    files = {
        "leaderboard.json": json.dumps([board.to_json() for board in boards], indent=1, allow_nan=False),
        "leaderboard.md": "\n\n".join(tables) + "\n",
        "leaderboard.html": _page(name, summary, boards, picture),
    }
    for file, text in files.items():
        write_text(folder / file, text)
    (folder / "leaderboard.png").write_bytes(picture)
    return [folder / file for file in (*files, "leaderboard.png")]


def markdown(board: Board) -> str:
    """A table of means with intervals over seeds, and the sampling error in parentheses."""
    rows = [header(board), ["---"] * len(header(board))]
    rows += [cells(board, line) for line in board.lines]
    rows += reference_rows(board)
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"### {board.data}\n\n{table}\n\n{caption(board)}"


def header(board: Board) -> list[str]:
    """Headings of the columns, with the direction that is better."""
    arrows: dict[str, str] = {}
    for line in board.lines:
        arrows |= {key: "↓" if mean.better == "lower" else "↑" for key, mean in line.means.items()}
    return ["", *(f"{key} {arrows[key]}" for key in board.columns), *_COSTS]


def cells(board: Board, line: Line) -> list[str]:
    """One entry as texts: rank and name, scores, cost."""
    mark = "" if line.tied is None else (" =" if line.tied else "")
    failed = f" ({len(line.failed)} failed)" if line.failed else ""
    name = f"{line.rank}. {line.entry}{mark}{failed}" if line.rank else f"{line.entry}{failed}"
    scores = [_mean(line.means.get(column)) for column in board.columns]
    ranking = line.means.get(board.columns[0]) if board.columns else None
    spread = ranking.spread / abs(ranking.value) if ranking and ranking.value else math.nan
    costs = [f"{line.seconds:.0f}", f"{line.cpu_seconds:.0f}", _count(line.samples), f"{line.memory:.0f}"]
    return [name, *scores, _percent(spread), _percent(line.converged), *costs]


def reference_rows(board: Board) -> list[list[str]]:
    """Scores of real examples and of the EM mixture."""
    rows: list[list[str]] = []
    for label, attribute in (("real against real", "floor"), ("EM mixture", "baseline")):
        found: list[str] = []
        for column in board.columns:
            known = [
                value
                for line in board.lines
                if column in line.means and (value := getattr(line.means[column], attribute)) is not None
            ]
            found.append(_number(sum(known) / len(known)) if known else "–")
        rows.append([f"*{label}*", *found, *[""] * len(_COSTS)])
    return rows


def caption(board: Board) -> str:
    """Caption of the table."""
    seeds = max((len(m.values) for line in board.lines for m in line.means.values()), default=0)
    return (
        f"Mean of {seeds} seed{'s' if seeds != 1 else ''} ± half of its 95 % interval over trainings "
        "(Student's); in parentheses the mean half width for sampling alone. = marks entries whose "
        "difference to the first is not significant (Welch, 5 %). Spread: standard deviation over seeds of "
        "the first score, of its mean. Converged: share of the training after which the live score stayed "
        f"within a quarter of the way to its best. Protocol {board.protocol or '–'}."
    )


def figure_png(boards: Sequence[Board]) -> bytes:
    """One row per data set, one panel per score: every seed, the mean and its interval."""
    from matplotlib.figure import Figure

    shown = [board for board in boards if board.columns]
    if not shown:
        return b""
    columns = max(min(len(board.columns), _FIGURE_COLUMNS) for board in shown)
    heights = [0.9 + 0.3 * len(board.lines) for board in shown]
    figure = Figure(figsize=(1.8 + 2.6 * columns, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(shown), columns, height_ratios=heights)
    for row, board in enumerate(shown):
        for column, key in enumerate(board.columns[:_FIGURE_COLUMNS]):
            axes = figure.add_subplot(grid[row, column])
            _panel(axes, board, key, first=column == 0)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return file.getvalue()


def _panel(axes: object, board: Board, key: str, *, first: bool) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    names = [line.entry for line in board.lines]
    for place, line in enumerate(board.lines):
        mean = line.means.get(key)
        if mean is None:
            continue
        half = mean.high - mean.value
        axes.plot(mean.values, [place] * len(mean.values), "o", color="0.65", markersize=4)
        axes.errorbar(
            mean.value, place, xerr=half if math.isfinite(half) else None, fmt="D", color="C0",
            markersize=5, capsize=3,
        )  # fmt: skip
    known = [line.means[key] for line in board.lines if key in line.means]
    for attribute, style in (("floor", ":"), ("baseline", "--")):
        value = next((getattr(m, attribute) for m in known if getattr(m, attribute) is not None), None)
        if value is not None:
            axes.axvline(value, color="0.4", linestyle=style, linewidth=0.9)
    axes.set_yticks(range(len(names)), names if first else [""] * len(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_title(f"{board.data}: {key}" if first else key, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", linewidth=0.3)


def _page(name: str, summary: str, boards: Sequence[Board], picture: bytes) -> str:
    image = base64.b64encode(picture).decode()
    figure = (
        f"<figure><img alt='scores of every seed, mean and interval' src='data:image/png;base64,{image}'>"
        "<figcaption>Grey dots: seeds. Diamonds: means with 95 % intervals over trainings. "
        "Dotted: real against real. Dashed: EM mixture.</figcaption></figure>"
    )
    body = (
        f"<h1>{html.escape(name)}</h1><p class='lead'>{html.escape(summary)}</p>"
        f"{figure if picture else ''}{''.join(_table(board) for board in boards)}"
    )
    return document(f"genus bench: {name}", body)


def _table(board: Board) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in header(board))
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>"
        for row in [*(cells(board, line) for line in board.lines), *reference_rows(board)]
    )
    failures = "".join(
        f"<li>{html.escape(line.entry)}, seed {seed}: {html.escape(reason)}</li>"
        for line in board.lines
        for seed, reason in line.failed.items()
    )
    return (
        f"<h2>{html.escape(board.data)}</h2><div class='wide'><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div><p class='note'>{html.escape(caption(board))}</p>"
        + (f"<p>Failed:</p><ul>{failures}</ul>" if failures else "")
    )


def _mean(mean: Mean | None) -> str:
    if mean is None:
        return "–"
    half = mean.high - mean.value
    over_seeds = f" ± {_number(half)}" if math.isfinite(half) else ""
    sampling = f" ({_number(mean.sampling)})" if math.isfinite(mean.sampling) else ""
    return f"{_number(mean.value)}{over_seeds}{sampling}"


def _number(value: float) -> str:
    return f"{value:.3g}"


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{share:.0%}"


def _count(value: float) -> str:
    return f"{value / 1e6:.2f}M" if value >= 1e6 else f"{value / 1e3:.0f}k"
