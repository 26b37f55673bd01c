"""The public verbs on runs. Torch and everything heavy is imported inside them, so that this is cheap."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genus.assembly import (
    DEFAULT_RECIPE,
    build_model,
    free_folder,
    health_hook,
    make_engine,
    open_data,
    open_measured,
    show,
)
from genus.core.errors import DataError, GenusError, InputError, RecipeError
from genus.core.recipe import Recipe
from genus.core.space import same_meaning
from genus.sampling.conditions import requested_condition, typical_conditions

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from genus.core.model import Model
    from genus.data.source import Dataset
    from genus.metrics.compare import Row
    from genus.metrics.evaluate import Evaluation
    from genus.metrics.evidence import Evidence
    from genus.sampling.parse_condition import ConditionWords
    from genus.training.callbacks import Callback
    from genus.training.doctor.checkup import Checkup
    from genus.training.run import Run


def train(
    recipe: str | Path | Mapping[str, Any] = DEFAULT_RECIPE,
    *,
    data: str | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train a recipe from the start.

    Args:
        recipe: name, path of a YAML file, or mapping.
        data: name of a data set or path, in place of the recipe's.
        out: new folder of the run; ``runs/NAME-N`` by default.
        overrides: ``"key.path=value"``, as on the command line.
        callbacks: listeners besides the log.

    Returns:
        The finished run.

    Raises:
        RecipeError: when the recipe cannot be bound, before any work starts.
        DataError: when the data cannot be read.
        Interrupted: when Ctrl-C stopped it; everything is saved.
    """
    bound = show(recipe, overrides, data=data)
    dataset = open_data(bound)
    model = build_model(bound, dataset.spec)
    from genus.training.devices import launch
    from genus.training.run import Run

    fabric = launch(bound.train.device, bound.train.precision)
    target = Path(out) if out is not None else free_folder(bound.name)
    if fabric.is_global_zero:
        Run.create(target, bound, dataset.spec, dataset.fingerprint)
    target = Path(fabric.broadcast(str(target)))
    run = Run(target)
    try:
        engine = make_engine(run, bound, model, dataset, fabric, callbacks)
    except GenusError:
        if fabric.is_global_zero:  # refused before any work: leave nothing behind
            shutil.rmtree(target, ignore_errors=True)
        raise
    engine.fit()
    return run


def resume(
    run: str | PathLike[str], *, overrides: Sequence[str] = (), callbacks: Sequence[Callback] = ()
) -> Run:
    """Continue an interrupted run, or lengthen a finished one.

    Args:
        run: the run, or its folder.
        overrides: ``train.*`` and ``optimizer.*`` settings to change, ``"train.length=600"``.
        callbacks: listeners besides the log.

    Raises:
        RecipeError: when an override would change what is trained.
        CheckpointError: when no checkpoint can be used.
    """
    from genus.training.devices import launch
    from genus.training.run import Run

    opened = Run(run)
    recipe = opened.recipe
    for text in overrides:
        if not text.startswith(("train.", "optimizer.")) or text.startswith(("train.ema", "train.seed")):
            raise RecipeError(
                f"override {text!r}: a run continues with the model, data, seed and averaging it "
                "began with; only train.* and optimizer.* can change. Start a new run instead"
            )
    if overrides:
        recipe = Recipe(opened.name, show(dict(recipe.config), overrides).config)
    dataset = open_data(recipe)
    if dataset.fingerprint != opened.fingerprint:
        raise InputError(
            f"the data have changed since {str(opened.path)!r} was started (fingerprint "
            f"{dataset.fingerprint}, then {opened.fingerprint}); restore them, or start a new run"
        )
    model = build_model(recipe, dataset.spec)
    fabric = launch(recipe.train.device, recipe.train.precision)
    engine = make_engine(opened, recipe, model, dataset, fabric, callbacks)
    has_checkpoint = any(opened.checkpoints.glob("[0-9]*"))
    if has_checkpoint:
        checkpoint = opened.load()
        engine.restore(checkpoint)
    if fabric.is_global_zero:
        opened.rewind_log(engine.stage_progress.clock.iteration)
        if overrides:
            opened.change_recipe(recipe)
        (opened.path / "evaluation.json").unlink(missing_ok=True)  # it is of the model before
    fabric.barrier()
    engine.fit()
    return opened


def load(run: str | PathLike[str], *, checkpoint: str = "auto", device: str = "cpu") -> Model:
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
    from genus.training.checkpoints import load_weights
    from genus.training.run import Run

    opened = Run(run)
    recipe = opened.recipe
    if checkpoint == "auto":
        checkpoint = "best" if recipe.train.patience and opened.best else "latest"
    if checkpoint not in ("latest", "best"):
        raise InputError(f"checkpoint {checkpoint!r}: choose latest, best or auto")
    saved = opened.load(checkpoint)
    model = build_model(recipe, opened.spec)
    load_weights(model, saved, "ema" if "ema" in saved.tensors else "model")
    return model.eval().to(device)


def sample(
    run: str | PathLike[str] | Model,
    n: int = 64,
    *,
    label: int | str | None = None,
    condition: ConditionWords | None = None,
    seed: int = 0,
    truncation: float | None = None,
    standing: bool = False,
    batch: int = 250,
    checkpoint: str = "auto",
) -> NDArray[Any]:
    """Draw samples; sample i depends on the seed and i alone.

    Args:
        run: a run, its folder, or a model.
        n: how many, >= 1.
        label: class name or number that all samples shall have; all classes in turn when None.
        condition: condition that all samples shall have, of a model that is told one: attributes as a mapping
            or as ``"slant=0.5,thickness=3"`` (others are those of test examples, in turn), a text, or the
            path of an image; the conditions of test examples in turn when None. Of a model with codes:
            codes as a mapping or as ``"category=3,code1=-1"``; others are drawn for each sample.
        seed: of the noise.
        truncation: quality for diversity: latents from [−t, t] alone, or with styles the share ψ of the
            way from the mean style; see :func:`genus.sampling.draw.draw`.
        standing: beside a truncation, batch norms get statistics of truncated latents, in place of those
            of training. See :func:`genus.sampling.standing_statistics.standing_statistics`.
        batch: drawn together; only speed and memory depend on it.
        checkpoint: see :func:`load`.

    Returns:
        float32 ``(n, *spec.shape)`` in data units.

    Raises:
        CapabilityError: when the model cannot sample, takes no label or condition, or has no latent to
            truncate.
        InputError: for an unknown label, a condition or code that does not fit, a truncation out of range,
            a number of samples below 1, or ``standing`` without a truncation.
    """
    from genus.core.model import Model
    from genus.sampling.draw import draw

    if n < 1:
        raise InputError(f"-n {n}: ask for at least one sample")
    model = run if isinstance(run, Model) else load(run, checkpoint=checkpoint)
    labels = requested_condition(model, n, label, condition, lambda: opened_data(run))
    collects = standing and not isinstance(run, Model)
    return draw(
        model,
        n,
        condition=labels,
        seed=seed,
        batch=batch,
        truncation=truncation,
        standing=standing,
        typical=typical_conditions(model, lambda: opened_data(run)) if collects else None,
    ).numpy()


def evaluate(
    run: str | PathLike[str],
    *,
    data: str | None = None,
    n: int | None = None,
    features: str | None = None,
    truncation: float | None = None,
    standing: bool = False,
    metrics: Sequence[str] | None = None,
    checkpoint: str = "auto",
    keep: str | PathLike[str] | None = None,
) -> Evaluation:
    """Measure a run by the protocol and keep the result in its folder.

    Args:
        run: the run, or its folder.
        data: other reference data than the run's own; the result is then not kept.
        n: samples to draw; None for as many as training examples, at most 5,000.
        features: name of a feature map (``list_components("features")``) or a file of
            :func:`genus.train_features`; None chooses by the data.
        truncation: of the samples' latents, see :func:`sample`.
        standing: see there.
        metrics: what is measured (``list_components("metrics")``); None takes all that fit.
        checkpoint: see :func:`load`.
        keep: folder for the features of real examples, which evaluations of other runs by the same
            protocol then read instead of computing them again.

    Returns:
        The scores; they are kept in the run, for tables and reports, unless an argument but ``keep``
            was given.

    Raises:
        CapabilityError: for a truncation, when the model has no latent.
        DataError: when the data do not fit the model or the features.
        InputError: for a truncation out of range, or ``standing`` without one.
        RecipeError: for unknown features; names the nearest.
    """
    from genus.metrics.evaluate import measure
    from genus.sampling.draw import check_standing, check_truncation
    from genus.training.checkpoints import write_text
    from genus.training.run import Run

    check_standing(standing, truncation)
    found = evidence(run, data=data, n=n, features=features, checkpoint=checkpoint, keep=keep)
    if truncation is not None:
        check_truncation(found.model, truncation)
        found = found.truncated(truncation, standing=standing)
    result = measure(found, metrics)
    if (data, n, features, truncation, metrics, checkpoint) == (None, None, None, None, None, "auto"):
        write_text(Run(run).path / "evaluation.json", result.to_json())
    return result


def evidence(
    run: str | PathLike[str],
    *,
    data: str | None = None,
    n: int | None = None,
    features: str | None = None,
    checkpoint: str = "auto",
    keep: str | PathLike[str] | None = None,
) -> Evidence:
    """A run's model and data as metrics look at them, for :func:`genus.metrics.evaluate.measure`.

    Args:
        run: the run, or its folder.
        data: see :func:`evaluate`, as all others.
        n: samples.
        features: name or file.
        checkpoint: see :func:`load`.
        keep: folder of real examples' features.

    Raises:
        DataError: when the data do not fit the model or the features.
        RecipeError: for unknown features; names the nearest.
    """
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
    conditional = getattr(model, "conditional", False)
    if conditional and not same_meaning(dataset.spec.condition, model.spec.condition):
        raise DataError(
            f"the model is conditioned on what comes with {opened.spec.describe()}; the examples of {data!r} "
            f"come with something else: {dataset.spec.describe()}"
        )
    return gather(
        model,
        train=dataset.train,
        test=dataset.test,
        data_name=dataset.name,
        fingerprint=dataset.fingerprint,
        features=features,
        n=n,
        keep=None if keep is None else Path(keep),
    )


def compare(runs: Sequence[str | PathLike[str]], *, features: str | None = None) -> list[Row]:
    """Put evaluations of runs side by side; runs not evaluated yet are evaluated first.

    Args:
        runs: two or more runs, or their folders.
        features: see :func:`evaluate`; with features given, all runs are evaluated anew.

    Raises:
        ProtocolError: when they were measured under different protocols.
    """
    from genus.metrics.compare import compare_evaluations
    from genus.metrics.evaluate import Evaluation

    found: dict[str, Evaluation] = {}
    for run in runs:
        kept = Path(run) / "evaluation.json"
        known = features is None and kept.is_file()
        result = Evaluation.from_json(kept.read_text()) if known else evaluate(run, features=features)
        found[os.fspath(run)] = result
    return compare_evaluations(found)


def report(run: str | PathLike[str]) -> Path:
    """Write ``report.html`` of a run: one self-contained file without outside requests.

    Args:
        run: the run, or its folder.

    Returns:
        The file's path.
    """
    from genus.metrics.evaluate import Evaluation
    from genus.reports.page import Facts, write_report
    from genus.training.doctor.checkup import check_up
    from genus.training.run import Run

    opened = Run(run)
    kept = opened.path / "evaluation.json"
    sheets = sorted(opened.samples.glob("*.png"))
    facts = Facts(
        name=opened.name,
        path=str(opened.path),
        recipe=opened.recipe,
        spec=opened.spec,
        fingerprint=opened.fingerprint,
        log=list(opened.log_lines()),
        sheets=[(int(path.stem), path.read_bytes()) for path in sheets if path.stem.isdigit()],
        scores=Evaluation.from_json(kept.read_text()) if kept.is_file() else None,
        checkup=check_up(opened),
    )
    return write_report(opened.path / "report.html", facts)


def doctor(run: str | PathLike[str], *, samples: bool = True) -> Checkup:
    """Say what is wrong with a run, on what evidence, and which change of recipe helps.

    Its log is examined line by line, as it was beside the training. Samples are judged by the looks
    that were taken then; without any, some are drawn from the last checkpoint.

    Args:
        run: the run, or its folder; it may be running, finished or crashed.
        samples: whether samples may be drawn.

    Returns:
        The illnesses seen, each with its advice, and what could not be judged.

    Raises:
        InputError: when there is no such run.
    """
    from genus.core.model import Samples
    from genus.training.doctor.checkup import check_up
    from genus.training.doctor.doctor import LADDER
    from genus.training.doctor.record import read_record
    from genus.training.run import Run

    opened = Run(run)
    looked = any("look" in line for line in read_record(opened.doctor_path))
    if not samples or looked or not any(opened.checkpoints.glob("[0-9]*")):
        return check_up(opened)
    model = load(opened, checkpoint="latest")
    if not isinstance(model, Samples):
        return check_up(opened)
    return check_up(opened, health_hook(open_data(opened.recipe))(model, LADDER[-1]))


def opened_data(run: str | PathLike[str] | Model) -> Dataset:
    """The data of a run.

    Raises:
        InputError: for a model alone, which has none.
    """
    from genus.core.model import Model
    from genus.training.run import Run

    if isinstance(run, Model):
        raise InputError(
            "a model alone has no examples to take conditions from: give its run, or every attribute"
        )
    return open_data(Run(run).recipe)
