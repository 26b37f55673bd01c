"""The samples of a model in an evaluation, and what they are conditioned on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Samples
from genus.core.drawing import AS_TRAINED, Drawing
from genus.core.errors import DataError
from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.layers.batch_norm_statistics import batch_norms
from genus.metrics.examples import CHUNK, Examples, read_examples, take_features
from genus.metrics.protocol import Protocol
from genus.metrics.real_reference import RealReference
from genus.sampling.draw import conditions_like, draw


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratedSamples:
    """Samples of one model under a protocol, drawn in one way; made once, when first used.

    Args:
        model: any model; one that cannot sample is refused when samples are drawn.
        real: the real examples, whose conditions the samples take.
        drawing: choices in their drawing.
    """

    model: Model
    real: RealReference
    drawing: Drawing = AS_TRAINED

    @property
    def protocol(self) -> Protocol:
        """The protocol of the real examples, with the choices of these samples."""
        return replace(self.real.protocol, **asdict(self.drawing))

    def __len__(self) -> int:
        return self.real.protocol.num_samples

    @property
    def conditional(self) -> bool:
        """Whether the model is conditioned on what the data come with."""
        return isinstance(self.model, Samples) and self.model.conditional

    @cached_property
    def condition(self) -> Condition | None:
        """Conditions of the samples ``(n, …)``, as training examples are; None without."""
        if not self.conditional:
            return None
        real, n = self.real, len(self)
        if real.spec.condition is None:
            raise DataError("a conditional model needs labelled training data to be evaluated on")
        if real.spec.condition.kind == "class" and real.reference.class_labels is not None:
            return conditions_like(real.reference.class_labels, real.spec, n)
        return conditions_like(real.reference_condition(n), real.spec, n)

    @property
    def class_labels(self) -> Tensor | None:
        """Classes that samples are conditioned on ``(n,)``; None where the condition has no class."""
        return self.real.spec.class_labels(self.condition)

    @cached_property
    def values(self) -> Tensor:
        """Samples ``(num_samples, *shape)`` in data units."""
        return self._draw(len(self), self.condition, "samples")

    @cached_property
    def examples(self) -> Examples:
        """The samples with their features, and classes where the feature map recognises them."""
        parts = map(Batch, self.values.split(CHUNK))
        return read_examples(
            self.real.feature_map, *take_features(self.real.feature_map, parts, self.real.spec)
        )

    @property
    def features(self) -> NDArray[np.float32]:
        """Features of the samples ``(num_samples, d)``."""
        return self.examples.features

    @cached_property
    def for_held_out(self) -> Tensor:
        """One sample for the condition of each of the held-out test examples ``(n, *shape)``."""
        condition = self.real.held_out_condition()
        return self._draw(len(condition), condition, "samples for test examples")

    def _draw(self, n: int, condition: Condition | None, purpose: str) -> Tensor:
        wanted = self.drawing.standing and self.conditional and batch_norms(self.model)
        return draw(
            self.model,
            n,
            condition=condition,
            seed=derive_seed(self.real.protocol.seed, purpose),
            drawing=self.drawing,
            typical=self.real.reference_condition() if wanted else None,
        )
