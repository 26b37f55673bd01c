"""Generative adversarial networks: any objective, penalties, networks and conditioning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.components import (
    Augmentation,
    AugmentationScheduleFactory,
    BatchStatistics,
    ConditioningFactory,
    DiscriminatorScheduleFactory,
    Network,
    Objective,
    Penalty,
    Readout,
    Regulariser,
    couples_batch,
)
from genus.core.errors import RecipeError
from genus.core.model import LatentSpace, MinimumBatch, Model
from genus.core.network import CouplesBatch
from genus.core.noise import Noise
from genus.core.phase import Averages, Context, Phase, Progress, Terms
from genus.core.ranges import Count, Positive, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.scaling import Scaling
from genus.layers.weight_history import WeightHistory
from genus.models.adversarial.conditioning import Unconditional
from genus.models.adversarial.generator_discriminator import Discriminator, ImageBeside
from genus.models.adversarial.judging import (
    augment,
    border_of,
    compares,
    feature_distance,
    minimum_batch_of_discriminator,
    observe,
    pack,
    penalty_terms,
    refuse_borderless,
    refuse_contradictions,
    refuse_coupled_slopes,
    refuse_features,
    try_out,
)
from genus.models.adversarial.reference_batches import hold_references, take_reference
from genus.objectives.regularisers import clip_weights


@model("gan", paper="arXiv:1406.2661")
class GAN(Model, LatentSpace):
    """A generator plays against a discriminator that tells its samples from data.

    Both play on data scaled to [−1, 1] where the data are bounded (the generator ends in tanh),
    and on raw values otherwise.
    """

    reference_held: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        generator: Network,
        discriminator: Network,
        objective: Objective,
        penalties: Sequence[Penalty] = (),
        conditioning: ConditioningFactory | None = None,
        latent: Count = 64,
        discriminator_steps: Count = 1,
        penalty_every: Count = 1,
        discriminator_schedule: DiscriminatorScheduleFactory | None = None,
        augmentation: Sequence[Augmentation] = (),
        augmentation_schedule: AugmentationScheduleFactory | None = None,
        features: Count | None = None,
        feature_matching: Weight | None = None,
        adversarial: Weight = 1.0,
        minibatch_discrimination: Count | None = None,
        minibatch_deviation: Count | None = None,
        packing: Count | None = None,
        weight_clip: Positive | None = None,
        generator_regularisers: Sequence[Regulariser] = (),
        discriminator_regularisers: Sequence[Regulariser] = (),
        historical_averaging: Weight | None = None,
    ) -> None:
        """Build both players.

        Args:
            generator: network from latent to example.
            discriminator: network from example to score.
            objective: what both minimise.
            penalties: added to the discriminator's loss.
            conditioning: how classes or other conditions of the data are used; null for none.
            latent: size of the standard normal latent.
            discriminator_steps: discriminator updates per generator update, each on fresh data.
            penalty_every: compute penalties in each so-many-th iteration only, as much stronger
                (lazy regularisation).
            discriminator_schedule: changes the number of discriminator updates in the course of training.
            augmentation: of all that the discriminator sees, so that it cannot memorise; gradients pass.
                One, or several in this order.
            augmentation_schedule: strength of the augmentation; null for full strength.
            features: size of features φ(x) from which a linear layer reads the score; null lets the
                network give it. Some conditionings bring their own.
            feature_matching: weight of ‖E φ(x) − E φ(G(z))‖² in the generator's loss (arXiv:1606.03498).
            adversarial: weight of the objective in the generator's loss; with 0 it matches features only.
            minibatch_discrimination: kernels that tell how near φ(x) is to that of the other examples
                (arXiv:1606.03498); null for none.
            minibatch_deviation: examples in each group whose mean deviation of φ(x) stands beside it
                (arXiv:1710.10196); null for none. Growing and style-based discriminators have it inside.
            packing: examples that the discriminator judges together (arXiv:1712.04086); null for one.
            weight_clip: bound of the discriminator's weights after each of its updates (arXiv:1701.07875).
            generator_regularisers: terms on the generator's weights.
            discriminator_regularisers: terms on the discriminator's weights.
            historical_averaging: weight of ‖θ − mean of all earlier θ‖² in both losses (arXiv:1606.03498).
        """
        super().__init__(spec)
        packing = packing or 1
        refuse_contradictions(
            conditional=conditioning is not None,
            packing=packing,
            controlled=augmentation_schedule is not None,
            augmented=bool(augmentation),
        )
        self.conditioning = (
            conditioning(spec) if conditioning is not None else Unconditional(spec, packing=packing)
        )
        refuse_features(
            self.conditioning,
            features,
            {
                "feature_matching": feature_matching is not None,
                "minibatch_discrimination": minibatch_discrimination is not None,
                "minibatch_deviation": minibatch_deviation is not None,
            },
        )
        self.conditional = self.conditioning.from_data
        self.codes = self.conditioning.codes
        self.scaling = Scaling(spec)
        self.generator = self.conditioning.generator(generator, latent)
        batch_statistics = BatchStatistics(
            kernels=minibatch_discrimination or 0, group=minibatch_deviation or 0
        )
        self.discriminator = self.conditioning.discriminator(
            discriminator, features=features, batch_statistics=batch_statistics
        )
        packed = (spec.shape[0] * packing, *spec.shape[1:])
        players = (self.generator, self.discriminator)
        self.referees = hold_references(*players, latent, packed)
        if self.referees:
            self.register_buffer("reference_held", torch.tensor(False))
        if not (adversarial or feature_matching):
            raise RecipeError(
                "model.adversarial must be positive, or 0 beside model.feature_matching: else the generator "
                "has nothing to learn from"
            )
        if augmentation and isinstance(self.discriminator.conditioned_input, ImageBeside):
            raise RecipeError(
                "model.augmentation moves the example and not the image beside it; train without, or with "
                "model.conditioning=projection"
            )
        try_out(augmentation, spec.shape)
        refuse_coupled_slopes(penalties, self.discriminator)
        self.objective = objective
        self.border = border_of(objective)
        self.relative = compares(objective)
        self.penalties = penalties
        self.latent = latent
        self.discriminator_steps = discriminator_steps
        self.penalty_every = penalty_every
        self.discriminator_schedule = discriminator_schedule() if discriminator_schedule is not None else None
        self.augmentation = augmentation
        self.augmentation_schedule = augmentation_schedule() if augmentation_schedule is not None else None
        refuse_borderless(objective, self.discriminator_schedule, self.augmentation_schedule)
        self.feature_matching = feature_matching
        self.adversarial = adversarial
        self.packing = packing
        self.batch_statistics = batch_statistics
        self.weight_clip = weight_clip
        self.regularisers = {
            "generator": tuple(generator_regularisers),
            "discriminator": tuple(discriminator_regularisers),
        }
        self.historical_averaging = historical_averaging
        if historical_averaging is not None:
            self.histories = nn.ModuleDict(
                {name: WeightHistory(self.player(name)) for name in ("generator", "discriminator")}
            )

    def player(self, name: str) -> nn.Module:
        """``generator`` or ``discriminator``."""
        return {"generator": self.generator, "discriminator": self.discriminator}[name]

    # --- training ----------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        """Discriminator updates, then one generator update."""
        whole = self.couples_batch() or self.referees
        return [
            Phase(
                name="discriminator",
                updates={"discriminator": self.discriminator.parameters},
                loss=self.discriminator_loss,
                repeat=self.discriminator_steps if self.discriminator_schedule is None else self._updates,
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
        """Whether losses look at their batch as a whole, so that they are no means over it."""
        layers = any(isinstance(module, CouplesBatch) for module in self.modules())
        functions = any(couples_batch(part) for part in (self.objective, *self.penalties))
        return layers or functions or self.packing > 1 or self.feature_matching is not None

    def minimum_batch(self) -> MinimumBatch:
        """As many as make one pack, or two where what is judged is compared; and what the layers need."""
        judged = minimum_batch_of_discriminator(self.discriminator, self.packing, self.batch_statistics)
        return max(judged, super().minimum_batch(), key=lambda least: least.examples)

    def real(self, x: Tensor) -> Tensor:
        """Real examples to train on, on the players' scale."""
        return self.scaling.inward(x)

    def generate(self, z: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        """Examples on the players' scale from latents, ``(n, *shape)``."""
        return self.scaling.squash(self.generator(z, condition, noise))

    def fakes(self, n: int, condition: Condition | None, ctx: Context) -> Tensor:
        """Generated examples to train on."""
        return self.generate(ctx.noise.normal(n, self.latent), condition, ctx.noise)

    def judged(self, n: int, condition: Condition | None, ctx: Context) -> Tensor:
        """Generated examples for the discriminator's loss, from which nothing flows to the generator."""
        with torch.no_grad():
            return self.fakes(n, condition, ctx)

    def shown(self, x: Tensor, ctx: Context) -> Tensor:
        """What the discriminator sees of examples: augmented, and packed."""
        if self.augmentation:
            full = torch.ones((), device=x.device)
            strength = (
                full
                if self.augmentation_schedule is None
                else self.augmentation_schedule.value(ctx.progress).to(x.device)
            )
            x = augment(self.augmentation, x, ctx.noise, strength)
        if self.packing > 1:
            x = pack(x, self.packing)
        return x

    def read(self, fake: Tensor, condition: Condition | None, ctx: Context) -> Readout:
        """What the discriminator says of generated examples that it is shown."""
        return self.discriminator(fake, condition)

    def discriminator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's discriminator side, what the conditioning adds, penalties."""
        condition = self.conditioning.condition_of(batch, ctx.noise)
        fake = self.judged(len(batch), condition, ctx)
        real, fake = self.shown(self.real(batch.x), ctx), self.shown(fake, ctx)
        if self.referees and not self.reference_held:
            take_reference(self.discriminator, real)
            self.reference_held.fill_(True)
        discriminator = cast("Discriminator", self.discriminator)
        of_real, own = discriminator.with_own_task(real, condition, ctx.noise)
        of_fake = self.read(fake, condition, ctx)
        observe(ctx, of_real, of_fake, self.border)
        if self.augmentation_schedule is not None:
            ctx.observe(strength=self.augmentation_schedule.value(ctx.progress).clone())
        terms = {"loss": self.objective(of_real.score, of_fake.score).discriminator}
        if own is not None:
            terms["own task"] = own
        terms.update(self.conditioning.discriminator_terms(batch, of_real, of_fake, condition))

        def score(x: Tensor) -> Tensor:
            return self.discriminator(x, condition).score

        terms.update(penalty_terms(self.penalties, score, real, fake, ctx, self.penalty_every))
        return {**terms, **self.weight_terms("discriminator")}

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's generator side, and what the conditioning adds."""
        condition = self.conditioning.condition_of(batch, ctx.noise)
        fake = self.fakes(len(batch), condition, ctx)
        of_fake = self.read(self.shown(fake, ctx), condition, ctx)
        of_real = Readout(of_fake.score.detach())
        if self.relative or self.feature_matching is not None:
            of_real = self.discriminator(self.shown(self.real(batch.x), ctx), condition)
        return self.answer(of_real, of_fake, condition)

    def answer(self, of_real: Readout, of_fake: Readout, condition: Condition | None) -> Terms:
        """The generator's loss, from what a discriminator says of real and of generated examples."""
        terms: dict[str, Tensor] = {}
        if self.feature_matching is not None:
            terms["features"] = self.feature_matching * feature_distance(of_real, of_fake)
        if self.adversarial:
            loss = self.objective(of_real.score, of_fake.score).generator
            terms["loss"] = loss if self.adversarial == 1 else self.adversarial * loss
        terms.update(self.conditioning.generator_terms(of_fake, condition))
        return {**terms, **self.weight_terms("generator")}

    def weight_terms(self, name: str) -> Terms:
        """Terms on the weights of a player."""
        player = self.player(name)
        terms = {f"regulariser {i}": term(player) for i, term in enumerate(self.regularisers[name])}
        if self.historical_averaging is not None:
            terms["history"] = self.historical_averaging * cast("WeightHistory", self.histories[name])()
        return terms

    def after_discriminator(self, averages: Averages) -> None:
        """Clip weights, remember them, and let what follows the discriminator's success hear of it."""
        if self.weight_clip is not None:
            clip_weights(self.discriminator, self.weight_clip)
        if self.discriminator_schedule is not None:
            self.discriminator_schedule.hear(averages)
        if self.augmentation_schedule is not None:
            self.augmentation_schedule.hear(averages)
        if self.historical_averaging is not None:
            self._remember("discriminator")

    def after_generator(self, averages: Averages) -> None:
        """Remember the generator's weights where its loss looks back at them."""
        if self.historical_averaging is not None:
            self._remember("generator")

    def _remember(self, name: str) -> None:
        cast("WeightHistory", self.histories[name]).update()

    def _updates(self, progress: Progress) -> int:
        assert self.discriminator_schedule is not None
        return self.discriminator_schedule.count(progress, self.discriminator_steps)

    # --- sampling ----------------------------------------------------------------------------

    def generate_from(self, z: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        condition = self.conditioning.complete(condition, len(z), noise)
        return self.scaling.outward(self.generate(z, condition, noise))
