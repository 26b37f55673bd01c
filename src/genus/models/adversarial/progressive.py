"""Progressive growing: both networks begin at a small resolution and grow, one stage after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from genus.core.errors import RecipeError
from genus.core.network import Grows
from genus.core.phase import Progress, Stage
from genus.core.ranges import Positive, ShareAbove0
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.adversarial.gan import GAN


@model("progressive-gan", paper="arXiv:1710.10196")
class ProgressiveGAN(GAN):
    """A GAN with one stage per resolution; new layers fade in during the first part of a stage.

    Examples keep their full size throughout: a growing generator enlarges what it draws, a growing
    discriminator shrinks what it sees, and both to the resolution of the stage. While a level fades
    in, real examples are blurred to the level before by the share that it lacks, as generated ones are.
    """

    def __init__(
        self, spec: DataSpec, *, fade: ShareAbove0 = 0.5, last_share: Positive = 1.0, **gan: Any
    ) -> None:
        """Build generator and discriminator at their full size.

        Args:
            fade: share of a stage during which its new layers fade in, in (0, 1].
            last_share: length of the last stage over that of each earlier one, > 0.
            gan: see :class:`GAN`; both networks must be growing ones, such as ``progan``.

        Raises:
            RecipeError: when a network does not grow, or the two have different resolutions.
        """
        super().__init__(spec, **gan)
        self.networks = [self.generator.network, self.discriminator.network]
        levels = [network.num_levels for network in self.networks if isinstance(network, Grows)]
        if len(levels) < 2 or levels[0] != levels[1]:
            raise RecipeError(
                "model 'progressive-gan' needs a generator and a discriminator that grow through the same "
                "resolutions, such as progan"
            )
        self.num_levels = levels[0]
        self.fade = fade
        self.last_share = last_share
        self._grow(self.num_levels - 1)

    def real(self, x: Tensor) -> Tensor:
        discriminator = self.networks[1]
        assert isinstance(discriminator, Grows)
        return discriminator.faded(super().real(x))

    def stages(self) -> Sequence[Stage]:
        """One stage per resolution, the smallest first."""
        growing = [
            Stage(
                name=f"resolution {level + 1} of {self.num_levels}",
                phases=[replace(phase) for phase in self.phases()],
                share=self.last_share if level == self.num_levels - 1 else 1.0,
                enter=self._enter(level),
                tick=self._fade if level else None,
            )
            for level in range(self.num_levels)
        ]
        return [*self.preparation(), *growing]

    def _enter(self, level: int) -> Callable[[], None]:
        return lambda: self._grow(level)

    def _grow(self, level: int) -> None:
        for network in self.networks:
            assert isinstance(network, Grows)
            network.grow(level)
            network.fade(1.0)

    def _fade(self, progress: Progress) -> None:
        for network in self.networks:
            assert isinstance(network, Grows)
            network.fade(min(1.0, progress.fraction / self.fade))
