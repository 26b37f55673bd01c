"""What metrics look at: samples, real examples and their features, each made once when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from typing import Protocol as Structure

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genus.core.batch import Batch, Condition, join_conditions
from genus.core.errors import DataError
from genus.core.model import Model, Samples
from genus.core.noise import derive_seed
from genus.core.spec import DataSpec
from genus.layers.batch_norm_statistics import batch_norms
from genus.metrics.baseline import EMMixture
from genus.metrics.feature_cache import FeatureCache
from genus.metrics.features import ClassifyingFeatures, FeatureMap
from genus.metrics.protocol import Protocol
from genus.sampling.draw import batch_size, conditions_like, draw

CHUNK = 500
_MIXTURE_ELEMENTS = 100_000_000
_T = TypeVar("_T", bound=Callable[..., Any])


class Source(Structure):
    """Examples that can be fetched by number.

    Mixture toys also have ``centres`` ``(modes, d)`` and ``sigma``; others have None there.
    """

    @property
    def spec(self) -> DataSpec:
        """What one example is."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Examples by number."""
        ...


@dataclass(frozen=True)
class Examples:
    """A set of examples as metrics see it.

    Args:
        features: ``(n, d)``, float32; of width 0 without a feature map.
        logits: of the classes ``(n, classes)``; None when the feature map recognises none.
        labels: class numbers ``(n,)``, known or asked for; None when there are none.
    """

    features: NDArray[np.float32]
    logits: Tensor | None = None
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: slice) -> Examples:
        logits = None if self.logits is None else self.logits[rows]
        return Examples(self.features[rows], logits, None if self.labels is None else self.labels[rows])


def needs(*capabilities: type, features: bool = False, one_example: bool = False) -> Callable[[_T], _T]:
    """Declare what a metric needs; it is skipped for models and data without.

    Args:
        capabilities: classes of :mod:`genus.core.model` that the model must derive from.
        features: whether it looks at features.
        one_example: whether it looks inside the one example of data that have no more; all others
            need a distribution.
    """

    def mark(function: _T) -> _T:
        function.needed_capabilities = capabilities  # type: ignore[attr-defined]
        function.needs_features = features  # type: ignore[attr-defined]
        function.needs_one_example = one_example  # type: ignore[attr-defined]
        return function

    return mark


class Evidence:
    """The model, the data and everything computed from them for one evaluation.

    Args:
        model: any model.
        train: training split; distances refer to it.
        test: test split; likelihoods and the real-against-real floor come from it.
        features: feature map, or None.
        protocol: sizes and seed.
        keep: folder of what does not depend on the model, features of real examples and of the
            mixture's, for other evaluations by the same protocol; None keeps nothing.
    """

    def __init__(
        self,
        model: Model,
        *,
        train: Source,
        test: Source,
        features: FeatureMap | None,
        protocol: Protocol,
        keep: Path | None = None,
    ) -> None:
        self.model = model
        self.spec = train.spec
        self.train = train
        self.test = test
        self.features = features
        self.features_note = "" if features is None else features.note
        self.reads_classes = isinstance(features, ClassifyingFeatures) and features.of_data
        self.protocol = protocol
        self._kept = FeatureCache(keep, replace(protocol, truncation=None, standing=False).hash)

    @property
    def conditional(self) -> bool:
        """Whether samples follow a class that is asked for."""
        return isinstance(self.model, Samples) and self.model.conditional

    @cached_property
    def labels(self) -> Tensor | None:
        """Classes asked of a conditional model, in the proportions of the training examples."""
        return self.spec.class_labels(self.asked)

    @cached_property
    def asked(self) -> Condition | None:
        """What samples are asked for, by the training examples; None of models that are told nothing."""
        if not self.conditional:
            return None
        n = self.protocol.num_samples
        if self.spec.condition is None:
            raise DataError("a conditional model needs labelled training data to be evaluated on")
        condition: Condition | None = self.reference.labels
        if self.spec.condition.kind != "class" or condition is None:
            rows = self._order(self.train)[: min(n, self.protocol.num_reference)]
            condition = self._conditions(self.train, rows)
        return conditions_like(condition, self.spec, n)

    @cached_property
    def samples(self) -> Tensor:
        """Generated examples ``(num_samples, *shape)`` in data units."""
        n, seed = self.protocol.num_samples, derive_seed(self.protocol.seed, "samples")
        truncation, standing = self.protocol.truncation, self.protocol.standing
        wanted = standing and self.conditional and batch_norms(self.model)
        population = self.reference_condition() if wanted else None
        return draw(
            self.model,
            n,
            condition=self.asked,
            seed=seed,
            truncation=truncation,
            standing=standing,
            typical=population,
        )

    def truncated(self, truncation: float, *, standing: bool = False) -> Evidence:
        """The same real examples, with samples of truncated latents; see :func:`genus.sampling.draw.draw`."""
        other = copy(self)
        other.protocol = replace(self.protocol, truncation=truncation, standing=standing)
        for made in ("samples", "generated"):
            other.__dict__.pop(made, None)
        return other

    @cached_property
    def generated(self) -> Examples:
        """The samples as metrics see them."""
        return self._read(*self._featured(Batch(part) for part in self.samples.split(CHUNK)))

    @cached_property
    def reference(self) -> Examples:
        """Training examples that distances refer to."""
        return self._real("reference", self.train, self._order(self.train)[: self.protocol.num_reference])

    def reference_values(self) -> Tensor:
        """Training examples themselves ``(n, *shape)``, in data units, at most as many as samples."""
        n = min(self.protocol.num_reference, self.protocol.num_samples)
        return torch.cat([batch.x for batch in batches(self.train, self._order(self.train)[:n])])

    def reference_condition(self) -> Condition:
        """What all training examples that distances refer to come with ``(num_reference, …)``."""
        return self._conditions(self.train, self._order(self.train)[: self.protocol.num_reference])

    @cached_property
    def real(self) -> Examples:
        """Test examples in the place of samples, as many or as there are."""
        return self._real("test", self.test, self._test_rows)

    def real_values(self) -> Tensor:
        """Those test examples themselves ``(n, *shape)``, in data units."""
        return torch.cat([batch.x for batch in batches(self.test, self._test_rows)])

    def real_condition(self) -> Condition:
        """What those test examples come with ``(n, …)``."""
        return self._conditions(self.test, self._test_rows)

    @cached_property
    def floor_sets(self) -> tuple[Examples, Examples]:
        """Two disjoint sets of real examples whose distance is the floor of a score.

        Test examples against the reference when there are as many as samples; else training
        examples outside the reference; else two halves of the reference.
        """
        n = self.protocol.num_samples
        if len(self.test) >= n:
            return self.real, self.reference
        spare = self._order(self.train)[self.protocol.num_reference :][:n]
        if len(spare) == n:
            return self._real("spare", self.train, spare), self.reference
        half = self.protocol.num_reference // 2
        return self.reference[:half], self.reference[half:]

    @property
    def floor_note(self) -> str:
        """Where the floor of a distance comes from, and whether its bias is that of the score."""
        first, second = self.floor_sets
        if first is self.real:
            return "floor: test examples, same n"
        if second is self.reference:
            return "floor: training examples outside the reference, same n"
        return (
            f"floor: halves of the reference, {len(first)} against {len(second)}, so more biased "
            f"than n = {self.protocol.num_samples}"
        )

    @cached_property
    def em_mixture(self) -> EMMixture:
        """The Gaussian mixture fitted to the reference's examples, the yardstick of every table."""
        most = max(100, _MIXTURE_ELEMENTS // self.spec.size)
        rows = self._order(self.train)[: min(self.protocol.num_reference, most)]
        x = torch.cat([batch.x for batch in batches(self.train, rows)])
        return EMMixture(x, self.spec, seed=self.protocol.seed)

    @cached_property
    def mixture(self) -> Examples:
        """Samples of that mixture."""

        def drawn() -> Iterator[Batch]:
            x = self.em_mixture.sample(self.protocol.num_samples)
            return (Batch(part) for part in x.split(CHUNK))

        return self._read(*self._kept.get("mixture", lambda: self._featured(drawn())))

    def likelihood_batches(self) -> Iterator[Batch]:
        """Test examples that likelihoods are measured on."""
        rows = self._order(self.test)[: self.protocol.num_likelihood]
        return batches(self.test, rows, batch_size(self.spec))

    def against_reference(
        self, distance: Callable[[NDArray[np.float32], NDArray[np.float32]], float]
    ) -> tuple[float, float | None, float | None]:
        """Value, floor and baseline of a distance to the reference.

        Args:
            distance: of features ``(n, d)`` to the reference's ``(m, d)``.

        Returns:
            The distance of the samples to the reference, of the two sets of :attr:`floor_sets`,
            and of the mixture's samples to the reference; the last two are None where the
            distance is undefined for them.
        """
        value = distance(self.generated.features, self.reference.features)
        others: list[float | None] = []
        for first, second in (self.floor_sets, (self.mixture, self.reference)):
            try:
                others.append(distance(first.features, second.features))
            except DataError:
                others.append(None)
        return value, others[0], others[1]

    @property
    def _test_rows(self) -> NDArray[np.int64]:
        return self._order(self.test)[: self.protocol.num_samples]

    def _order(self, source: Source) -> NDArray[np.int64]:
        # shuffled, because files are often sorted by class
        return np.random.default_rng(self.protocol.seed).permutation(len(source)).astype(np.int64)

    def _conditions(self, source: Source, rows: NDArray[np.int64]) -> Condition:
        """Conditions of examples by number; :class:`DataError` where there are none."""
        found = [batch.condition for batch in batches(source, rows)]
        known = [part for part in found if part is not None]
        if not known:
            raise DataError("these examples come with no class and no condition")
        return join_conditions(known)

    def _real(self, name: str, source: Source, rows: NDArray[np.int64]) -> Examples:
        """Examples of the data by number, of one evaluation or kept by another."""
        return self._read(*self._kept.get(name, lambda: self._featured(batches(source, rows))))

    def _featured(self, parts: Iterator[Batch]) -> tuple[Tensor, Tensor | None]:
        found: list[Tensor] = []
        labels: list[Tensor | None] = []
        for part in parts:
            found.append(torch.zeros(len(part), 0) if self.features is None else self.features(part.x))
            labels.append(self.spec.class_labels(part.condition))
        return torch.cat(found), _joined(labels)

    def _read(self, values: Tensor, labels: Tensor | None) -> Examples:
        logits = self.features.read_out(values) if isinstance(self.features, ClassifyingFeatures) else None
        return Examples(values.numpy(), logits, labels)


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    kept = [part.cpu() for part in parts if part is not None]
    return torch.cat(kept) if kept else None


def batches(source: Source, indices: NDArray[np.int64], size: int = CHUNK) -> Iterator[Batch]:
    """Fetch examples a few at a time, so that nothing holds the data set."""
    for first in range(0, len(indices), size):
        yield source.batch(indices[first : first + size])
