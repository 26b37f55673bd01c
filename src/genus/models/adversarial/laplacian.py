"""LAPGAN: a GAN for the smallest image, and one for the detail that each larger size adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.components import Conditioning, Network, Objective, couples_batch
from genus.core.model import Model, Samples
from genus.core.network import CouplesBatch
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.pyramid import enlarge, pyramid_sizes, shrink
from genus.layers.scaling import Scaling
from genus.models.adversarial.conditions import Unconditional


@model("lapgan", paper="arXiv:1506.05751")
class LaplacianGAN(Model, Samples):
    """A pyramid of GANs, each trained on its own level of the Laplacian pyramid of real images.

    The smallest image I_K is drawn by a GAN; at each larger size, l = up(I_{k+1}) is a condition and
    the generator draws the detail h = G_k(z, l), so that I_k = l + h. The discriminator of a level sees
    (l + h, l) with real or generated h.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        coarse_generator: Network,
        coarse_discriminator: Network,
        generator: Network,
        discriminator: Network,
        objective: Objective,
        conditioning: Conditioning | None = None,
        latent: int = 64,
        smallest: int = 8,
    ) -> None:
        """Build a pair of players for each level.

        Args:
            coarse_generator: from latent to the smallest image.
            coarse_discriminator: from the smallest image to its score.
            generator: from (noise map, enlarged image) to detail; fully convolutional.
            discriminator: from (image, enlarged image) to its score.
            objective: what both players of each level minimise.
            conditioning: how the players of the smallest image are told classes; null for none.
            latent: size of the coarse latent.
            smallest: halve sides until the shortest is below twice this.
        """
        super().__init__(spec)
        self.require("images, volumes or sequences with a side of 8 or more", len(spec.shape) > 1)
        channels, *size = spec.shape
        self.scaling = Scaling(spec)
        self.sizes = pyramid_sizes(tuple(size), smallest)
        coarse = replace(spec, shape=(channels, *self.sizes[0]))
        how = conditioning(coarse) if conditioning is not None else Unconditional(coarse)
        self.conditions = how
        self.conditional = how.from_data
        self.coarse_generator = how.generator(coarse_generator, latent)
        self.coarse_discriminator = how.discriminator(coarse_discriminator)
        finer = self.sizes[1:]
        self.generators = nn.ModuleList(generator((channels + 1, *s), (channels, *s)) for s in finer)
        self.discriminators = nn.ModuleList(discriminator((2 * channels, *s), (1,)) for s in finer)
        self.objective = objective
        self.latent = latent

    def stages(self) -> Sequence[Stage]:
        """One stage per level, the smallest image first."""
        return [self._stage(level) for level in range(len(self.sizes))]

    def _stage(self, level: int) -> Stage:
        generator = self.generators[level - 1] if level else self.coarse_generator
        discriminator = self.discriminators[level - 1] if level else self.coarse_discriminator
        loss = self._level_loss(level)
        whole = couples_batch(self.objective) or any(
            isinstance(module, CouplesBatch)
            for player in (generator, discriminator)
            for module in player.modules()
        )
        phases = [
            Phase(
                name="discriminator",
                updates={"discriminator": discriminator.parameters},
                loss=lambda batch, ctx: loss(batch, ctx, 0),
                whole_batch=whole,
            ),
            Phase(
                name="generator",
                updates={"generator": generator.parameters},
                loss=lambda batch, ctx: loss(batch, ctx, 1),
                whole_batch=whole,
            ),
        ]
        return Stage(name=f"level {level + 1} of {len(self.sizes)}", phases=phases)

    def _level_loss(self, level: int) -> Callable[[Batch, Context, int], Terms]:
        def loss(batch: Batch, ctx: Context, side: int) -> Terms:
            given = self.conditions.given(batch, ctx.noise)
            images = shrink(self.scaling.inward(batch.x), self.sizes[level])
            if level == 0:
                z = ctx.noise.normal(len(batch), self.latent)
                fake = self.scaling.squash(self.coarse_generator(z, given, ctx.noise))
                of_real = self.coarse_discriminator(images, given)
                of_fake = self.coarse_discriminator(fake, given)
                players = self.objective(of_real.score, of_fake.score)
                extra = (
                    self.conditions.discriminator_terms(batch, of_real, of_fake, given)
                    if side == 0
                    else self.conditions.generator_terms(of_fake, given)
                )
                return {"loss": players[side], **extra}
            low = enlarge(shrink(images, self.sizes[level - 1]), self.sizes[level])
            fake = low + self._detail(level, low, ctx.noise)
            judge = self.discriminators[level - 1]
            players = self.objective(_score(judge, images, low), _score(judge, fake, low))
            return {"loss": players[side]}

        return loss

    def _detail(self, level: int, low: Tensor, noise: Noise) -> Tensor:
        z = noise.normal(len(low), 1, *low.shape[2:]).to(low.dtype)
        return self.generators[level - 1](torch.cat([z, low], 1))

    def sample(self, n: int, *, given: Tensor | None = None, noise: Noise) -> Tensor:
        if given is None:
            given = self.conditions.draw(n, noise)
        z = noise.normal(n, self.latent)
        x = self.scaling.squash(self.coarse_generator(z, given, noise))
        for level in range(1, len(self.sizes)):
            low = enlarge(x, self.sizes[level])
            x = low + self._detail(level, low, noise)
        return self.scaling.outward(x.clamp(-1, 1) if self.spec.range is not None else x)


def _score(judge: nn.Module, image: Tensor, low: Tensor) -> Tensor:
    return judge(torch.cat([image, low], 1)).squeeze(1).float()
