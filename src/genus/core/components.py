"""Types of components as the code that uses them sees them: recipe arguments already bound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from genus.core.noise import Noise
from genus.core.spec import DataSpec

Network = Callable[[tuple[int, ...], tuple[int, ...]], nn.Module]
"""Builds a network from the shape of its input to the shape of its output, without batch axes."""


class Players(NamedTuple):
    """Losses of both players, as papers print them side by side; both are minimised."""

    discriminator: Tensor
    generator: Tensor


Objective = Callable[[Tensor, Tensor], Players]
"""From scores of real and of generated examples, each ``(n,)``, to the players' losses."""

Critic = Callable[[Tensor], Tensor]
"""A discriminator with its condition bound: examples ``(n, *shape)`` to scores ``(n,)``."""

Penalty = Callable[[Critic, Tensor, Tensor, Noise], Tensor]
"""From (critic, real, generated, random numbers) to a weighted scalar."""


class Conditions(ABC):
    """How a class reaches the two players of a GAN.

    Args:
        spec: the data; what is missing there is refused when the model is built.
    """

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    @abstractmethod
    def generator(self, network: Network, latent: int) -> nn.Module:
        """Build a generator whose ``forward(z, given)`` maps ``(n, latent)`` to examples."""

    @abstractmethod
    def discriminator(self, network: Network) -> nn.Module:
        """Build a discriminator whose ``forward(x, given)`` maps examples to scores ``(n,)``."""


Conditioning = Callable[[DataSpec], Conditions]
