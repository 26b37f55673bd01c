"""The two players of a GAN: a network each, and the way in and out of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.batch import Condition, Parts
from genus.core.components import NO_STATISTICS, BatchStatistics, Readout
from genus.core.network import SelfSupervised, Styled, TakesNoise
from genus.core.noise import Noise
from genus.core.space import Space
from genus.layers.batch_coupling import MinibatchDeviation, MinibatchDiscrimination
from genus.layers.condition_encoder import label_planes


class Generator(nn.Module):
    """A network from latent to example that sees a condition, or none.

    Args:
        network: maps ``(n, latent)``, or ``(n, latent + features)`` with ``beside``.
        embed: from conditions to ``(n, features)``; None where there is no condition.
        beside: features stand beside the latent; else they are the network's second argument.
    """

    def __init__(self, network: nn.Module, embed: nn.Module | None = None, beside: bool = True) -> None:
        super().__init__()
        self.network = network
        self.embed = embed
        self.beside = beside

    def forward(self, z: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        """Examples before squashing, ``(n, *shape)``."""
        z, condition = self._with_condition(z, condition)
        own = {"noise": noise} if isinstance(self.network, TakesNoise) else {}
        return self.network(z, **own) if condition is None else self.network(z, condition, **own)

    def styles(self, z: Tensor, condition: Condition | None) -> Tensor:
        """Styles w of a style-based network, ``(n, style_size)``."""
        assert isinstance(self.network, Styled)
        return self.network.mapping(*self._with_condition(z, condition))

    def _with_condition(self, z: Tensor, condition: Condition | None) -> tuple[Tensor, Tensor | None]:
        if self.embed is None or condition is None:
            return z, None
        features = self.embed(condition)
        return (torch.cat([z, features.to(z.dtype)], 1), None) if self.beside else (z, features)


class ConditionedInput(nn.Module, ABC):
    """How a condition stands beside the examples that a discriminator's network sees."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        """What the network sees of examples ``(n, *shape)``."""


class DiscriminatorHead(nn.Module, ABC):
    """What is read out of a discriminator's network."""

    @abstractmethod
    def forward(self, outputs: Tensor, condition: Condition | None) -> Readout:
        """Read the network's outputs ``(n, outputs)``."""


class Discriminator(nn.Module):
    """A network from example to numbers, what it sees, and what is read out of it.

    Args:
        network: maps what it sees to ``(n, outputs)``.
        head: what is read out of these.
        entry: what it sees; None for the examples alone.
    """

    def __init__(
        self, network: nn.Module, head: DiscriminatorHead, conditioned_input: ConditionedInput | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.conditioned_input = conditioned_input

    def forward(self, x: Tensor, condition: Condition | None = None) -> Readout:
        """Everything the discriminator says of examples ``(n, *shape)``."""
        return self.head(self.network(self._seen(x, condition)), condition)

    def with_own_task(
        self, x: Tensor, condition: Condition | None, noise: Noise
    ) -> tuple[Readout, Tensor | None]:
        """As :meth:`forward`, and the loss of the network's own task where it has one."""
        if not isinstance(self.network, SelfSupervised):
            return self(x, condition), None
        outputs, loss = self.network.forward_with_loss(self._seen(x, condition), noise)
        return self.head(outputs, condition), loss

    def _seen(self, x: Tensor, condition: Condition | None) -> Tensor:
        return x if self.conditioned_input is None else self.conditioned_input(x, condition)


def features_of(outputs: Tensor, layer: nn.Linear) -> Tensor:
    """φ(x): a network's outputs through a leaky ReLU, in the type of the layer that reads them."""
    return F.leaky_relu(outputs, 0.2).to(layer.weight.dtype)


def batch_statistics_layers(features: int, batch_statistics: BatchStatistics) -> tuple[nn.Sequential, int]:
    """Layers that put beside φ(x) how the batch looks as a whole, and how many numbers come out of them.

    Args:
        features: size of φ(x).
        crowd: the deviation comes first, then the kernels; with neither φ(x) is left as it is.
    """
    layers: list[nn.Module] = []
    if batch_statistics.group:
        layers.append(MinibatchDeviation(batch_statistics.group))
        features += 1
    if batch_statistics.kernels:
        layers.append(MinibatchDiscrimination((features,), features=batch_statistics.kernels))
        features += batch_statistics.kernels
    return nn.Sequential(*layers), features


class DirectScore(DiscriminatorHead):
    """The network's only output is the score."""

    def forward(self, outputs: Tensor, condition: Condition | None) -> Readout:
        return Readout(outputs.squeeze(1).float())


class LinearScore(DiscriminatorHead):
    """A linear layer reads the score out of features φ(x), and logits where there are such.

    Args:
        features: size of φ(x).
        logits: outputs of a second linear layer; 0 for none.
        crowd: what stands beside φ(x) where the score is read.
    """

    def __init__(
        self, features: int, logits: int = 0, batch_statistics: BatchStatistics = NO_STATISTICS
    ) -> None:
        super().__init__()
        self.batch_statistics, wide = batch_statistics_layers(features, batch_statistics)
        self.weight = nn.Linear(wide, 1)
        self.logits = nn.Linear(features, logits) if logits else None

    def forward(self, outputs: Tensor, condition: Condition | None) -> Readout:
        with torch.autocast(outputs.device.type, enabled=False):  # a score of 70.3 has no bf16 neighbour
            phi = features_of(outputs, self.weight)
            return Readout(self.score(phi, condition), phi, None if self.logits is None else self.logits(phi))

    def score(self, phi: Tensor, condition: Condition | None) -> Tensor:
        """Scores ``(n,)`` of features ``(n, features)``."""
        return self.weight(self.batch_statistics(phi)).squeeze(1)


class ProjectionScore(LinearScore):
    """Scores w·φ(x) + e(y)·φ(x).

    Args:
        features: size of φ(x).
        embed: builds the module from conditions y to e(y), ``(n, features)``.
        crowd: as of :class:`LinearScore`.
    """

    def __init__(
        self, features: int, embed: Callable[[], nn.Module], batch_statistics: BatchStatistics = NO_STATISTICS
    ) -> None:
        super().__init__(features, batch_statistics=batch_statistics)
        self.embedding = embed()
        if isinstance(self.embedding, nn.Embedding):
            nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(features))

    def score(self, phi: Tensor, condition: Condition | None) -> Tensor:
        assert condition is not None
        return super().score(phi, condition) + (self.embedding(condition) * phi).sum(1)


class ClassScore(DiscriminatorHead):
    """A classifier whose evidence for any of its classes is the score, log Σ_k exp l_k(x).

    Args:
        features: size of φ(x).
        classes: how many.
        crowd: as of :class:`LinearScore`; the classes are read from both.
    """

    def __init__(
        self, features: int, classes: int, batch_statistics: BatchStatistics = NO_STATISTICS
    ) -> None:
        super().__init__()
        self.batch_statistics, wide = batch_statistics_layers(features, batch_statistics)
        self.logits = nn.Linear(wide, classes)

    def forward(self, outputs: Tensor, condition: Condition | None) -> Readout:
        with torch.autocast(outputs.device.type, enabled=False):
            phi = features_of(outputs, self.logits)
            logits = self.logits(self.batch_statistics(phi))
        return Readout(logits.logsumexp(1), phi, logits)


class ConstantMaps(ConditionedInput):
    """The condition stands beside the example: each of its numbers is a map that is constant.

    Args:
        numbers: from conditions to ``(n, numbers)``.
    """

    def __init__(self, numbers: nn.Module) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert condition is not None
        maps = self.numbers(condition).to(x.dtype)
        maps = maps.reshape(*maps.shape, *(1,) * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, maps], 1)


class ImageBeside(ConditionedInput):
    """A spatial condition stands beside the example as more channels, on the scale [−1, 1].

    Args:
        space: an image with values in [0, 1], or a map of labels, which becomes planes of 0 and 1.
    """

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.labels = len(space.names) if space.kind == "labels" else 0

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert isinstance(condition, Tensor)
        image = label_planes(condition, self.labels) if self.labels else condition
        return torch.cat([x, 2 * image.to(x.dtype) - 1], 1)


class PartsBeside(ConditionedInput):
    """The parts of a condition stand beside the example one after the other.

    Args:
        builders: build what puts each part beside it, by name.
    """

    def __init__(self, builders: Mapping[str, Callable[[], ConditionedInput]]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: build() for name, build in builders.items()})

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert isinstance(condition, Parts)
        for name, part in self.parts.items():
            x = part(x, condition[name])
        return x


class LearnedMap(ConditionedInput):
    """The condition stands beside the example as one more channel, a map learned from it.

    Args:
        embedding: from conditions to the elements of a map, ``(n, ∏ size)``.
        size: sides of the map; for vectors the map is one number.
    """

    def __init__(self, embedding: nn.Module, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size
        self.embedding = embedding

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert condition is not None
        return torch.cat([x, self.embedding(condition).to(x.dtype).reshape(-1, 1, *self.size)], 1)


class OneHotBeside(ConditionedInput):
    """A one-hot class stands beside the flattened example.

    Args:
        classes: how many.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert isinstance(condition, Tensor)
        return torch.cat([x.flatten(1), F.one_hot(condition, self.classes).to(x.dtype)], 1)
