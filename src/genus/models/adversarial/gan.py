"""Generative adversarial networks: any objective, penalties, networks and conditioning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import LatentSpace
from genus.core.components import (
    ConditioningFactory,
    DiscriminatorScheduleFactory,
    Network,
    Objective,
    Penalty,
    Readout,
    couples_batch,
)
from genus.core.model import MinimumBatch, Model
from genus.core.network import CouplesBatch
from genus.core.noise import Noise
from genus.core.phase import Averages, Context, Phase, Terms
from genus.core.ranges import Count, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.scaling import Scaling
from genus.models.adversarial import refusals
from genus.models.adversarial.conditioning_base import Unconditional
from genus.models.adversarial.discriminator_input import DiscriminatorInput
from genus.models.adversarial.discriminator_terms import feature_distance, log_scores, penalty_terms
from genus.models.adversarial.gan_options import AugmentationOptions, FeatureOptions, RegularisationOptions
from genus.models.adversarial.generator_discriminator import Discriminator
from genus.models.adversarial.reference_batches import hold_references, take_reference
from genus.models.adversarial.score_border import border_of, compares
from genus.models.adversarial.weight_regularisation import WeightRegularisation


@model("gan", paper="arXiv:1406.2661")
class GAN(Model, LatentSpace):
    """A generator against a discriminator that distinguishes its samples from data.

    Both are trained on data scaled to [−1, 1] where the data are bounded (the generator ends in tanh),
    and on raw values otherwise.

    Args:
        generator: network from latent to example.
        discriminator: network from example to score; it may give a score at each of several places.
        objective: what both minimise.
        objective_weight: weight of the objective in the generator's loss; with 0 it matches features only.
        penalties: added to the discriminator's loss.
        penalty_every: compute penalties every k iterations only, k times as strong (lazy regularisation).
        conditioning: how classes or other conditions of the data are used; null for none.
        latent: size of the standard normal latent.
        discriminator_steps: discriminator updates per generator update, each on fresh data.
        discriminator_schedule: changes the number of discriminator updates in the course of training.
        packing: examples that the discriminator judges together (arXiv:1712.04086); null for one.
        augmentation: changes of all that the discriminator sees, and their strength.
        features: size of the discriminator's features, and what is done with them.
        regularisation: terms on weights, and their bounds.
    """

    reference_held: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        generator: Network,
        discriminator: Network,
        objective: Objective,
        objective_weight: Weight = 1.0,
        penalties: Sequence[Penalty] = (),
        penalty_every: Count = 1,
        conditioning: ConditioningFactory | None = None,
        latent: Count = 64,
        discriminator_steps: Count = 1,
        discriminator_schedule: DiscriminatorScheduleFactory | None = None,
        packing: Count | None = None,
        augmentation: AugmentationOptions,
        features: FeatureOptions,
        regularisation: RegularisationOptions,
    ) -> None:
        """Build generator and discriminator.

        Raises:
            RecipeError: for options that make no sense together.
        """
        super().__init__(spec)
        self.latent, self.packing = latent, packing or 1
        refusals.refuse_packs_of_conditions(self.packing, conditioning is not None)
        self.conditioning = conditioning(spec) if conditioning else Unconditional(spec, packing=self.packing)
        self.conditional, self.codes = self.conditioning.from_data, self.conditioning.codes
        self.features, self.regularisation = features, regularisation
        self._build_networks(generator, discriminator)
        refusals.refuse_augmentation(augmentation, self.discriminator)
        self.discriminator_input = DiscriminatorInput(spec.shape, augmentation, self.packing)
        self.objective, self.objective_weight = objective, objective_weight
        self.border = border_of(objective)
        self.compares = compares(objective)
        refusals.refuse_generator_without_loss(objective_weight, features.matching)
        refusals.refuse_coupled_slopes(penalties, self.discriminator)
        self.penalties, self.penalty_every = penalties, penalty_every
        self.discriminator_steps = discriminator_steps
        self.discriminator_schedule = discriminator_schedule() if discriminator_schedule else None
        refusals.refuse_borderless(objective, self.discriminator_schedule, self.discriminator_input.schedule)
        past, clip = regularisation.historical_averaging, regularisation.weight_clip
        self.generator_weights = WeightRegularisation(self.generator, regularisation.generator, history=past)
        self.discriminator_weights = WeightRegularisation(
            self.discriminator, regularisation.discriminator, history=past, clip=clip
        )

    def _build_networks(self, generator: Network, discriminator: Network) -> None:
        refusals.refuse_features(self.features, self.conditioning)
        self.scaling = Scaling(self.spec)
        self.generator = self.conditioning.generator(generator, self.latent)
        self.discriminator = self.conditioning.discriminator(
            discriminator, features=self.features.size, batch_statistics=self.features.batch_statistics
        )
        channels, *size = self.spec.shape
        self.needs_reference = hold_references(
            self.generator, self.discriminator, self.latent, (channels * self.packing, *size)
        )
        if self.needs_reference:
            self.register_buffer("reference_held", torch.tensor(False))

    # --- training ----------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        """Discriminator updates, then one generator update."""
        steps, schedule = self.discriminator_steps, self.discriminator_schedule
        whole = self.couples_batch() or self.needs_reference
        return [
            Phase(
                name="discriminator",
                updates={"discriminator": self.discriminator.parameters},
                loss=self.discriminator_loss,
                repeat=steps if schedule is None else partial(schedule.count, usual=steps),
                whole_batch=whole,
                after=self.after_discriminator,
            ),
            Phase(
                name="generator",
                updates={"generator": self.generator.parameters},
                loss=self.generator_loss,
                whole_batch=whole,
                after=self.after_generator,
            ),
        ]

    def couples_batch(self) -> bool:
        """Whether losses depend on their batch as a whole, so that they are no means over examples."""
        layers = any(isinstance(module, CouplesBatch) for module in self.modules())
        functions = any(couples_batch(part) for part in (self.objective, *self.penalties))
        return layers or functions or self.packing > 1 or self.features.matching is not None

    def minimum_batch(self) -> MinimumBatch:
        """As many as make one pack, or two where packs are compared; and what the layers need."""
        discriminator, packing = self.discriminator, self.packing
        of_packs = refusals.minimum_batch_of_discriminator(discriminator, packing, self.features)
        return max(of_packs, super().minimum_batch(), key=lambda least: least.examples)

    def real(self, x: Tensor) -> Tensor:
        """Real examples to train on, on the networks' scale."""
        return self.scaling.inward(x)

    def generate(self, z: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        """Examples on the networks' scale from latents, ``(n, *shape)``."""
        return self.scaling.squash(self.generator(z, condition, noise))

    def fakes(self, n: int, condition: Condition | None, ctx: Context) -> Tensor:
        """Generated examples to train on."""
        return self.generate(ctx.noise.normal(n, self.latent), condition, ctx.noise)

    def fakes_for_discriminator(self, n: int, condition: Condition | None, ctx: Context) -> Tensor:
        """Generated examples for the discriminator's loss, without a gradient to the generator."""
        with torch.no_grad():
            return self.fakes(n, condition, ctx)

    def readout_of_fake(self, fake: Tensor, condition: Condition | None, ctx: Context) -> Readout:
        """The discriminator's readout of generated examples in the form that it sees."""
        return self.discriminator(fake, condition)

    def discriminator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's discriminator side, what the conditioning adds, penalties."""
        condition = self.conditioning.condition_of(batch, ctx.noise)
        fake = self.fakes_for_discriminator(len(batch), condition, ctx)
        real = self.discriminator_input(self.real(batch.x), ctx)
        seen = self.discriminator_input(fake, ctx)
        if self.needs_reference and not self.reference_held:
            take_reference(self.discriminator, real)
            self.reference_held.fill_(True)
        discriminator = cast("Discriminator", self.discriminator)
        of_real, self_supervised = discriminator.with_self_supervised_loss(real, condition, ctx.noise)
        of_fake = self.readout_of_fake(seen, condition, ctx)
        log_scores(ctx, of_real, of_fake, self.border)
        self.discriminator_input.log_strength(ctx)
        terms = {"loss": self.objective(of_real.score, of_fake.score).discriminator}
        if self_supervised is not None:
            terms["own task"] = self_supervised
        terms.update(self.conditioning.discriminator_terms(batch, fake, of_real, of_fake, condition))

        def critic(x: Tensor) -> Tensor:
            return self.discriminator(x, condition).mean_score

        terms.update(penalty_terms(self.penalties, critic, real, seen, ctx, self.penalty_every))
        return {**terms, **self.discriminator_weights.terms()}

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's generator side, and what the conditioning adds."""
        condition = self.conditioning.condition_of(batch, ctx.noise)
        fake = self.fakes(len(batch), condition, ctx)
        of_fake = self.readout_of_fake(self.discriminator_input(fake, ctx), condition, ctx)
        of_real = Readout(of_fake.score.detach())
        if self.compares or self.features.matching is not None:
            of_real = self.discriminator(self.discriminator_input(self.real(batch.x), ctx), condition)
        return self.generator_terms(batch, fake, of_real, of_fake, condition)

    def generator_terms(
        self, batch: Batch, fake: Tensor, of_real: Readout, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        """The generator's loss from a discriminator's readouts of real and of generated examples."""
        terms: dict[str, Tensor] = {}
        if self.features.matching is not None:
            terms["features"] = self.features.matching * feature_distance(of_real, of_fake)
        if self.objective_weight:
            loss = self.objective(of_real.score, of_fake.score).generator
            terms["loss"] = loss if self.objective_weight == 1 else self.objective_weight * loss
        terms.update(self.conditioning.generator_terms(batch, fake, of_fake, condition))
        return {**terms, **self.generator_weights.terms()}

    def after_discriminator(self, averages: Averages) -> None:
        """Clip and average weights, and update the schedules that follow the discriminator's accuracy."""
        self.discriminator_weights.after_update()
        self.discriminator_input.update(averages)
        if self.discriminator_schedule is not None:
            self.discriminator_schedule.update(averages)

    def after_generator(self, averages: Averages) -> None:
        """Average the generator's weights where its loss compares with them."""
        self.generator_weights.after_update()

    # --- sampling ----------------------------------------------------------------------------

    def generate_from(self, z: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        condition = self.conditioning.complete(condition, len(z), noise)
        return self.scaling.outward(self.generate(z, condition, noise))
