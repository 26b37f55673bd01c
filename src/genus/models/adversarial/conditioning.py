"""Conditionings of a GAN: classes or other conditions enter its networks beside the input, or at features."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from genus.core.components import NO_STATISTICS, BatchStatistics, Network
from genus.core.errors import RecipeError
from genus.core.ranges import Count
from genus.core.registry import conditioning
from genus.core.space import Composite, Space
from genus.core.spec import DataSpec
from genus.layers.condition_encoder import OneHot, condition_channels, condition_encoder, condition_planes
from genus.models.adversarial.conditioned_input import (
    ConditionedInput,
    ConstantMaps,
    ImageBeside,
    LearnedMap,
    OneHotBeside,
    PartsBeside,
)
from genus.models.adversarial.conditioning_base import DataConditioning, conditioned_generator, scored
from genus.models.adversarial.generator_discriminator import (
    Discriminator,
    Generator,
    ProjectionScore,
)


@conditioning("one-hot", paper="arXiv:1411.1784")
class OneHotVectors(DataConditioning):
    """A one-hot class stands beside the latent and beside the flattened example; for perceptrons."""

    takes = ("class",)
    why_not = "only classes are one-hot"

    def __init__(self, spec: DataSpec) -> None:
        """Build for labelled data."""
        super().__init__(spec, embedding=max(spec.num_classes, 1), generator="concatenation")
        self.classes = spec.num_classes

    def generator(self, network: Network, latent: int) -> Generator:
        one_hot = partial(OneHot, self.classes)
        return conditioned_generator(
            network, latent, self.spec.shape, one_hot, self.classes, self.generator_conditioning
        )

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        inputs = (math.prod(self.spec.shape) + self.classes,)
        return scored(network, inputs, features, batch_statistics, partial(OneHotBeside, self.classes))


@conditioning("concatenation", paper="arXiv:1411.1784")
class Concatenation(DataConditioning):
    """The condition stands beside the input: an encoding beside the latent, maps beside the image.

    The maps are constant for classes (one-hot), tables (standardised) and text (encoded); an image stands
    beside the example as it is, a map of labels one-hot.
    """

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        channels, *size = self.spec.shape
        if isinstance(self.space, Composite):
            beside = [(name, *self._beside(space)) for name, space in self.space.parts]
            more = sum(count for _, _, count in beside)
            build = partial(PartsBeside, {name: make for name, make, _ in beside})
        else:
            build, more = self._beside(self.space)
        return scored(network, (channels + more, *size), features, batch_statistics, build)

    def _beside(self, space: Space) -> tuple[Callable[[], ConditionedInput], int]:
        """The layer that puts a condition beside an example, and how many channels that adds."""
        if not space.is_spatial:
            numbers, count = condition_planes(space, self.embedding)
            return partial(ConstantMaps, numbers), count
        if space.shape[1:] != self.spec.shape[1:]:
            sides = "×".join(str(side) for side in self.spec.shape[1:])
            raise RecipeError(
                f"conditioning 'concatenation' puts {space.describe()} beside examples of the same sides; "
                f"they have {sides}. Bring both to one size, or choose model.conditioning=projection"
            )
        return partial(ImageBeside, space), condition_channels(space)


@conditioning("embedding", paper="arXiv:1605.05396")
class Embedding(DataConditioning):
    """The embedded condition stands beside the latent, and beside the image as one more, learned channel."""

    takes = ("class", "table", "tokens")
    why_not = "it is an image already and needs no learned one"

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        channels, *size = self.spec.shape

        def learned_map() -> ConditionedInput:
            return LearnedMap(condition_encoder(self.space, math.prod(size)), tuple(size))

        return scored(network, (channels + 1, *size), features, batch_statistics, learned_map)


@conditioning("projection", paper="arXiv:1802.05637")
class Projection(DataConditioning):
    """The discriminator scores w·φ(x) + e(y)·φ(x), e an encoding of the condition; so is the generator's."""

    reads_features = True

    def __init__(self, spec: DataSpec, *, features: Count = 128, **base: Any) -> None:
        """Build for data with classes or another condition.

        Args:
            features: size of φ(x).
            base: see :class:`DataConditioning`.
        """
        super().__init__(spec, **base)
        self.features = features

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        embed = partial(condition_encoder, self.space, self.features)
        built = network(self.spec.shape, (self.features,))
        return Discriminator(built, ProjectionScore(self.features, embed, batch_statistics))
