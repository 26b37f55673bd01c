"""Unrolled GANs: the generator plays against the discriminator as it will be in a few steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from genus.core.batch import Batch, Condition
from genus.core.components import Readout
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Natural, Positive
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.precision import wide_on_processors
from genus.models.adversarial.discriminator_terms import penalty_terms
from genus.models.adversarial.gan import GAN
from genus.models.adversarial.look_ahead import Weights, stepper


@model("unrolled-gan", paper="arXiv:1611.02163")
class UnrolledGAN(GAN):
    """A GAN whose generator minimises its loss against a discriminator updated K steps ahead.

    θ_D⁰ = θ_D, θ_D^{k+1} = θ_D^k − η ∇ f_D(θ_G, θ_D^k); the generator descends f_G(θ_G, θ_D^K),
    and its gradient flows through all K steps. They are steps of the discriminator's own Adam, as
    in the paper's experiments, or plain ones, as in its equation. The discriminator itself takes
    ordinary steps.
    """

    def __init__(
        self, spec: DataSpec, *, unroll: Natural = 5, unroll_rate: Positive | None = None, **gan: Any
    ) -> None:
        """Build generator and discriminator.

        Args:
            unroll: K, steps the discriminator is looked ahead; 0 gives a plain GAN.
            unroll_rate: η of plain gradient steps; null looks ahead with Adam as it stands, which
                must be the discriminator's optimiser.
            gan: see :class:`GAN`. Looked ahead are the objective, what the conditioning adds, penalties
                and the bound of weights, but neither regularisers nor a network's self-supervised task.
                Features are matched as the discriminator will have them.
        """
        super().__init__(spec, **gan)
        self.unroll = unroll
        self.unroll_rate = unroll_rate

    def phases(self) -> Sequence[Phase]:
        """As a GAN; steps looked ahead depend on the whole batch, which is not a mean over it."""
        discriminator, generator = super().phases()
        return [discriminator, replace(generator, whole_batch=generator.whole_batch or self.unroll > 0)]

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's generator side against the discriminator K steps ahead."""
        with wide_on_processors(batch.x.device):  # gradients are differentiated again
            return self._unrolled_loss(batch, ctx)

    def _unrolled_loss(self, batch: Batch, ctx: Context) -> Terms:
        condition = self.conditioning.condition_of(batch, ctx.noise)
        real = self.discriminator_input(self.real(batch.x), ctx)
        fake = self.fakes(len(batch), condition, ctx)
        seen = self.discriminator_input(fake, ctx)
        weights = self._ahead(batch, real, seen, condition, ctx)
        of_real, of_fake = self._read(weights, real, condition), self._read(weights, seen, condition)
        return self.generator_terms(batch, fake, of_real, of_fake, condition)

    def _ahead(
        self, batch: Batch, real: Tensor, fake: Tensor, condition: Condition | None, ctx: Context
    ) -> Weights:
        """The discriminator's weights K steps ahead, as a function of the generated examples."""
        parameters = dict(self.discriminator.named_parameters())
        weights = {name: p.detach().requires_grad_(True) for name, p in parameters.items()}
        if self.unroll == 0:
            return weights
        step = stepper(self.unroll_rate, parameters, ctx.optimizers)
        for _ in range(self.unroll):
            of_real, of_fake = self._read(weights, real, condition), self._read(weights, fake, condition)
            loss = self.objective(of_real.score, of_fake.score).discriminator
            terms = self.conditioning.discriminator_terms(batch, fake, of_real, of_fake, condition)
            critic = partial(self._mean_score, weights, condition)
            penalties = penalty_terms(self.penalties, critic, real, fake, ctx, self.penalty_every)
            loss = sum([*terms.values(), *penalties.values()], loss)
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True, allow_unused=True)
            weights = step(weights, dict(zip(weights, slopes, strict=True)))
            bound = self.regularisation.weight_clip
            if bound is not None:
                weights = {name: weight.clamp(-bound, bound) for name, weight in weights.items()}
        return weights

    def _mean_score(self, weights: Weights, condition: Condition | None, x: Tensor) -> Tensor:
        return self._read(weights, x, condition).mean_score

    def _read(self, weights: Weights, x: Tensor, condition: Condition | None) -> Readout:
        """The discriminator's readout with other weights; its running statistics stay as they are."""
        running = {name: buffer.clone() for name, buffer in self.discriminator.named_buffers()}
        return functional_call(self.discriminator, {**running, **weights}, (x, condition))
