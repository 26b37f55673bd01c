"""A family of the ledger from a leaderboard, written anew: ``python -m scripts.ledger_board BOARD …``.

BOARD is the ``leaderboard.json`` of ``genus bench``. What its lines share is an argument; then
``python scripts/ledger_table.py`` writes the page.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from scripts.ledger_table import FOLDER, Family, Number, Row, write_family


def number(mean: Mapping[str, Any]) -> Number:
    """Mean of the seeds, half of its interval over trainings, and the half width for sampling alone."""
    half = (mean["high"] - mean["low"]) / 2
    found = {"mean": mean["value"], "half": half, "sampling": mean["sampling"]}
    return {key: float(f"{value:.3g}") for key, value in found.items() if value}


def rows_of(board: Mapping[str, Any], *, command: str, machine: str, day: str) -> list[Row]:
    """One row for each recipe of a board."""
    columns = board["columns"]
    rows = []
    for line in board["lines"]:
        means = line["means"]
        seeds = list(range(max((len(mean["values"]) for mean in means.values()), default=0)))
        numbers = {name: [number(means[name]) if name in means else None] for name in columns}
        cost = f"{line['cpu_seconds']:.0f} CPU seconds"
        note = "" if means else "no scores: samples are not finite"
        rows.append(Row(f"`{line['entry']}`", command, seeds, machine, day, cost, note, numbers))
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", type=Path)
    parser.add_argument("--family", required=True, help="a file of docs/ledger without .json")
    parser.add_argument("--title", required=True)
    parser.add_argument("--order", type=int, required=True)
    parser.add_argument("--command", required=True, help="the line that measures it")
    parser.add_argument("--machine", required=True)
    words = parser.parse_args()
    day = date.fromtimestamp(words.board.stat().st_mtime).isoformat()
    rows = [
        row
        for board in json.loads(words.board.read_text(encoding="utf-8"))
        for row in rows_of(board, command=words.command, machine=words.machine, day=day)
    ]
    write_family(FOLDER / f"{words.family}.json", Family(words.title, words.order, rows))


if __name__ == "__main__":
    main()
