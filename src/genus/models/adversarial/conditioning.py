"""Conditionings of a GAN: classes or other conditions enter its networks beside the input, or at features."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

from torch import nn

from genus.core.components import NO_STATISTICS, BatchStatistics, Conditioning, Network
from genus.core.errors import RecipeError
from genus.core.ranges import Count
from genus.core.registry import conditioning
from genus.core.space import AnySpace, Composite, Space
from genus.core.spec import DataSpec
from genus.layers.condition import build_conditioned
from genus.layers.condition_encoder import OneHot, condition_channels, condition_encoder, condition_planes
from genus.models.adversarial.conditioned_input import (
    ConditionedInput,
    ConstantMaps,
    ImageBeside,
    LearnedMap,
    OneHotBeside,
    PartsBeside,
)
from genus.models.adversarial.generator_discriminator import (
    DirectScore,
    Discriminator,
    Generator,
    LinearScore,
    ProjectionScore,
)

GeneratorConditioning = Literal["concatenation", "norm"]
"""How a generator sees its condition: beside its latent, or through its normalisation layers."""


class Unconditional(Conditioning):
    """No condition: networks see the latent or the example alone.

    Args:
        spec: the data.
        packing: examples that the discriminator judges together.
    """

    from_data = False

    def __init__(self, spec: DataSpec, *, packing: Count = 1) -> None:
        super().__init__(spec)
        self.packed = (spec.shape[0] * packing, *spec.shape[1:])

    def generator(self, network: Network, latent: int) -> Generator:
        return Generator(network((latent,), self.spec.shape))

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        return scored(network, self.packed, features, batch_statistics)


def scored(
    network: Network,
    inputs: tuple[int, ...],
    features: int | None,
    batch_statistics: BatchStatistics,
    conditioned_input: Callable[[], ConditionedInput] | None = None,
) -> Discriminator:
    """Build a discriminator whose only reading is the score.

    Args:
        network: component of its network, which is built first.
        inputs: shape of what that sees.
        features: size of φ(x), from which a linear layer reads the score; None lets the network give it.
        batch_statistics: what stands beside φ(x).
        conditioned_input: builds what puts the condition beside the example; None for none.
    """
    built = network(inputs, (1 if features is None else features,))
    head = DirectScore() if features is None else LinearScore(features, batch_statistics=batch_statistics)
    return Discriminator(built, head, None if conditioned_input is None else conditioned_input())


class DataConditioning(Conditioning):
    """Conditions that come with the data, of which the generator sees an encoding.

    Raises:
        RecipeError: when the data have none, or one of a kind that makes no sense here.
    """

    takes: ClassVar[tuple[str, ...]] = ("class",)
    """Kinds of condition it understands."""
    why_not: ClassVar[str] = ""
    """Why it understands no others."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        embedding: Count = 32,
        generator: Literal["concatenation", "norm"] = "concatenation",
    ) -> None:
        """Build for data with a condition.

        Args:
            embedding: size of the generator's encoding of a condition: an embedding of a class, a
                perceptron's output for a table and text, a convolutional network's for an image or a map
                of labels; the sum of those of several parts.
            generator: ``concatenation`` puts the encoding beside the latent; ``norm`` lets it set the
                scales and shifts of the generator's normalisation layers.
        """
        super().__init__(spec)
        self.space = self._usable(spec)
        self.embedding = embedding
        self.generator_conditioning: GeneratorConditioning = generator

    def _usable(self, spec: DataSpec) -> AnySpace:
        """The condition of the data, if it is of a kind that this conditioning takes."""
        name, space = getattr(self, "genus_name", ""), spec.condition
        if space is None:
            kinds = ", ".join(kind for kind in self.takes if kind != "class")
            raise RecipeError(
                f"conditioning {name!r} needs classes{f', or {kinds}' if kinds else ''}; the data have none: "
                f"{spec.describe()}. Use labelled data, or model.conditioning=null"
            )
        if not spec.paired:
            raise RecipeError(
                f"conditioning {name!r} needs to know which condition belongs to which example; the data are "
                f"unpaired: {spec.describe()}. Pair them (data.by), or set model.conditioning=null"
            )
        if space.kind not in self.takes:
            raise RecipeError(
                f"conditioning {name!r} cannot use {space.describe()}: {self.why_not}. Choose "
                "model.conditioning=concatenation or projection"
            )
        return space

    def generator(self, network: Network, latent: int) -> Generator:
        embed = partial(condition_encoder, self.space, self.embedding)
        return conditioned_generator(
            network, latent, self.spec.shape, embed, self.embedding, self.generator_conditioning
        )


def conditioned_generator(
    network: Network,
    latent: int,
    shape: tuple[int, ...],
    embed: Callable[[], nn.Module],
    features: int,
    how: GeneratorConditioning,
) -> Generator:
    """Build a generator that sees ``features`` numbers of its condition.

    The network is built first: with the same seed it has the same weights, whatever the condition is.
    """
    if how == "norm":
        return Generator(build_conditioned(network, (latent,), shape, features), embed(), beside=False)
    return Generator(network((latent + features,), shape), embed())


@conditioning("one-hot", paper="arXiv:1411.1784")
class OneHotVectors(DataConditioning):
    """A one-hot class stands beside the latent and beside the flattened example; for perceptrons."""

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

    takes = ("class", "table", "tokens", "image", "volume", "sequence", "labels", "composite")

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
    takes = ("class", "table", "tokens", "image", "volume", "sequence", "labels", "composite")

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
