"""Unrolled GANs: the generator answers the discriminator as it will be in a few steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.func import functional_call

from genus.core.batch import Batch
from genus.core.components import Conditioning, Network, Objective, Penalty
from genus.core.phase import Context, Phase, Terms
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.adversarial.gan import GAN


@model("unrolled-gan", paper="arXiv:1611.02163")
class UnrolledGAN(GAN):
    """A GAN whose generator minimises its loss against a discriminator updated K steps ahead.

    θ_D⁰ = θ_D, θ_D^{k+1} = θ_D^k − η ∇ f_D(θ_G, θ_D^k); the generator descends f_G(θ_G, θ_D^K),
    and its gradient flows through all K steps. The discriminator itself takes ordinary steps.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        generator: Network,
        discriminator: Network,
        objective: Objective,
        penalties: Sequence[Penalty] = (),
        conditioning: Conditioning | None = None,
        latent: int = 64,
        discriminator_steps: int = 1,
        penalty_every: int = 1,
        unroll: int = 5,
        unroll_rate: float = 0.1,
    ) -> None:
        """Build both players.

        Args:
            generator: network from latent to example.
            discriminator: network from example to score; without batch norm.
            objective: what both minimise.
            penalties: added to the discriminator's loss.
            conditioning: how classes are used; null for none.
            latent: size of the standard normal latent.
            discriminator_steps: discriminator updates per generator update.
            penalty_every: compute penalties in each so-many-th iteration only.
            unroll: K, steps the discriminator is looked ahead; 0 gives a plain GAN.
            unroll_rate: η, learning rate of the steps looked ahead.
        """
        super().__init__(
            spec,
            generator=generator,
            discriminator=discriminator,
            objective=objective,
            penalties=penalties,
            conditioning=conditioning,
            latent=latent,
            discriminator_steps=discriminator_steps,
            penalty_every=penalty_every,
        )
        self.unroll = unroll
        self.unroll_rate = unroll_rate

    def phases(self) -> Sequence[Phase]:
        """As a GAN; steps looked ahead depend on the whole batch, which is not a mean over it."""
        discriminator, generator = super().phases()
        return [discriminator, replace(generator, whole_batch=self.unroll > 0)]

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's generator side against the discriminator K steps ahead."""
        given = self.condition(batch)
        real = self.scaling.inward(batch.x)
        fake = self.generate(len(batch), given, ctx.noise)
        weights = {name: p.detach().requires_grad_(True) for name, p in self.discriminator.named_parameters()}
        for _ in range(self.unroll):
            loss = self.objective(self._score(weights, real, given), self._score(weights, fake, given))
            slopes = torch.autograd.grad(loss.discriminator, list(weights.values()), create_graph=True)
            weights = {
                name: weight - self.unroll_rate * slope
                for (name, weight), slope in zip(weights.items(), slopes, strict=True)
            }
        players = self.objective(self._score(weights, real, given), self._score(weights, fake, given))
        return {"loss": players.generator}

    def _score(self, weights: dict[str, Tensor], x: Tensor, given: Tensor | None) -> Tensor:
        return functional_call(self.discriminator, weights, (x, given))
