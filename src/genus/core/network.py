"""Capabilities of networks besides mapping one shape to another.

Abilities are nominal, as those of models: a network has one when its class derives from it, and
models ask with ``isinstance``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from genus.core.noise import Noise


class CouplesBatch(nn.Module):
    """A layer whose output for one example depends on the others in the batch, in evaluation, too.

    Phases that train a network with such a layer need their whole batch at once.
    """


class Autoregressive(nn.Module, ABC):
    """A network of vectors whose outputs for element i depend on the elements before i alone.

    It maps ``(n, size)`` to ``(n, numbers · size)``, all elements' first numbers before their second ones.
    """


class TakesNoise(nn.Module, ABC):
    """A network with random numbers of its own beside its input."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None = None, *, noise: Noise) -> Tensor:
        """Map ``(n, *inputs)`` to ``(n, *outputs)``; all randomness comes from ``noise``."""


class Styled(TakesNoise, ABC):
    """A generator that maps its latent to styles, one for each of its layers.

    Args of instances: ``num_styles`` layers take a style of ``style_size`` numbers.
    """

    num_styles: int
    style_size: int

    @abstractmethod
    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map latents ``(n, latent)`` to styles w, ``(n, style_size)``."""

    @abstractmethod
    def synthesis(self, styles: Tensor, noise: Noise) -> Tensor:
        """Draw examples with styles ``(n, num_styles, style_size)``, layer by layer."""

    def forward(self, x: Tensor, condition: Tensor | None = None, *, noise: Noise) -> Tensor:
        styles = self.mapping(x, condition)
        return self.synthesis(styles[:, None].expand(-1, self.num_styles, -1), noise)


class Grows(nn.Module, ABC):
    """A network that works at several resolutions, the smallest first.

    ``num_levels`` counts them. Where it stands is kept in buffers, so it is saved.
    """

    num_levels: int

    @abstractmethod
    def grow(self, level: int) -> None:
        """Work at resolution ``level``, from 0 to ``num_levels`` − 1."""

    @abstractmethod
    def fade(self, share: float) -> None:
        """Mix the newest layers in by ``share`` in [0, 1]; at 1 they alone count."""

    @abstractmethod
    def faded(self, x: Tensor) -> Tensor:
        """Examples ``(n, channels, *size)``, blurred to the level before by what ``share`` lacks of 1."""


class SelfSupervised(nn.Module, ABC):
    """A discriminator that learns from real examples by a task of its own, too."""

    @abstractmethod
    def forward_with_loss(self, x: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        """Result of ``forward(x)`` and the scalar loss of the network's own task, from one pass."""
