"""``genus features``: feature networks of one's own, for evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genus.core.command import PYTHON_ONLY, Argument, Overrides, RunFolder, command
from genus.core.errors import CapabilityError, DataError, InputError
from genus.verbs.show import show
from genus.verbs.train import train

if TYPE_CHECKING:
    from genus.data.dataset import Dataset
    from genus.training.callbacks import Callback

_RECIPE = "classifier"
"""The recipe that feature networks are trained by."""
_SUFFIX = ".safetensors"


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


def _train_watched(call: partial[FeatureNetwork]) -> None:
    """Train with live progress, and print how good the network is."""
    from genus.cli.watch import watched

    recipe = show(_RECIPE, call.keywords["overrides"], data=call.keywords["data"])
    _say(watched(call, recipe))


def _print_network(call: partial[FeatureNetwork]) -> None:
    """Export, and print how good the network is."""
    _say(call())


def _say(found: FeatureNetwork) -> None:
    from genus.cli.console import say

    say(
        f"{found.path}: {len(found.classes)} classes of {found.data}, test accuracy {found.accuracy:.2%} "
        f"[{found.low:.2%}, {found.high:.2%}] of {found.test_examples} examples; trained in {found.run}"
    )
    say(f"next: genus evaluate RUN --features {found.path}")


_File = Annotated[str | Path, Argument(metavar="FILE")]


@command("features train", show=_train_watched)
def train_features(
    data: Annotated[str, Argument(metavar="NAME|PATH")],
    *,
    overrides: Overrides = (),
    out: _File = "features.safetensors",
    run: Annotated[str | Path | None, Argument(metavar="RUN")] = None,
    callbacks: Annotated[Sequence[Callback], PYTHON_ONLY] = (),
) -> FeatureNetwork:
    """Train a network on your labelled data to measure generative models in its features.

    It is an ordinary training of the recipe ``classifier``: when interrupted, ``genus resume`` continues it
    and ``genus features export`` makes the file.

    Args:
        data: name of a labelled data set, or path.
        overrides: settings of the recipe classifier, key.path=value.
        out: file to write; then genus evaluate RUN --features FILE.
        run: new folder of the training; runs/classifier-N by default.
        callbacks: listeners besides the log.

    Raises:
        DataError: when the data have no labels.
        InputError: when ``out`` exists or cannot be written, before anything is trained.
    """
    from genus.assembly import open_data

    _check_out(out)
    _require_labels(open_data(show(_RECIPE, overrides, data=data)), data)
    return _export(train(_RECIPE, data=data, out=run, overrides=overrides, callbacks=callbacks), out)


@command("features export", show=_print_network)
def export_features(
    run: RunFolder,
    out: Annotated[str | Path, Argument(metavar="FILE", positional=False)] = "features.safetensors",
) -> FeatureNetwork:
    """Write the feature network of a classifier that was trained before.

    Args:
        run: a run of a model that recognises classes by features, such as of the recipe classifier.
        out: file to write; then genus evaluate RUN --features FILE.

    Raises:
        CapabilityError: when the model has no such features.
        InputError: when the data are not those of the training, or ``out`` exists.
    """
    _check_out(out)
    return _export(run, out)


def _export(run: str | PathLike[str], out: str | Path) -> FeatureNetwork:
    """Write the file; several ranks may, one after the other, with the same contents."""
    from genus.assembly import open_data
    from genus.core.capabilities import Recognises
    from genus.metrics.features.trained import read_features, write_features
    from genus.saved_runs import load
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


def _require_labels(dataset: Dataset, data: str) -> None:
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


def _check_out(out: str | Path) -> None:
    """Refuse a place that cannot take the file, before work is done for it.

    Raises:
        InputError: saying what to name instead.
    """
    target = Path(out)
    if target.suffix != _SUFFIX:
        raise InputError(f"--out {str(out)!r}: name a file that ends in {_SUFFIX}")
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
