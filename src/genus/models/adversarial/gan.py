"""Generative adversarial networks: any objective, penalties, networks and conditioning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.components import Conditioning, Network, Objective, Penalty
from genus.core.model import Model, Samples
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Terms
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.scaling import Scaling
from genus.models.adversarial.conditions import Unconditional


@model("gan", paper="arXiv:1406.2661")
class GAN(Model, Samples):
    """A generator plays against a discriminator that tells its samples from data.

    Both play on data scaled to [−1, 1] where the data are bounded (the generator ends in tanh),
    and on raw values otherwise.
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
    ) -> None:
        """Build both players.

        Args:
            generator: network from latent to example.
            discriminator: network from example to score.
            objective: what both minimise.
            penalties: added to the discriminator's loss.
            conditioning: how classes are used; null for none.
            latent: size of the standard normal latent.
            discriminator_steps: discriminator updates per generator update, each on fresh data.
            penalty_every: compute penalties in each so-many-th iteration only, as much stronger
                (lazy regularisation).
        """
        super().__init__(spec)
        how = conditioning(spec) if conditioning is not None else Unconditional(spec)
        self.conditional = conditioning is not None
        self.scaling = Scaling(spec)
        self.generator = how.generator(generator, latent)
        self.discriminator = how.discriminator(discriminator)
        self.objective = objective
        self.relative = _compares(objective)
        self.penalties = penalties
        self.latent = latent
        self.discriminator_steps = discriminator_steps
        self.penalty_every = penalty_every

    def phases(self) -> Sequence[Phase]:
        """Discriminator updates, then one generator update."""
        return [
            Phase(
                name="discriminator",
                updates={"discriminator": self.discriminator.parameters},
                loss=self.discriminator_loss,
                repeat=self.discriminator_steps,
            ),
            Phase(
                name="generator",
                updates={"generator": self.generator.parameters},
                loss=self.generator_loss,
            ),
        ]

    def generate(self, n: int, given: Tensor | None, noise: Noise) -> Tensor:
        """Draw examples on the players' scale, ``(n, *shape)``."""
        return self.scaling.squash(self.generator(noise.normal(n, self.latent), given))

    def discriminator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's discriminator side, and penalties."""
        given = self.condition(batch)
        real = self.scaling.inward(batch.x)
        with torch.no_grad():
            fake = self.generate(len(batch), given, ctx.noise)
        real_score, fake_score = self.discriminator(real, given), self.discriminator(fake, given)
        ctx.observe(real=real_score.mean(), fake=fake_score.mean())
        terms = {"loss": self.objective(real_score, fake_score).discriminator}
        if ctx.progress.stage_iteration % self.penalty_every == 0:
            for number, penalty in enumerate(self.penalties):
                value = penalty(lambda x: self.discriminator(x, given), real, fake, ctx.noise)
                terms[f"penalty {number}"] = value * self.penalty_every
        return terms

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The objective's generator side."""
        given = self.condition(batch)
        fake = self.generate(len(batch), given, ctx.noise)
        fake_score = self.discriminator(fake, given)
        real_score = fake_score.detach()
        if self.relative:
            real_score = self.discriminator(self.scaling.inward(batch.x), given)
        return {"loss": self.objective(real_score, fake_score).generator}

    def sample(self, n: int, *, given: Tensor | None = None, noise: Noise) -> Tensor:
        return self.scaling.outward(self.generate(n, given, noise))


def _compares(objective: Objective) -> bool:
    """Whether the generator's loss depends on the scores of real examples, too."""
    with torch.enable_grad():
        real, fake = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)
        loss = objective(real, fake).generator
        return torch.autograd.grad(loss, real, allow_unused=True)[0] is not None
