"""Generator and discriminator of a GAN: a network each, the condition at its input, and what is read out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.batch import Condition
from genus.core.components import NO_STATISTICS, BatchStatistics, Readout
from genus.core.network import SelfSupervised, Styled, TakesNoise
from genus.core.noise import Noise
from genus.layers.batch_coupling import MinibatchDeviation, MinibatchDiscrimination
from genus.models.adversarial.conditioned_input import ConditionedInput


class Generator(nn.Module):
    """A network from latent to example, with or without a condition.

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
        z, condition = self._inputs(z, condition)
        own = {"noise": noise} if isinstance(self.network, TakesNoise) else {}
        return self.network(z, **own) if condition is None else self.network(z, condition, **own)

    def styles(self, z: Tensor, condition: Condition | None) -> Tensor:
        """Styles w of a style-based network, ``(n, style_size)``."""
        assert isinstance(self.network, Styled)
        return self.network.mapping(*self._inputs(z, condition))

    def _inputs(self, z: Tensor, condition: Condition | None) -> tuple[Tensor, Tensor | None]:
        if self.embed is None or condition is None:
            return z, None
        features = self.embed(condition)
        return (torch.cat([z, features.to(z.dtype)], 1), None) if self.beside else (z, features)


class DiscriminatorHead(nn.Module, ABC):
    """The head of a discriminator: what is read out of its network."""

    @abstractmethod
    def forward(self, outputs: Tensor, condition: Condition | None) -> Readout:
        """Read the network's outputs ``(n, outputs)``, with axes of places where it keeps them."""


class Discriminator(nn.Module):
    """A network from example to numbers, what it sees, and what is read out of it.

    Args:
        network: maps what it sees to ``(n, outputs)``.
        head: what is read out of these.
        conditioned_input: puts the condition beside the examples; None for the examples alone.
    """

    def __init__(
        self, network: nn.Module, head: DiscriminatorHead, conditioned_input: ConditionedInput | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.conditioned_input = conditioned_input

    def forward(self, x: Tensor, condition: Condition | None = None) -> Readout:
        """The readout of examples ``(n, *shape)``."""
        return self.head(self.network(self._input(x, condition)), condition)

    def with_self_supervised_loss(
        self, x: Tensor, condition: Condition | None, noise: Noise
    ) -> tuple[Readout, Tensor | None]:
        """As :meth:`forward`, and the loss of the network's self-supervised task where it has one."""
        if not isinstance(self.network, SelfSupervised):
            return self(x, condition), None
        outputs, loss = self.network.forward_with_loss(self._input(x, condition), noise)
        return self.head(outputs, condition), loss

    def _input(self, x: Tensor, condition: Condition | None) -> Tensor:
        return x if self.conditioned_input is None else self.conditioned_input(x, condition)


def features_of(outputs: Tensor, layer: nn.Linear) -> Tensor:
    """φ(x): a network's outputs through a leaky ReLU, in the type of the layer that reads them."""
    return F.leaky_relu(outputs, 0.2).to(layer.weight.dtype)


def batch_statistics_layers(features: int, batch_statistics: BatchStatistics) -> tuple[nn.Sequential, int]:
    """Layers that put beside φ(x) how the batch looks as a whole, and how many numbers come out of them.

    Args:
        features: size of φ(x).
        batch_statistics: the deviation comes first, then the kernels; with neither φ(x) is left as it is.
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
    """The network's only output is the score, ``(n, 1)``, or ``(n, 1, *places)`` where it keeps places."""

    def forward(self, outputs: Tensor, condition: Condition | None) -> Readout:
        return Readout(outputs.flatten(1).squeeze(1).float())


class LinearScore(DiscriminatorHead):
    """A linear layer reads the score out of features φ(x), and logits where there are such.

    Args:
        features: size of φ(x).
        logits: outputs of a second linear layer; 0 for none.
        batch_statistics: what stands beside φ(x) where the score is read.
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
        batch_statistics: as of :class:`LinearScore`.
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
        batch_statistics: as of :class:`LinearScore`; the classes are read from both.
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
