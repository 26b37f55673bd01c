"""Cells of a suite: one process at a time brings a cell to a result."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import genus
from genus.bench.execute import RESULT, complete_cell
from genus.bench.suite import load_suite, suite_cells
from genus.core.errors import RecipeError
from genus.training.run_lock import BusyError, locked
from tests.bench.test_suite import TINY


@contextmanager
def held_by_another(folder: Path) -> Iterator[None]:
    """A folder's lock, held by another thread, which counts as another process does."""
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(folder):
            ready.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_that_another_process_trains_a_cell_is_no_result(tmp_path: Path) -> None:
    cell = suite_cells(load_suite(TINY)[1], tmp_path)[0]
    with held_by_another(cell.folder), pytest.raises(BusyError, match="is being written by process"):
        complete_cell(cell, work=lambda cell: pytest.fail("it is being trained already"))
    assert not (cell.folder / RESULT).exists()


def test_a_second_benchmark_in_one_folder_is_refused(tmp_path: Path) -> None:
    with held_by_another(tmp_path / "out"), pytest.raises(BusyError):
        genus.benchmark(TINY, out=tmp_path / "out")


def test_why_a_cell_was_refused_is_its_result(tmp_path: Path) -> None:
    cell = suite_cells(load_suite(TINY)[1], tmp_path)[0]

    def refuse(cell: object) -> None:
        raise RecipeError("no")

    complete_cell(cell, work=refuse)  # type: ignore[arg-type]
    assert '"error": "no"' in (cell.folder / RESULT).read_text()
