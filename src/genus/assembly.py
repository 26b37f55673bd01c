"""From a recipe to everything that a training needs: data, model, engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genus.core.errors import RecipeError
from genus.core.recipe import Recipe, load_recipe
from genus.sampling.conditions import default_condition

if TYPE_CHECKING:
    from genus.core.model import Model
    from genus.core.train_settings import TrainSettings
    from genus.data.dataset import Dataset
    from genus.data.source import Source
    from genus.training.callbacks import Callback
    from genus.training.doctor.doctor import Doctor
    from genus.training.run import Run


def open_data(recipe: Recipe) -> Dataset:
    """Open and validate the data of a resolved recipe."""
    from genus.data.info import open_data as open_configured

    return open_configured(recipe.config["data"])


def open_measured(recipe: Recipe, data: str | None) -> Dataset:
    """Open what a model is measured against: ``data``, or else what its recipe trains on."""
    if data is not None:
        from genus.data.locate import describe_source

        changed = load_recipe(dict(recipe.config), data=data, locate=describe_source)
        recipe = Recipe(recipe.name, changed.config)
    return open_data(recipe)


def make_engine(
    run: Run,
    recipe: Recipe,
    model: Model,
    dataset: Dataset,
    fabric: Any,
    callbacks: Sequence[Callback] = (),
) -> Any:
    """Put an engine together: log, sample sheets, live scores, and the doctor as an observer."""
    from genus.core.capabilities import Samples
    from genus.training.callbacks import JsonLines, TensorBoard
    from genus.training.doctor.observer import DoctorObserver
    from genus.training.engine import Engine
    from genus.training.publisher import Hooks

    settings = recipe.train
    listeners: list[Callback] = [JsonLines(), *callbacks]
    if settings.tensorboard:
        listeners.append(TensorBoard())
    examples, held_back = split_for_selection(dataset.train, settings)
    source = _training_source(model, examples, dataset.name, settings.labels)
    if settings.doctor != "off":
        doctor = _doctor(run, recipe, model, dataset)
        listeners.append(DoctorObserver(doctor, settings, len(source), tuple(listeners)))
    sheet = _sheet_hook(dataset) if isinstance(model, Samples) else None
    return Engine(
        model,
        source,
        run,
        settings=settings,
        optimizer=recipe.config["optimizer"],
        fabric=fabric,
        callbacks=listeners,
        hooks=Hooks(sample=sheet, score=_score_hook(dataset, held_back, settings)),
    )


def _doctor(run: Run, recipe: Recipe, model: Model, dataset: Dataset) -> Doctor:
    """The doctor of a run, with its recipe and access to its samples."""
    from functools import partial

    from genus.core.capabilities import Samples
    from genus.training.doctor.advice import prescribe
    from genus.training.doctor.checkup import history_of
    from genus.training.doctor.doctor import Doctor

    return Doctor(
        run.doctor_path,
        history=partial(history_of, recipe),
        prescribe=partial(prescribe, recipe=recipe),
        look=health_hook(dataset) if isinstance(model, Samples) else None,
        act=recipe.train.doctor == "act",
    )


def health_hook(dataset: Dataset) -> Any:
    """Signs in a number of samples; what they are compared with is made at the first look."""
    from functools import cache

    from genus.metrics.sample_health import health_reference, look

    @cache
    def reference() -> Any:
        return health_reference(dataset.train, dataset.test, data_name=dataset.name)

    def signs(model: Model, n: int) -> dict[str, float]:
        known = reference()
        return {} if known is None else look(model, known, n=n)

    return signs


def split_for_selection(train: Source, settings: TrainSettings) -> tuple[Source, Source | None]:
    """The examples to train on, and those by which a checkpoint is chosen; None where none is.

    Raises:
        DataError: when there are too few to hold some back.
        RecipeError: when patience waits for scores that are never measured.
    """
    if settings.patience is None:
        return train, None
    if settings.score_every is None:
        raise RecipeError(f"train.patience={settings.patience} waits for scores: set train.score_every, too")
    from genus.data.held_back import hold_back

    return hold_back(train)


def _training_source(model: Model, examples: Source, name: str, labels: int | None) -> Source:
    """What the model is trained on: all labels, or few where it can do with few."""
    from genus.data.few_labels import FewLabels

    if model.one_example and len(examples) != 1:
        raise RecipeError(
            f"{type(model).__name__} learns from one example, and the data {name!r} have "
            f"{len(examples):,}; give one image: data.path=FILE with the data 'photograph'"
        )
    if labels is None:
        return examples
    if not model.partial_labels:
        raise RecipeError(
            f"train.labels={labels}: {type(model).__name__} needs every label or none; choose a "
            "semi-supervised model, such as the recipe improved-gan"
        )
    return FewLabels(examples, labels)


def free_folder(name: str, parent: str = "runs") -> Path:
    """``PARENT/NAME-1``, or the first free number after it, made empty: no two processes get the same."""
    Path(parent).mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = Path(parent) / f"{name}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("there is always another number")


@contextmanager
def chosen_folder(out: str | PathLike[str] | None, name: str, parent: str) -> Iterator[Path]:
    """``out``, or else a free folder, which goes again after an error that left nothing in it."""
    folder = free_folder(name, parent) if out is None else Path(out)
    try:
        yield folder
    except BaseException:
        if out is None:
            with suppress(OSError):
                folder.rmdir()
                folder.parent.rmdir()  # if nothing else is in it
        raise


def build_model(recipe: Recipe, spec: Any) -> Model:
    """Build the model of a recipe for some kind of data, with the initial weights its seed gives."""
    import torch

    from genus.core.binder import build
    from genus.core.noise import derive_seed

    state = torch.get_rng_state()
    torch.manual_seed(derive_seed(recipe.train.seed, "weights"))
    try:
        return build("model", recipe.config["model"], spec)
    except ValueError as error:  # a value that torch itself refuses, such as dropout: 1.5
        raise RecipeError(f"the model cannot be built from this recipe: {error}") from error
    finally:
        torch.set_rng_state(state)


def _sheet_hook(dataset: Dataset) -> Any:
    import numpy as np

    from genus.reports.sheet import write_sheet
    from genus.sampling.draw import draw

    vectors = len(dataset.spec.shape) == 1
    n = 2000 if vectors else 80

    def write(model: Any, path: Path) -> None:
        samples = draw(model, n, condition=default_condition(model, n, lambda: dataset), seed=0).numpy()
        reference = None
        if vectors:
            reference = dataset.train.batch(np.arange(min(2000, len(dataset.train)))).x.numpy()
        columns = dataset.spec.num_classes if model.conditional and 0 < dataset.spec.num_classes <= 20 else 10
        write_sheet(path, samples, dataset.spec, columns=columns, reference=reference)

    return write


def _score_hook(dataset: Dataset, held_back: Source | None, settings: TrainSettings) -> Any:
    """Live scores: against the examples held back where a checkpoint is chosen by them."""
    if settings.score_every is None:
        return None
    from genus.metrics.quick import quick_reference, quick_scores

    splits = (held_back, held_back) if held_back is not None else (dataset.train, dataset.test)
    reference = quick_reference(*splits, data_name=dataset.name)
    return lambda model: quick_scores(model, reference, n=settings.score_samples)
