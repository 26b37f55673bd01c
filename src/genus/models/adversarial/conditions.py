"""How a class reaches the players of a GAN: read in beside the input, or read out of features."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.components import Conditions, Network
from genus.core.errors import RecipeError
from genus.core.registry import conditioning
from genus.core.spec import DataSpec
from genus.layers.condition import build_conditioned
from genus.models.adversarial.players import (
    ClassMaps,
    DirectScore,
    Discriminator,
    Generator,
    LearnedMap,
    LinearScore,
    OneHotBeside,
    ProjectionScore,
)

Way = Literal["concatenation", "norm"]
"""How a generator is told: beside its latent, or through its normalisation layers."""


class Unconditional(Conditions):
    """No condition: networks see the latent or the example alone.

    Args:
        spec: the data.
        features: size of features from which a linear layer reads the score; None lets the network
            give it.
        packing: examples that the discriminator judges together.
        kernels: of minibatch discrimination; 0 for none.
    """

    labelled = False

    def __init__(
        self, spec: DataSpec, *, features: int | None = None, packing: int = 1, kernels: int = 0
    ) -> None:
        super().__init__(spec)
        self.kernels = kernels
        self.features = features
        self.packed = (spec.shape[0] * packing, *spec.shape[1:])

    def generator(self, network: Network, latent: int) -> Generator:
        return Generator(network((latent,), self.spec.shape))

    def discriminator(self, network: Network) -> Discriminator:
        if self.features is None:
            return DirectScore(network(self.packed, (1,)))
        return LinearScore(network(self.packed, (self.features,)), self.features, kernels=self.kernels)


class Labelled(Conditions):
    """Conditions that need classes, and tell the generator an embedding of them.

    Raises:
        RecipeError: when the data have no classes.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        embedding: int = 32,
        generator: Literal["concatenation", "norm"] = "concatenation",
    ) -> None:
        """Build for labelled data.

        Args:
            embedding: size of the generator's class embedding.
            generator: ``concatenation`` puts the embedding beside the latent; ``norm`` lets it set the
                scales and shifts of the generator's normalisation layers.
        """
        super().__init__(spec)
        if not spec.classes:
            raise RecipeError(
                f"conditioning {getattr(self, 'genus_name', '')!r} needs classes; the data have none: "
                f"{spec.describe()}. Use labelled data, or model.conditioning=null"
            )
        self.classes = spec.num_classes
        self.embedding = embedding
        self.way: Way = generator

    def generator(self, network: Network, latent: int) -> Generator:
        embed = partial(nn.Embedding, self.classes, self.embedding)
        return told(network, latent, self.spec.shape, embed, self.embedding, self.way)


def told(
    network: Network,
    latent: int,
    shape: tuple[int, ...],
    embed: Callable[[], nn.Module],
    features: int,
    way: Way,
) -> Generator:
    """Build a generator that is told ``features`` numbers in one of the ways.

    The network is built first: with the same seed it has the same weights, whatever it is told.
    """
    if way == "norm":
        return Generator(build_conditioned(network, (latent,), shape, features), embed(), beside=False)
    return Generator(network((latent + features,), shape), embed())


class OneHot(nn.Module):
    """Class numbers ``(n,)`` as rows of the identity, ``(n, classes)``."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, given: Tensor) -> Tensor:
        return F.one_hot(given, self.classes).float()


@conditioning("one-hot", paper="arXiv:1411.1784")
class OneHotVectors(Labelled):
    """A one-hot class stands beside the latent and beside the flattened example; for perceptrons."""

    def __init__(self, spec: DataSpec) -> None:
        """Build for labelled data."""
        super().__init__(spec, embedding=spec.num_classes, generator="concatenation")

    def generator(self, network: Network, latent: int) -> Generator:
        return told(network, latent, self.spec.shape, partial(OneHot, self.classes), self.classes, self.way)

    def discriminator(self, network: Network) -> Discriminator:
        return OneHotBeside(network((math.prod(self.spec.shape) + self.classes,), (1,)), self.classes)


@conditioning("concatenation", paper="arXiv:1411.1784")
class Concatenation(Labelled):
    """The class stands beside the input: an embedding beside the latent, constant maps beside the image."""

    def discriminator(self, network: Network) -> Discriminator:
        channels, *size = self.spec.shape
        return ClassMaps(network((channels + self.classes, *size), (1,)), self.classes)


@conditioning("embedding", paper="arXiv:1605.05396")
class Embedding(Labelled):
    """The class is embedded for both players: beside the latent, and as one more, learned channel."""

    def discriminator(self, network: Network) -> Discriminator:
        channels, *size = self.spec.shape
        return LearnedMap(network((channels + 1, *size), (1,)), self.classes, tuple(size))


@conditioning("projection", paper="arXiv:1802.05637")
class Projection(Labelled):
    """The discriminator scores w·φ(x) + e(y)·φ(x); the generator is told an embedding."""

    def __init__(self, spec: DataSpec, *, features: int = 128, **told: Any) -> None:
        """Build for labelled data.

        Args:
            features: size of φ(x).
            told: see :class:`Labelled`.
        """
        super().__init__(spec, **told)
        self.features = features

    def discriminator(self, network: Network) -> Discriminator:
        return ProjectionScore(network(self.spec.shape, (self.features,)), self.features, self.classes)
