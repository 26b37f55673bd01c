"""``genus bench``: recipes ranked over data sets and seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genus.core.command import PYTHON_ONLY, Argument, command
from genus.core.errors import InputError

if TYPE_CHECKING:
    from genus.bench.board import Board
    from genus.bench.execute import Result
    from genus.bench.suite import Cell
    from genus.metrics.evaluate import Evaluation

_REAL = "real"
"""Folder beside the trainings, with the features of real examples that all are measured against."""


def _print_boards(call: partial[list[Board]], *, json: bool = False) -> None:
    """Run a benchmark and print its tables.

    Args:
        json: print JSON instead of tables.
    """
    import sys

    from genus.cli.console import make_console, say

    suite, out = call.keywords["suite"], call.keywords["out"]
    target = Path(out) if out is not None else Path("bench") / Path(suite).stem

    def tell(result: Result, done: int, total: int) -> None:
        name = f"{result.data} {result.entry} seed {result.seed}"
        make_console(stderr=True).print(f"{done}/{total} {name}: {result.error or 'done'}", markup=False)

    try:
        boards = call(out=target, progress=tell)
    except KeyboardInterrupt:
        print(f"stopped; the same command continues: genus bench {suite} --out {target}", file=sys.stderr)
        raise
    if json:
        from json import dumps

        print(dumps([board.to_json() for board in boards], indent=1))
        return
    from genus.cli.tables import board_table

    for board in boards:
        make_console().print(board_table(board))
    say(f"leaderboard: {target / 'leaderboard.html'}")


@command("bench", show=_print_boards)
def benchmark(
    suite: Annotated[str | Path | Mapping[str, Any], Argument(metavar="SUITE")],
    *,
    out: Annotated[str | Path | None, Argument(metavar="FOLDER")] = None,
    processes: int | None = None,
    progress: Annotated[Callable[[Result, int, int], None] | None, PYTHON_ONLY] = None,
) -> list[Board]:
    """Rank recipes over data sets and seeds at equal cost; the same command again continues.

    Whatever is finished in ``out`` is kept, whatever was interrupted continues, so the same call
    again is how to resume, and how to add seeds or recipes. The leaderboard is renewed after each
    training.

    Args:
        suite: name of a suite (genus list suites) or path of a YAML file, see docs/add-a-suite.md; in
            Python a mapping, too.
        out: folder of the trainings and the leaderboard; bench/SUITE by default.
        processes: trainings at a time, which share the cores; by default one for each core, on a GPU one.
            Budgets in seconds compare at equal numbers only.
        progress: called with each result, how many are done and how many there are.

    Returns:
        One board per data set.

    Raises:
        DataError: when the data have too few examples to measure a model by; nothing has been trained then.
        InputError: for an unknown suite or key, or a folder that holds other settings or that another process
            is writing to.
        RecipeError: when a recipe cannot be bound; nothing has been trained then.
    """
    from genus.bench.board import make_boards
    from genus.bench.execute import run_cells
    from genus.bench.show import write_boards
    from genus.bench.suite import load_suite, suite_cells
    from genus.training.run_lock import locked

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

    work = partial(_train_and_measure, measured={**plan.measured(), "keep": root / _REAL})
    with locked(root):
        results = run_cells(cells, work, against=plan.against, processes=processes, progress=listen)
        boards = make_boards(results, plan.columns)
        write_boards(root, name, plan.summary, boards)
    return boards


def _train_and_measure(cell: Cell, *, measured: Mapping[str, Any]) -> Evaluation:
    """Train or resume a cell's run, and evaluate it."""
    from genus.verbs.evaluate import evaluate
    from genus.verbs.resume import resume
    from genus.verbs.train import train

    if (cell.folder / "recipe.yaml").is_file():
        resume(cell.folder)
    else:
        train(cell.source, data=cell.condition, overrides=cell.changes, out=cell.folder)
    return evaluate(cell.folder, **measured)
