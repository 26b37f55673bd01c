"""Summary of a data set in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml

from genus.core.binder import build, resolve
from genus.core.registry import component
from genus.data.dataset import Dataset
from genus.data.locate import describe_source
from genus.data.remarks import remarks
from genus.data.source import Source

_CHUNK = 1 << 22
"""Elements looked at together."""


def open_data(config: Mapping[str, Any]) -> Dataset:
    """Open the data set of a recipe.

    Args:
        config: a recipe's ``data`` entry, resolved: ``{"name": …, argument: …}``.

    Raises:
        DataError: when the data cannot be read.

    >>> len(open_data(resolve("data", {"name": "ring", "n": 50}, "data")).train)
    50
    """
    dataset: Dataset = build("data", config)
    return dataset


def data_info(text: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Open data, check every value and summarise them.

    Args:
        text: name of a data set, or a path.
        arguments: arguments of the reader, such as ``{"size": 64, "resize": "crop"}``.

    Returns:
        ``name``, ``description``, ``licence``, ``spec`` (one line), ``spec_fields`` (JSON),
        ``splits`` (for train and test: ``examples``, ``classes`` with counts, ``minimum``,
        ``maximum``, ``mean``, ``std`` in data units, and ``megabytes`` as float32),
        ``remarks`` (sentences on what looks odd), ``fingerprint`` and
        ``recipe``, the text to put into a recipe.

    Raises:
        DataError: when the data cannot be read.
        RecipeError: when the reader takes no such argument.

    >>> data_info("digits8")["splits"]["train"]["examples"]
    1617
    """
    described = {**describe_source(text), **(arguments or {})}
    config = resolve("data", described, "data")
    dataset = open_data(config)
    return {
        "name": dataset.name,
        "description": dataset.description,
        "licence": dataset.licence,
        "spec": dataset.spec.describe(),
        "spec_fields": dataset.spec.to_json(),
        "splits": {"train": summarise(dataset.train), "test": summarise(dataset.test)},
        "remarks": remarks(dataset, config),
        "fingerprint": dataset.fingerprint,
        "recipe": _recipe(config),
    }


def summarise(source: Source) -> dict[str, Any]:
    """Count the examples of each class and measure the values, in one pass.

    Mean and standard deviation are those of all elements together, ``std² = E[x²] − E[x]²``
    around the first chunk's mean so that nothing cancels.
    """
    n, size = len(source), source.spec.size
    counts = np.zeros(source.spec.num_classes, dtype=np.int64)
    low, high, shift = np.inf, -np.inf, 0.0
    total = squares = 0.0
    step = max(1, _CHUNK // size)
    for first in range(0, n, step):
        batch = source.batch(np.arange(first, min(first + step, n)))
        values = batch.x.double()
        if first == 0:
            shift = float(values.mean())
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        values -= shift
        total += float(values.sum())
        squares += float(values.square().sum())
        labels = source.spec.class_labels(batch.condition)
        if labels is not None:
            counts += np.bincount(labels.numpy(), minlength=len(counts))
    mean = total / (n * size)
    return {
        "examples": n,
        "classes": dict(zip(source.spec.classes, counts.tolist(), strict=True)),
        "minimum": low,
        "maximum": high,
        "mean": shift + mean,
        "std": max(0.0, squares / (n * size) - mean**2) ** 0.5,
        "megabytes": 4 * n * size / 1e6,
    }


def _recipe(config: Mapping[str, Any]) -> str:
    """YAML of a ``data`` entry, without what is default."""
    defaults = {p.name: p.default for p in component("data", config["name"]).parameters if not p.required}
    entry = {k: v for k, v in config.items() if k not in defaults or v != defaults[k]}
    value: Any = entry["name"] if len(entry) == 1 else entry
    return yaml.safe_dump({"data": value}, sort_keys=False, allow_unicode=True)
