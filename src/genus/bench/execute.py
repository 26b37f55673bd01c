"""Train and evaluate the cells of a suite, in several processes, and go on where it stopped."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from genus.bench.suite import Cell
from genus.core.errors import GenusError, InputError
from genus.core.recipe import Recipe
from genus.metrics.evaluate import Evaluation
from genus.training.durable import write_text
from genus.training.run import Run
from genus.training.run_lock import locked

RESULT = "result.json"
"""Of a cell: evaluation and cost, or why it failed."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Result of one cell.

    Args:
        entry: name of the entry.
        data: name of the data set.
        seed: of the training.
        folder: of the run.
        evaluation: None when training or evaluation failed.
        error: why it failed; empty when it did not.
        seconds: of training.
        cpu_seconds: of training, all threads.
        samples: examples of the data seen in training.
        memory: largest resident memory of the process, MiB.
        live: (share of the training's CPU seconds, live score) in the order of training.
    """

    entry: str
    data: str
    seed: int
    folder: Path
    evaluation: Evaluation | None
    error: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    samples: int = 0
    memory: float = 0.0
    live: Sequence[tuple[float, float]] = ()


def run_cells(
    cells: Sequence[Cell],
    work: Callable[[Cell], Evaluation],
    *,
    against: str | None = None,
    processes: int | None = None,
    progress: Callable[[Result, int, int], None] | None = None,
) -> list[Result]:
    """Bring every cell to a result; those that have one are read, interrupted ones continue.

    Args:
        cells: see :func:`genus.bench.suite.suite_cells`.
        work: trains or resumes the run of a cell and measures it; called in other processes.
        against: data to measure against, in place of those that were trained on.
        processes: trainings at a time, which share the cores; by default one for each core, on a
            GPU one.
        progress: called with each new result, how many are there and how many there will be.

    Raises:
        DataError: when the data have too few examples to measure a model by.
        InputError: when a folder holds a run of other settings.
        KeyboardInterrupt: after the running trainings have saved.
    """
    for cell in cells:
        _check_same(cell)
    found = {cell.folder: read_result(cell) for cell in cells if (cell.folder / RESULT).is_file()}
    missing = [cell for cell in cells if cell.folder not in found]
    _check_measurable(missing, against)
    if progress is not None:
        for done, result in enumerate(found.values()):
            progress(result, done + 1, len(cells))
    complete = partial(complete_cell, work=work)
    processes = processes or trainings_at_a_time(missing)
    threads = max(_cores() // processes, 1)
    context = get_context("spawn")  # a process per cell: its memory is the cell's, its threads are set
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_limit_threads, initargs=(threads,), max_tasks_per_child=1
    ) as pool:
        futures: dict[Future[None], Cell] = {pool.submit(complete, cell): cell for cell in missing}
        try:
            for future in as_completed(futures):
                future.result()
                cell = futures[future]
                found[cell.folder] = read_result(cell)
                if progress is not None:
                    progress(found[cell.folder], len(found), len(cells))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [found[cell.folder] for cell in cells]


def trainings_at_a_time(cells: Sequence[Cell]) -> int:
    """One for each core, so that a CPU second is the same for all; one when any trains on a GPU."""
    from genus.training.devices import on_processor

    return _cores() if all(on_processor(cell.recipe.train.device) for cell in cells) else 1


def complete_cell(cell: Cell, *, work: Callable[[Cell], Evaluation]) -> None:
    """Bring one cell to a result and write it.

    A failure of the model (a loss that is not finite, say) is a result, too; Ctrl-C is not, nor is it that
    another process trains the cell.

    Args:
        cell: what to train.
        work: see :func:`run_cells`.
    """
    from genus.training.engine import Interrupted

    record: dict[str, Any]
    with locked(cell.folder):
        try:
            record = {"evaluation": json.loads(work(cell).to_json())}
        except Interrupted:
            raise KeyboardInterrupt from None
        except GenusError as error:
            record = {"error": str(error)}
        cell.folder.mkdir(exist_ok=True)  # a training that was refused leaves nothing
        write_text(cell.folder / RESULT, json.dumps({**record, "memory": _peak_memory()}, indent=1))


def read_result(cell: Cell) -> Result:
    """The result of a finished cell.

    Raises:
        InputError: when the file is damaged.
    """
    path = cell.folder / RESULT
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); delete it and run the benchmark again") from None
    measured = record.get("evaluation")
    log = list(Run(cell.folder).log_lines()) if (cell.folder / "recipe.yaml").is_file() else []
    seconds, cpu_seconds = (float(log[-1][key]) if log else 0.0 for key in ("seconds", "cpu_seconds"))
    live = [
        (line["cpu_seconds"] / max(cpu_seconds, 1e-9), next(iter(line["scores"].values())))
        for line in log
        if line.get("scores")
    ]
    return Result(
        entry=cell.entry,
        data=cell.data,
        seed=cell.seed,
        folder=cell.folder,
        evaluation=None if measured is None else Evaluation.from_json(json.dumps(measured)),
        error=record.get("error", ""),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        samples=int(log[-1]["samples"]) if log else 0,
        memory=record["memory"],
        live=live,
    )


def _check_same(cell: Cell) -> None:
    """Refuse to mix settings in one folder."""
    if not (cell.folder / "recipe.yaml").is_file():
        return
    run = Run(cell.folder)
    before, now = _leaves(run.recipe), _leaves(cell.recipe.fitted(run.spec.traits))
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if changed:
        key = changed[0]
        raise InputError(
            f"{cell.folder} was trained with {key} = {before.get(key)!r}, the suite asks for {now.get(key)!r}"
            f"{f' ({len(changed)} settings differ)' if len(changed) > 1 else ''}; choose another --out"
        )


def _check_measurable(cells: Sequence[Cell], against: str | None) -> None:
    """Refuse what could be trained, but not measured afterwards."""
    from genus.assembly import open_measured
    from genus.core.registry import component
    from genus.metrics.evaluate import refuse_few_examples

    checked: list[Any] = []
    for cell in cells:
        config = cell.recipe.config
        if config["data"] in checked or component("model", config["model"]["name"]).load().one_example:
            continue
        dataset = open_measured(cell.recipe, against)
        refuse_few_examples(dataset.train, dataset.test)
        checked.append(config["data"])


def _leaves(recipe: Recipe) -> dict[str, Any]:
    return {key: value for key, value in recipe.leaves() if not key.startswith("expects")}


def _limit_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _cores() -> int:
    """Cores this process may use: fewer than the machine has, where a scheduler says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _peak_memory() -> float:
    """Largest resident memory of this process so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
