"""Sets of examples as metrics see them, and fetching a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genus.core.batch import Batch, Condition, join_conditions
from genus.core.errors import DataError
from genus.core.spec import DataSpec
from genus.data.source import Source
from genus.metrics.features import ClassifyingFeatures, FeatureMap

CHUNK = 500
"""Examples handled together where their features are taken."""


@dataclass(frozen=True)
class Examples:
    """Features of a set of examples, and the classes known or recognised.

    Args:
        features: ``(n, d)``, float32; of width 0 without a feature map.
        logits: of the classes ``(n, classes)``; None when the feature map recognises none.
        class_labels: class numbers ``(n,)`` that the examples come with; None when there are none.
    """

    features: NDArray[np.float32]
    logits: Tensor | None = None
    class_labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: slice) -> Examples:
        logits = None if self.logits is None else self.logits[rows]
        labels = None if self.class_labels is None else self.class_labels[rows]
        return Examples(self.features[rows], logits, labels)


def batches(source: Source, indices: NDArray[np.int64], size: int = CHUNK) -> Iterator[Batch]:
    """Fetch examples a few at a time, so that nothing holds the data set."""
    for first in range(0, len(indices), size):
        yield source.batch(indices[first : first + size])


def fetch_values(source: Source, indices: NDArray[np.int64]) -> Tensor:
    """Examples by number ``(n, *shape)``, in data units."""
    return torch.cat([batch.x for batch in batches(source, indices)])


def fetch_condition(source: Source, indices: NDArray[np.int64]) -> Condition:
    """Conditions of examples by number ``(n, …)``.

    Raises:
        DataError: when they come with none.
    """
    found = [batch.condition for batch in batches(source, indices)]
    known = [part for part in found if part is not None]
    if not known:
        raise DataError("these examples come with no class and no condition")
    return join_conditions(known)


def take_features(
    feature_map: FeatureMap | None, parts: Iterable[Batch], spec: DataSpec
) -> tuple[Tensor, Tensor | None]:
    """Features ``(n, d)`` and class numbers ``(n,)`` of examples that come in parts.

    Args:
        feature_map: None gives features of width 0.
        parts: a few examples at a time.
        spec: the data; says where in the conditions their classes are.
    """
    found: list[Tensor] = []
    labels: list[Tensor | None] = []
    for part in parts:
        found.append(torch.zeros(len(part), 0) if feature_map is None else feature_map(part.x))
        labels.append(spec.class_labels(part.condition))
    return torch.cat(found), _joined(labels)


def read_examples(
    feature_map: FeatureMap | None, features: Tensor, class_labels: Tensor | None = None
) -> Examples:
    """Examples from their features ``(n, d)``, with logits where the feature map recognises classes."""
    logits = feature_map.read_out(features) if isinstance(feature_map, ClassifyingFeatures) else None
    return Examples(features.numpy(), logits, class_labels)


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    kept = [part.cpu() for part in parts if part is not None]
    return torch.cat(kept) if kept else None
