"""The public verb: run a suite and write its leaderboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from genus.bench.board import Board, make_boards
from genus.bench.execute import Result, run_cells
from genus.bench.show import write_boards
from genus.bench.suite import load_suite, suite_cells
from genus.core.errors import InputError

REAL = "real"
"""Folder beside the trainings, with the features of real examples that all are measured against."""


def bench(
    suite: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    processes: int | None = None,
    progress: Callable[[Result, int, int], None] | None = None,
) -> list[Board]:
    """Train recipes on data sets with several seeds at equal cost, and rank them with intervals.

    Whatever is finished in ``out`` is kept, whatever was interrupted continues, so the same call
    again is how to resume, and how to add seeds or recipes. The leaderboard is renewed after each
    training.

    Args:
        suite: name, path of a YAML file, or mapping; see ``docs/add-a-suite.md``.
        out: folder; ``bench/NAME`` by default.
        processes: trainings at a time, which share the cores; by default one for each core, on a
            GPU one. Budgets in seconds compare at equal numbers only.
        progress: told each result, how many are done and how many there are.

    Returns:
        One board per data set.

    Raises:
        DataError: when the data have too few examples to measure a model by; nothing has been trained then.
        InputError: for an unknown suite or key, or a folder that holds other settings.
        RecipeError: when a recipe cannot be bound; nothing has been trained then.
    """
    if processes is not None and processes < 1:
        raise InputError(f"processes = {processes}: at least one is needed")
    name, plan = load_suite(suite)
    root = Path(out) if out is not None else Path("bench") / name
    cells = suite_cells(plan, root)
    done: list[Result] = []

    def listen(result: Result, number: int, total: int) -> None:
        done.append(result)
        write_boards(root, name, plan.summary, make_boards(done, plan.columns))
        if progress is not None:
            progress(result, number, total)

    root.mkdir(parents=True, exist_ok=True)
    measured = {**plan.measured(), "keep": root / REAL}
    results = run_cells(cells, measured=measured, processes=processes, progress=listen)
    boards = make_boards(results, plan.columns)
    write_boards(root, name, plan.summary, boards)
    return boards
