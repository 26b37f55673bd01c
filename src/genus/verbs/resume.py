"""``genus resume``: a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genus.core.command import PYTHON_ONLY, Overrides, RunFolder, command
from genus.core.errors import InputError, RecipeError

if TYPE_CHECKING:
    from genus.core.recipe import Recipe
    from genus.training.callbacks import Callback
    from genus.training.run import Run


def _resume_watched(call: partial[Run]) -> None:
    """Continue with live progress and print what to do next."""
    from genus.cli.watch import say_next, watched

    run = call.keywords["run"]
    if not (Path(run) / "recipe.yaml").is_file():  # said before torch loads
        raise InputError(f"{run!r} is not a run; give the folder that `genus train` printed")
    say_next(watched(call))


@command("resume", show=_resume_watched)
def resume(
    run: RunFolder,
    *,
    overrides: Overrides = (),
    callbacks: Annotated[Sequence[Callback], PYTHON_ONLY] = (),
) -> Run:
    """Continue an interrupted run, or lengthen a finished one with train.length=….

    Args:
        run: folder of the run; in Python the run itself, too.
        overrides: train.* and optimizer.* settings to change, key.path=value.
        callbacks: listeners besides the log.

    Raises:
        RecipeError: when an override would change what is trained.
        CheckpointError: when no checkpoint can be used.
        InputError: when another process is training the run, or its data have changed.
    """
    from genus.training.run import Run
    from genus.training.run_lock import locked

    opened = Run(run)
    with locked(opened.path):  # before anything is read that another process may be writing
        _go_on(opened, _changed(opened.recipe, opened.name, overrides), callbacks, changed=bool(overrides))
    return opened


def _go_on(opened: Run, recipe: Recipe, callbacks: Sequence[Callback], *, changed: bool) -> None:
    """Train a run from its last checkpoint on."""
    from genus.assembly import build_model, make_engine, open_data
    from genus.training.devices import launch

    dataset = open_data(recipe)
    if dataset.fingerprint != opened.fingerprint:
        raise InputError(
            f"the data have changed since {str(opened.path)!r} was started (fingerprint "
            f"{dataset.fingerprint}, then {opened.fingerprint}); restore them, or start a new run"
        )
    model = build_model(recipe, dataset.spec)
    fabric = launch(recipe.train.device, recipe.train.precision)
    engine = make_engine(opened, recipe, model, dataset, fabric, callbacks)
    if any(opened.checkpoints.glob("[0-9]*")):
        engine.restore(opened.load())
    if fabric.is_global_zero:
        opened.rewind_log(engine.stage_progress.clock.iteration)
        if changed:
            opened.change_recipe(recipe)
        (opened.path / "evaluation.json").unlink(missing_ok=True)  # it is of the model before
    fabric.barrier()
    engine.fit()


def _changed(recipe: Recipe, name: str, overrides: Sequence[str]) -> Recipe:
    """The recipe of a run with settings of its training changed."""
    from genus.core.recipe import Recipe
    from genus.verbs.show import show

    for text in overrides:
        if not text.startswith(("train.", "optimizer.")) or text.startswith(("train.ema", "train.seed")):
            raise RecipeError(
                f"override {text!r}: a run continues with the model, data, seed and averaging it "
                "began with; only train.* and optimizer.* can change. Start a new run instead"
            )
    changed = Recipe(name, show(dict(recipe.config), overrides).config) if overrides else recipe
    if (changed.train.patience is None) != (recipe.train.patience is None):
        raise RecipeError(
            "train.patience: with it some examples are held back from training, so a run that began without "
            "it cannot go on with it, nor the other way round; start a new run instead"
        )
    return changed
