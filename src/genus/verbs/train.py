"""``genus train``: a new run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genus.core.command import PYTHON_ONLY, Argument, DataSource, Overrides, RecipeSource, command
from genus.core.errors import GenusError
from genus.verbs.show import show

if TYPE_CHECKING:
    from genus.core.recipe import Recipe
    from genus.training.callbacks import Callback
    from genus.training.run import Run


def _train_watched(call: partial[Run]) -> None:
    """Train with live progress and print what to do next."""
    from genus.cli.watch import say_next, watched

    say_next(watched(call, _recipe_of(call)))  # errors of the recipe come before torch loads


def _print_settings(call: partial[Run]) -> None:
    """Every setting of a recipe with its default."""
    from genus.cli.console import make_console, say
    from genus.cli.describe import settings_table

    recipe = _recipe_of(call)
    name = call.keywords["recipe"]
    say(f"usage: genus train {name} [key=value …] [--data NAME|PATH] [--out RUN]\n")
    make_console().print(settings_table(recipe))


def _recipe_of(call: partial[Run]) -> Recipe:
    return show(**{key: call.keywords[key] for key in ("recipe", "overrides", "data")})


@command("train", show=_train_watched, explain=_print_settings)
def train(
    recipe: RecipeSource = "default",
    *,
    overrides: Overrides = (),
    data: DataSource = None,
    out: Annotated[str | Path | None, Argument(metavar="RUN")] = None,
    callbacks: Annotated[Sequence[Callback], PYTHON_ONLY] = (),
) -> Run:
    """Train a recipe; ``genus train RECIPE --help`` shows every setting with its default.

    Args:
        recipe: name of a recipe (genus list recipes) or path of a YAML file; in Python a mapping, too.
        overrides: settings to change, key.path=value.
        data: name of a data set, or path of images, arrays or a table, in place of the recipe's.
        out: new folder of the run; runs/RECIPE-N by default.
        callbacks: listeners besides the log.

    Returns:
        The finished run.

    Raises:
        RecipeError: when the recipe cannot be bound, before any work starts.
        DataError: when the data cannot be read.
        InputError: when ``out`` is not empty, or another process is writing to it.
        Interrupted: when Ctrl-C stopped it; everything is saved.
    """
    from genus.assembly import build_model, free_folder, make_engine, open_data
    from genus.training.devices import from_first, launch
    from genus.training.run import Run
    from genus.training.run_lock import claimed

    read = show(recipe, overrides, data=data)
    dataset = open_data(read)
    bound = read.fitted(dataset.spec.traits)
    model = build_model(bound, dataset.spec)
    fabric = launch(bound.train.device, bound.train.precision)
    first = fabric.is_global_zero
    if out is None:
        out = from_first(fabric, str(free_folder(bound.name)) if first else "")
    target = Path(out)
    with claimed(target):
        if first:
            read.note_changes(bound)
            Run.create(target, bound, dataset.spec, dataset.fingerprint)
        fabric.barrier()
        run = Run(target)
        try:
            engine = make_engine(run, bound, model, dataset, fabric, callbacks)
        except GenusError:
            if first:  # refused before any work: leave nothing behind
                shutil.rmtree(target, ignore_errors=True)
            raise
        engine.fit()
    return run
