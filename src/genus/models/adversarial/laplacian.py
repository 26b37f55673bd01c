"""LAPGAN: a GAN for the smallest image, and one for the detail that each larger size adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Samples
from genus.core.components import ConditioningFactory, Network, Objective, Penalty, Readout, couples_batch
from genus.core.errors import RecipeError
from genus.core.model import Model
from genus.core.network import CouplesBatch
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, Positive
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.condition import build_conditioned
from genus.layers.condition_encoder import condition_encoder
from genus.layers.pyramid import enlarge, pyramid_sizes, shrink
from genus.layers.scaling import Scaling
from genus.models.adversarial.conditioning_base import DataConditioning, Unconditional
from genus.models.adversarial.discriminator_terms import log_scores, penalty_terms
from genus.models.adversarial.generator_discriminator import Generator
from genus.models.adversarial.refusals import refuse_coupled_slopes
from genus.models.adversarial.score_border import border_of, compares


@model("lapgan", paper="arXiv:1506.05751")
class LaplacianGAN(Model, Samples):
    """A pyramid of GANs, each trained on its own level of the Laplacian pyramid of real images.

    The smallest image I_K is drawn by a GAN; at each larger size, l = up(I_{k+1}) is a condition and
    the generator draws the detail h = G_k(z, l), so that I_k = l + h. The discriminator of a level sees
    (l + h, l) with real or generated h. Networks of all levels are conditioned on what comes with the data.

    Args:
        coarse_generator: from latent to the smallest image.
        coarse_discriminator: from the smallest image to its score.
        generator: from (noise map, enlarged image) to detail; fully convolutional.
        discriminator: from (image, enlarged image) to its score.
        objective: what both networks of each level minimise.
        penalties: added to the loss of each level's discriminator, as a function of the image. Their
            weights are those of the largest size; a smaller image has them as much weaker as it has
            fewer elements, for the same change of a picture moves each of them as much more.
        penalty_every: compute penalties every k iterations only, k times as strong.
        conditioning: how the networks use classes; null for none. Codes that do not come with
            the data are for the smallest image only.
        latent: size of the coarse latent.
        smallest: halve sides until the shortest is below twice this, >= 2.
        coarser_share: length of each level's training over that of the next larger one, > 0.
    """

    groups_elsewhere = ("generator", "discriminator")  # an image too small to be halved has one level

    def __init__(
        self,
        spec: DataSpec,
        *,
        coarse_generator: Network,
        coarse_discriminator: Network,
        generator: Network,
        discriminator: Network,
        objective: Objective,
        penalties: Sequence[Penalty] = (),
        penalty_every: Count = 1,
        conditioning: ConditioningFactory | None = None,
        latent: Count = 64,
        smallest: Count = 8,
        coarser_share: Positive = 1.0,
    ) -> None:
        """Build a generator and a discriminator for each level.

        Raises:
            RecipeError: for options out of their range, or images smaller than ``smallest``.
        """
        super().__init__(spec)
        self.require("images, volumes or sequences with a side of 8 or more", len(spec.shape) > 1)
        if smallest < 2:
            raise RecipeError(f"model.smallest={smallest}: a side of one place has no half; choose 2 or more")
        channels, *size = spec.shape
        self.scaling = Scaling(spec)
        self.sizes = pyramid_sizes(tuple(size), smallest)
        coarse = self._level_spec(channels, self.sizes[0])
        self.conditioning = conditioning(coarse) if conditioning is not None else Unconditional(coarse)
        self.conditional = self.conditioning.from_data
        self.codes = self.conditioning.codes
        self.coarse_generator = self.conditioning.generator(coarse_generator, latent)
        self.coarse_discriminator = self.conditioning.discriminator(coarse_discriminator)
        seen = [self._level_spec(2 * channels, sides) for sides in self.sizes[1:]]
        conditioned = conditioning if conditioning is not None and self.conditional else Unconditional
        self.conditionings = [self.conditioning, *(conditioned(level) for level in seen)]
        self.generators = nn.ModuleList(self._detailer(generator, s) for s in self.sizes[1:])
        self.discriminators = nn.ModuleList(
            each.discriminator(discriminator) for each in self.conditionings[1:]
        )
        for network in (self.coarse_discriminator, *self.discriminators):
            refuse_coupled_slopes(penalties, network)
        self.objective = objective
        self.border = border_of(objective)
        self.compares = compares(objective)
        self.penalties = penalties
        self.penalty_every = penalty_every
        self.latent = latent
        self.coarser_share = coarser_share

    def _detailer(self, network: Network, size: tuple[int, ...]) -> Generator:
        channels = self.spec.shape[0]
        features = self.conditioning.embedding if isinstance(self.conditioning, DataConditioning) else 0
        body = build_conditioned(network, (channels + 1, *size), (channels, *size), features)
        space = self.spec.condition
        embed = condition_encoder(space, features) if features and space is not None else None
        return Generator(body, embed, beside=False)

    def _level_spec(self, channels: int, sides: tuple[int, ...]) -> DataSpec:
        """The data at another size."""
        return replace(self.spec, example=replace(self.spec.example, shape=(channels, *sides)))

    def stages(self) -> Sequence[Stage]:
        """One stage per level, the smallest image first; its networks are optimiser groups of their own."""
        return [*self.preparation(), *(self._stage(level) for level in range(len(self.sizes)))]

    def _stage(self, level: int) -> Stage:
        generator = self.generators[level - 1] if level else self.coarse_generator
        discriminator = self._discriminator(level)
        whole = any(couples_batch(part) for part in (self.objective, *self.penalties)) or any(
            isinstance(module, CouplesBatch)
            for player in (generator, discriminator)
            for module in player.modules()
        )
        size = "" if level else "coarse_"
        phases = [
            Phase(
                name="discriminator",
                updates={f"{size}discriminator": discriminator.parameters},
                loss=partial(self.discriminator_loss, level),
                whole_batch=whole,
            ),
            Phase(
                name="generator",
                updates={f"{size}generator": generator.parameters},
                loss=partial(self.generator_loss, level),
                whole_batch=whole,
            ),
        ]
        share = self.coarser_share ** (len(self.sizes) - 1 - level)
        return Stage(name=f"level {level + 1} of {len(self.sizes)}", phases=phases, share=share)

    def discriminator_loss(self, level: int, batch: Batch, ctx: Context) -> Terms:
        """The discriminator's loss at a level, 0 for the smallest image."""
        discriminator, conditioning = self._discriminator(level), self.conditionings[level]
        condition = self.conditioning.condition_of(batch, ctx.noise)
        real, low = self._real(level, batch)
        with torch.no_grad():
            fake = self._draw(level, len(batch), low, condition, ctx.noise)
        of_real, of_fake = (
            discriminator(_with_low(real, low), condition),
            discriminator(_with_low(fake, low), condition),
        )
        log_scores(ctx, of_real, of_fake, self.border)
        terms = {"loss": self.objective(of_real.score, of_fake.score).discriminator}
        terms.update(conditioning.discriminator_terms(batch, fake, of_real, of_fake, condition))

        def critic(x: Tensor) -> Tensor:
            return discriminator(_with_low(x, low), condition).mean_score

        share = math.prod(self.sizes[level]) / math.prod(self.sizes[-1])
        penalties = penalty_terms(self.penalties, critic, real, fake, ctx, self.penalty_every)
        terms.update({name: share * value for name, value in penalties.items()})
        return terms

    def generator_loss(self, level: int, batch: Batch, ctx: Context) -> Terms:
        """The generator's loss at a level, 0 for the smallest image."""
        discriminator, conditioning = self._discriminator(level), self.conditionings[level]
        condition = self.conditioning.condition_of(batch, ctx.noise)
        real, low = self._real(level, batch)
        fake = self._draw(level, len(batch), low, condition, ctx.noise)
        of_fake = discriminator(_with_low(fake, low), condition)
        of_real = (
            discriminator(_with_low(real, low), condition)
            if self.compares
            else Readout(of_fake.score.detach())
        )
        loss = self.objective(of_real.score, of_fake.score).generator
        return {"loss": loss, **conditioning.generator_terms(batch, fake, of_fake, condition)}

    def _discriminator(self, level: int) -> nn.Module:
        return self.discriminators[level - 1] if level else self.coarse_discriminator

    def _real(self, level: int, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Real images of a level, and their smaller versions enlarged where there are such."""
        images = shrink(self.scaling.inward(batch.x), self.sizes[level])
        if level == 0:
            return images, None
        return images, enlarge(shrink(images, self.sizes[level - 1]), self.sizes[level])

    def _draw(
        self, level: int, n: int, low: Tensor | None, condition: Condition | None, noise: Noise
    ) -> Tensor:
        """Images of a level on the networks' scale, with detail on ``low`` where that is given."""
        if low is None:
            return self.scaling.squash(self.coarse_generator(noise.normal(n, self.latent), condition, noise))
        z = noise.normal(n, 1, *low.shape[2:]).to(low.dtype)
        return low + self.generators[level - 1](torch.cat([z, low], 1), condition, noise)

    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        condition = self.conditioning.complete(condition, n, noise)
        x = self._draw(0, n, None, condition, noise)
        for level in range(1, len(self.sizes)):
            x = self._draw(level, n, enlarge(x, self.sizes[level]), condition, noise)
        return self.scaling.outward(x.clamp(-1, 1) if self.spec.range is not None else x)


def _with_low(image: Tensor, low: Tensor | None) -> Tensor:
    return image if low is None else torch.cat([image, low], 1)
