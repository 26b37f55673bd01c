"""Consensus optimisation: generator and discriminator also descend the size of their joint gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.errors import RecipeError
from genus.core.observations import Observation
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.precision import wide_on_processors
from genus.models.adversarial.gan import GAN


@model("consensus-gan", paper="arXiv:1705.10461")
class ConsensusGAN(GAN):
    """A GAN whose networks also minimise γ/2 ‖v‖², v = (∇_G L_G, ∇_D L_D), in simultaneous steps.

    The added force turns cycles around an equilibrium into spirals towards it. Both gradients keep
    their dependence on both networks; that of penalties on generated examples alone is left out.
    """

    def __init__(self, spec: DataSpec, *, consensus: Weight = 10.0, **gan: Any) -> None:
        """Build generator and discriminator, without batch norm for a smooth gradient.

        Both are updated at once; of ``discriminator_steps`` all but the last are the discriminator's alone.

        Args:
            consensus: γ, >= 0; 0 gives simultaneous gradient descent.
            gan: see :class:`GAN`.

        Raises:
            RecipeError: with a schedule of the discriminator that skips updates.
        """
        super().__init__(spec, **gan)
        if self.discriminator_schedule is not None:
            raise RecipeError(
                "model 'consensus-gan' updates both networks at once, so that none can rest: leave "
                "model.discriminator_schedule at null"
            )
        self.consensus = consensus

    def phases(self) -> Sequence[Phase]:
        """One phase that updates both networks; the size of a mean gradient is no mean of sizes."""

        def after(averages: Mapping[str, float]) -> None:
            self.after_discriminator(averages)
            self.after_generator(averages)

        updates = {"discriminator": self.discriminator.parameters, "generator": self.generator.parameters}
        both = Phase(name="players", updates=updates, loss=self.loss, whole_batch=True, after=after)
        if self.discriminator_steps == 1:
            return [both]
        return [replace(super().phases()[0], repeat=self.discriminator_steps - 1), both]

    def loss(self, batch: Batch, ctx: Context) -> Mapping[str, Terms]:
        """Losses of generator and discriminator, and the size of the joint gradient in each."""
        with wide_on_processors(batch.x.device):  # gradients of these are differentiated again
            discriminator = dict(self.discriminator_loss(batch, ctx))
            generator = dict(self.generator_loss(batch, ctx))
        size = self._size("discriminator", discriminator) + self._size("generator", generator)
        ctx.observe(**{Observation.GRADIENT: size})
        term = {"consensus": self.consensus / 2 * size}
        return {"discriminator": {**discriminator, **term}, "generator": {**generator, **term}}

    def fakes_for_discriminator(self, n: int, condition: Condition | None, ctx: Context) -> Tensor:
        """Generated examples with their graph, as ‖∇_D L_D‖² is for the generator to lessen, too."""
        return self.fakes(n, condition, ctx)

    def _size(self, name: str, terms: Terms) -> Tensor:
        """Squared norm of a network's own gradient; it depends on both networks."""
        player = self.generator if name == "generator" else self.discriminator
        own = [p for p in player.parameters() if p.requires_grad]
        total = torch.stack([term.reshape(()) for term in terms.values()]).sum()
        slopes = torch.autograd.grad(total, own, create_graph=True, allow_unused=True)
        return torch.stack([slope.square().sum() for slope in slopes if slope is not None]).sum()
