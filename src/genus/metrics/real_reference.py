"""The real examples of an evaluation and what is made of them; independent of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.spec import DataSpec
from genus.data.source import Source
from genus.metrics.baseline import EMMixture
from genus.metrics.examples import (
    CHUNK,
    Examples,
    batches,
    fetch_condition,
    fetch_values,
    read_examples,
    take_features,
)
from genus.metrics.feature_cache import FeatureCache
from genus.metrics.features import ClassifyingFeatures, FeatureMap
from genus.metrics.protocol import Protocol
from genus.metrics.score import where_defined
from genus.sampling.draw import batch_size

Distance = Callable[[NDArray[np.float32], NDArray[np.float32]], float]
"""Of features ``(n, d)`` to others ``(m, d)``."""

_MIXTURE_ELEMENTS = 100_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class RealReference:
    """Training and test examples, their features, and the yardsticks made of them.

    It depends on no model, so evaluations by one protocol may share it. Each thing is made once,
    when first used.

    Args:
        train: training split; distances refer to it.
        test: test split; likelihoods and the real-against-real floor come from it.
        feature_map: None for metrics without features only.
        protocol: sizes and seed, without truncation.
        keep: folder of the features of real examples and of the mixture's, for other evaluations
            by the same protocol; None keeps nothing.
    """

    train: Source
    test: Source
    feature_map: FeatureMap | None
    protocol: Protocol
    keep: Path | None = None

    @property
    def spec(self) -> DataSpec:
        """Specification of the data."""
        return self.train.spec

    @property
    def features_note(self) -> str:
        """Note on the features; empty for none."""
        return "" if self.feature_map is None else self.feature_map.note

    @property
    def reads_classes(self) -> bool:
        """Whether the feature map recognises the classes of these data."""
        return isinstance(self.feature_map, ClassifyingFeatures) and self.feature_map.of_data

    @cached_property
    def reference(self) -> Examples:
        """Training examples that distances refer to, ``num_reference`` of them."""
        return self._examples("reference", self.train, self._reference_rows)

    def reference_values(self) -> Tensor:
        """Those training examples themselves ``(n, *shape)``, in data units, at most as many as samples."""
        return fetch_values(self.train, self._reference_rows[: self.protocol.num_samples])

    def reference_condition(self, most: int | None = None) -> Condition:
        """Conditions of the first ``most`` of those training examples, or of all ``(n, …)``."""
        return fetch_condition(self.train, self._reference_rows[:most])

    @cached_property
    def held_out(self) -> Examples:
        """Test examples in the place of samples, as many or as there are."""
        return self._examples("test", self.test, self._held_out_rows)

    def held_out_values(self) -> Tensor:
        """Those test examples themselves ``(n, *shape)``, in data units."""
        return fetch_values(self.test, self._held_out_rows)

    def held_out_condition(self) -> Condition:
        """Conditions of those test examples ``(n, …)``."""
        return fetch_condition(self.test, self._held_out_rows)

    def likelihood_batches(self) -> Iterator[Batch]:
        """Test examples that likelihoods are measured on."""
        rows = self._order(self.test)[: self.protocol.num_likelihood]
        return batches(self.test, rows, batch_size(self.spec))

    @cached_property
    def floor_sets(self) -> tuple[Examples, Examples]:
        """Two disjoint sets of real examples whose distance is the floor of a score.

        Test examples against the reference when there are as many as samples; else training
        examples outside the reference; else two halves of the reference.
        """
        n = self.protocol.num_samples
        if len(self.test) >= n:
            return self.held_out, self.reference
        spare = self._order(self.train)[self.protocol.num_reference :][:n]
        if len(spare) == n:
            return self._examples("spare", self.train, spare), self.reference
        half = self.protocol.num_reference // 2
        return self.reference[:half], self.reference[half:]

    @property
    def floor_note(self) -> str:
        """Note on the source of a distance's floor, and whether its bias is that of the score."""
        first, second = self.floor_sets
        if first is self.held_out:
            return "floor: test examples, same n"
        if second is self.reference:
            return "floor: training examples outside the reference, same n"
        return (
            f"floor: halves of the reference, {len(first)} against {len(second)}, so more biased "
            f"than n = {self.protocol.num_samples}"
        )

    @cached_property
    def em_mixture(self) -> EMMixture:
        """The Gaussian mixture fitted to the reference's examples, the baseline of every table."""
        most = max(100, _MIXTURE_ELEMENTS // self.spec.size)
        x = fetch_values(self.train, self._reference_rows[:most])
        return EMMixture(x, self.spec, seed=self.protocol.seed)

    @cached_property
    def mixture(self) -> Examples:
        """Samples of that mixture, as many as of the model."""

        def features() -> tuple[Tensor, Tensor | None]:
            parts = self.em_mixture.sample(self.protocol.num_samples).split(CHUNK)
            return take_features(self.feature_map, map(Batch, parts), self.spec)

        return read_examples(self.feature_map, *self._cache.get("mixture", features))

    def floor_and_baseline(self, distance: Distance) -> tuple[float | None, float | None]:
        """A distance between :attr:`floor_sets`, and of the mixture to the reference; None if undefined."""
        first, second = self.floor_sets
        return (
            where_defined(distance, first.features, second.features),
            where_defined(distance, self.mixture.features, self.reference.features),
        )

    @property
    def _cache(self) -> FeatureCache:
        return FeatureCache(self.keep, self.protocol.hash)

    @property
    def _reference_rows(self) -> NDArray[np.int64]:
        return self._order(self.train)[: self.protocol.num_reference]

    @property
    def _held_out_rows(self) -> NDArray[np.int64]:
        return self._order(self.test)[: self.protocol.num_samples]

    def _order(self, source: Source) -> NDArray[np.int64]:
        # shuffled, because files are often sorted by class
        return np.random.default_rng(self.protocol.seed).permutation(len(source)).astype(np.int64)

    def _examples(self, name: str, source: Source, rows: NDArray[np.int64]) -> Examples:
        """Examples of the data by number, of this evaluation or kept by another."""

        def features() -> tuple[Tensor, Tensor | None]:
            return take_features(self.feature_map, batches(source, rows), self.spec)

        return read_examples(self.feature_map, *self._cache.get(name, features))
