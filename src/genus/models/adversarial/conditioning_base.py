"""What conditionings are built from: no condition, a condition of the data, and the networks of both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

from torch import nn

from genus.core.components import NO_STATISTICS, BatchStatistics, Conditioning, Network
from genus.core.errors import RecipeError
from genus.core.ranges import Count
from genus.core.space import AnySpace
from genus.core.spec import DataSpec
from genus.layers.condition import build_conditioned
from genus.layers.condition_encoder import condition_encoder
from genus.models.adversarial.conditioned_input import (
    ConditionedInput,
)
from genus.models.adversarial.generator_discriminator import (
    DirectScore,
    Discriminator,
    Generator,
    LinearScore,
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

    takes: ClassVar[tuple[str, ...]] = ()
    """Kinds of condition it understands; empty for all that have an encoder."""
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
            other = f", or {kinds}" if kinds else "" if self.takes else " or another condition"
            raise RecipeError(
                f"conditioning {name!r} needs classes{other}; the data have none: "
                f"{spec.describe()}. Use labelled data, or model.conditioning=null"
            )
        if not spec.paired:
            raise RecipeError(
                f"conditioning {name!r} needs to know which condition belongs to which example; the data are "
                f"unpaired: {spec.describe()}. Pair them (data.by), or set model.conditioning=null"
            )
        if self.takes and space.kind not in self.takes:
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
