"""Contents of saved runs: the model, the data, and both as metrics look at them."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from genus.core.command import Checkpoint
from genus.core.errors import DataError, InputError
from genus.core.space import same_meaning

if TYPE_CHECKING:
    from genus.core.model import Model
    from genus.data.dataset import Dataset
    from genus.data.source import Source
    from genus.metrics.evidence import Evidence
    from genus.training.run import Run


def load(run: str | PathLike[str], *, checkpoint: Checkpoint = "auto", device: str = "cpu") -> Model:
    """Rebuild the trained model of a run, in evaluation mode; runs no pickled code.

    Args:
        run: the run, or its folder.
        checkpoint: ``latest``, ``best``, or ``auto``: best where early stopping was on.
        device: where to put it.

    Returns:
        The model with averaged weights where the recipe averages.

    Raises:
        CheckpointError: when there is no good checkpoint.
    """
    from genus.assembly import build_model
    from genus.training.checkpoints import load_weights
    from genus.training.run import Run

    opened = Run(run)
    recipe = opened.recipe
    saved = opened.load(_which(opened, checkpoint))
    model = build_model(recipe, opened.spec)
    load_weights(model, saved, "ema" if "ema" in saved.tensors else "model")
    return model.eval().to(device)


def evidence(
    run: str | PathLike[str],
    *,
    data: str | None = None,
    n: int | None = None,
    features: str | None = None,
    checkpoint: Checkpoint = "auto",
    keep: str | PathLike[str] | None = None,
) -> Evidence:
    """A run's model and data as evidence for metrics, for :func:`genus.metrics.evaluate.measure`.

    Args:
        run: the run, or its folder.
        data: see :func:`genus.evaluate`, as all others.
        n: samples.
        features: name or file.
        checkpoint: see :func:`load`.
        keep: folder of real examples' features.

    Raises:
        DataError: when the data do not fit the model or the features.
        RecipeError: for unknown features; names the nearest.
    """
    from genus.assembly import open_data, open_measured
    from genus.metrics.evaluate import gather
    from genus.metrics.features import check_features
    from genus.training.run import Run

    opened = Run(run)
    if features is not None:
        check_features(features)
    model = load(run, checkpoint=checkpoint)
    dataset = open_measured(opened.recipe, data)
    if dataset.spec.shape != opened.spec.shape or dataset.spec.range != opened.spec.range:
        raise DataError(
            f"the run was trained on {opened.spec.describe()}; {data!r} holds {dataset.spec.describe()}"
        )
    selection = ""
    if _which(opened, checkpoint) == "best":
        own = dataset if data is None else open_data(opened.recipe)
        selection = _selection(opened, own.train)
    conditional = getattr(model, "conditional", False)
    if conditional and not same_meaning(dataset.spec.condition, model.spec.condition):
        raise DataError(
            f"the model is conditioned on what comes with {opened.spec.describe()}; the examples of {data!r} "
            f"come with something else: {dataset.spec.describe()}"
        )
    found = gather(
        model,
        train=dataset.train,
        test=dataset.test,
        data_name=dataset.name,
        fingerprint=dataset.fingerprint,
        features=features,
        n=n,
        keep=None if keep is None else Path(keep),
    )
    return replace(found, selection=selection)


def _which(run: Run, checkpoint: Checkpoint) -> Checkpoint:
    """``latest`` or ``best``.

    Raises:
        InputError: for another word.
    """
    if checkpoint == "auto":
        return "best" if run.recipe.train.patience and run.best else "latest"
    if checkpoint not in ("latest", "best"):
        raise InputError(f"checkpoint {checkpoint!r}: choose latest, best or auto")
    return checkpoint


def _selection(run: Run, train: Source) -> str:
    """How the best checkpoint was chosen, and on which examples."""
    from genus.assembly import split_for_selection

    best = run.best or {}
    held_back = split_for_selection(train, run.recipe.train)[1]
    if held_back is not None:
        examples = f"{len(held_back)} examples held back from training"
    else:
        examples = (
            "training examples" if best["metric"] == "frechet" else "test examples, so it is optimistic"
        )
    return f"checkpoint {best['iteration']} chosen among others by its {best['metric']} on {examples}"


def opened_data(run: str | PathLike[str] | Model) -> Dataset:
    """The data of a run.

    Raises:
        InputError: for a model alone, which has none.
    """
    from genus.assembly import open_data
    from genus.core.model import Model
    from genus.training.run import Run

    if isinstance(run, Model):
        raise InputError(
            "a model alone has no examples to take conditions from: give its run, or every attribute"
        )
    return open_data(Run(run).recipe)
