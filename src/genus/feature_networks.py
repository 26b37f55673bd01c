"""The public verbs for feature networks of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genus.api import load, train
from genus.assembly import open_data, show
from genus.core.errors import CapabilityError, DataError, InputError

if TYPE_CHECKING:
    from genus.data.source import Dataset
    from genus.training.callbacks import Callback

RECIPE = "classifier"
"""The recipe that feature networks are trained by."""
SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class FeatureNetwork:
    """A feature network that was written.

    Args:
        path: its file.
        run: the training it comes from.
        data: name of the data it was trained on.
        classes: their classes.
        accuracy: share of test examples whose class it reads rightly.
        low: lower end of Wilson's 95 % interval.
        high: upper end.
        test_examples: how many they were.
        sha256: of the weights and everything said about them; the protocol's fingerprint.
    """

    path: str
    run: str
    data: str
    classes: Sequence[str]
    accuracy: float
    low: float
    high: float
    test_examples: int
    sha256: str


def train_features(
    data: str,
    *,
    out: str | Path = "features.safetensors",
    run: str | Path | None = None,
    overrides: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
) -> FeatureNetwork:
    """Train a classifier on labelled data and keep it as a feature network for evaluations.

    It is an ordinary training of the recipe ``classifier``: when interrupted, :func:`genus.resume`
    continues it and :func:`export_features` makes the file.

    Args:
        data: name of a labelled data set, or path.
        out: file to write, ``NAME.safetensors``.
        run: new folder of the training; ``runs/classifier-N`` by default.
        overrides: settings of the recipe, ``"model.features=128"``.
        callbacks: listeners besides the log.

    Raises:
        DataError: when the data have no labels.
        InputError: when ``out`` exists or cannot be written, before anything is trained.
    """
    check_out(out)
    require_labels(open_data(show(RECIPE, overrides, data=data)), data)
    trained = train(RECIPE, data=data, out=run, overrides=overrides, callbacks=callbacks)
    return _export(trained, out)


def export_features(run: str | PathLike[str], out: str | Path = "features.safetensors") -> FeatureNetwork:
    """Keep a trained classifier as a feature network: ``genus evaluate RUN --features FILE``.

    Args:
        run: a run of a model that recognises classes by features, such as the recipe ``classifier``.
        out: file to write.

    Raises:
        CapabilityError: when the model has no such features.
        InputError: when the data are not those of the training, or ``out`` exists.
    """
    check_out(out)
    return _export(run, out)


def _export(run: str | PathLike[str], out: str | Path) -> FeatureNetwork:
    """Write the file; several ranks may, one after the other, with the same contents."""
    from genus.core.model import Recognises
    from genus.metrics.features.trained import read_features, write_features
    from genus.training.run import Run

    opened = Run(run)
    model = load(opened)
    if not isinstance(model, Recognises):
        raise CapabilityError(
            f"{str(opened.path)!r} holds no feature network; train one with `genus features train DATA`"
        )
    dataset = open_data(opened.recipe)
    if dataset.fingerprint != opened.fingerprint:
        raise InputError(f"the data have changed since {str(opened.path)!r} was trained; restore them")
    accuracy, low, high = _accuracy(model, dataset)
    record: dict[str, Any] = {
        "model": opened.recipe.config["model"],
        "spec": opened.spec.to_json(),
        "data": dataset.name,
        "data_fingerprint": dataset.fingerprint,
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "test_examples": len(dataset.test),
    }
    write_features(out, record, model.state_dict())
    return FeatureNetwork(
        path=str(out),
        run=str(opened.path),
        data=dataset.name,
        classes=opened.spec.classes,
        accuracy=accuracy,
        low=low,
        high=high,
        test_examples=len(dataset.test),
        sha256=read_features(out)[0]["sha256"],
    )


def require_labels(dataset: Dataset, data: str) -> None:
    """Refuse data that no classifier can be trained on.

    Raises:
        DataError: saying how labels are given.
    """
    if dataset.spec.num_classes < 2:
        raise DataError(
            f"a feature network is trained on labelled data of two classes or more; {data!r} holds "
            f"{dataset.spec.describe()}. Put images into one folder per class, give arrays with labels, "
            "or measure with --features random"
        )


def check_out(out: str | Path) -> None:
    """Refuse a place that cannot take the file, before work is done for it.

    Raises:
        InputError: saying what to name instead.
    """
    target = Path(out)
    if target.suffix != SUFFIX:
        raise InputError(f"--out {str(out)!r}: name a file that ends in {SUFFIX}")
    if target.exists():
        raise InputError(f"--out {str(out)!r} exists; choose another name, or delete it")
    if not target.parent.is_dir():
        raise InputError(f"--out {str(out)!r}: there is no folder {str(target.parent)!r}")


def _accuracy(model: Any, dataset: Dataset) -> tuple[float, float, float]:
    """Share of test examples read rightly, with Wilson's interval."""
    import numpy as np
    import torch

    from genus.metrics.accuracy import class_accuracy
    from genus.metrics.examples import batches

    logits: list[Any] = []
    labels: list[Any] = []
    with torch.no_grad():
        for batch in batches(dataset.test, np.arange(len(dataset.test))):
            logits.append(model.classify(batch.x))
            labels.append(batch.condition)
    return class_accuracy(torch.cat(logits).numpy(), torch.cat(labels).numpy())
