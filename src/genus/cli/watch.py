"""Trainings at a terminal: what begins, how it goes, what to do next."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from rich.markup import escape

from genus.cli.console import make_console
from genus.training.run_lock import is_first_rank

if TYPE_CHECKING:
    from genus.core.recipe import Recipe
    from genus.training.run import Run

_T = TypeVar("_T")


def watched(call: partial[_T], recipe: Recipe | None = None) -> _T:
    """Carry out a call that trains, with live progress; after Ctrl-C say how to go on, and exit with 1.

    Args:
        call: of a function that takes ``callbacks``.
        recipe: what begins; None when something continues.
    """
    console, first = make_console(), is_first_rank()
    if recipe is not None and first:
        expected = recipe.config["expects"]["cost"]
        console.print(
            f"[bold]{escape(recipe.name)}[/bold] {escape(recipe.config['summary'])}"
            + (f" [dim](expected: {escape(expected)})[/dim]" if expected else "")
        )
    from genus.cli.progress import make_progress
    from genus.training.engine import Interrupted

    watch = make_progress(console)
    try:
        return call(callbacks=[watch])
    except Interrupted:
        if first:
            console.print(f"stopped and saved; continue with: genus resume {watch.path}")
        sys.exit(1)


def say_next(run: Run) -> None:
    """Say where a training is and what may follow."""
    if is_first_rank():
        console, path = make_console(), run.path
        console.print(f"trained: [bold]{escape(str(path))}[/bold]")
        console.print(f"next: genus sample {path} · genus evaluate {path} · genus report {path}")
