"""GANs whose discriminator is an auto-encoder: what BEGAN and EBGAN have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from genus.core.batch import Batch, Condition
from genus.core.capabilities import LatentSpace
from genus.core.components import ConditioningFactory, Network
from genus.core.errors import RecipeError
from genus.core.model import MinimumBatch, Model
from genus.core.noise import Noise
from genus.core.observations import Observation
from genus.core.phase import Averages, Context, Phase, Terms
from genus.core.ranges import Count, Weight
from genus.core.spec import DataSpec
from genus.layers.reference_norm import has_reference_norm
from genus.layers.scaling import Scaling
from genus.models.adversarial.conditioning import Concatenation
from genus.models.adversarial.conditioning_base import Unconditional


class AutoEncodingGAN(Model, LatentSpace):
    """A generator against an auto-encoder, whose reconstruction error of an example is its score.

    With classes, generator and decoder are conditioned on them. The error alone lets the generator
    settle on what is easily reconstructed (of digits the ones); ``information`` or
    ``pulling_away`` hold samples apart.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        generator: Network,
        encoder: Network,
        decoder: Network,
        conditioning: ConditioningFactory | None = None,
        latent: Count = 64,
        pulling_away: Weight = 0.0,
        information: Weight = 0.0,
    ) -> None:
        """Build the generator and the auto-encoder.

        Args:
            generator: network from latent to example.
            encoder: network from example to code.
            decoder: network from code to example.
            conditioning: ``concatenation``, which tells the generator and the decoder; null for none.
            latent: size of the latent and of the code.
            pulling_away: weight of :func:`pulling_away` in the generator's loss; 0 for none.
            information: weight of E‖z − E(G(z))‖²/d in both losses, for the critic's encoder E and
                latents of d elements: up to constants a bound on the mutual information of latent
                and sample (arXiv:1606.03657); 0 for none.
        """
        super().__init__(spec)
        self.scaling = Scaling(spec)
        how = conditioning(spec) if conditioning is not None else Unconditional(spec)
        self.conditional = how.from_data
        self.generator = how.generator(generator, latent)
        self.encoder = encoder(spec.shape, (latent,))
        self.decoder = how.generator(decoder, latent)
        if not isinstance(how, Unconditional | Concatenation):
            raise RecipeError(
                "the discriminator is an auto-encoder, from which nothing but its error is read; choose "
                "model.conditioning=concatenation, which tells its decoder, or null"
            )
        if has_reference_norm(self):
            raise RecipeError(
                "virtual and reference batch normalisation need a reference batch, which an auto-encoder's "
                "networks have not; choose norm=layer or batch"
            )
        self.latent = latent
        self.pulling_away = pulling_away
        self.information = information

    def phases(self) -> Sequence[Phase]:
        """One update of the generator and one of the discriminator."""
        return [
            Phase(
                name="discriminator",
                updates={"discriminator": lambda: [*self.encoder.parameters(), *self.decoder.parameters()]},
                loss=self.discriminator_loss,
                after=self.after_discriminator,
            ),
            Phase(
                name="generator",
                updates={"generator": self.generator.parameters},
                loss=self.generator_loss,
                whole_batch=self.pulling_away > 0,
            ),
        ]

    def minimum_batch(self) -> MinimumBatch:
        """Two where samples are held apart, for one has no other."""
        least = super().minimum_batch()
        return MinimumBatch(2, "model.pulling_away") if self.pulling_away and least.examples < 2 else least

    @abstractmethod
    def distance(self, x: Tensor, copy: Tensor) -> Tensor:
        """Reconstruction error of each example on the networks' scale, ``(n,)``."""

    @abstractmethod
    def weigh(self, real: Tensor, fake: Tensor, ctx: Context) -> Tensor:
        """The discriminator's loss from its errors on real and generated examples, ``(n,)`` each."""

    def after_discriminator(self, averages: Averages) -> None:
        """The update after the discriminator's step."""

    def generate(self, z: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        """Examples on the networks' scale from latents, ``(n, *shape)``."""
        return self.scaling.squash(self.generator(z, condition, noise))

    def error(self, x: Tensor, code: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        """The discriminator's errors on examples with these codes, ``(n,)``."""
        return self.distance(x, self.scaling.squash(self.decoder(code, condition, noise)))

    def discriminator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """:meth:`weigh` of both errors, and the information term."""
        condition = self.condition_of(batch)
        z = ctx.noise.normal(len(batch), self.latent)
        with torch.no_grad():
            fake = self.generate(z, condition, ctx.noise)
        real = self.scaling.inward(batch.x)
        real_error = self.error(real, self.encoder(real), condition, ctx.noise)
        code = self.encoder(fake)
        fake_error = self.error(fake, code, condition, ctx.noise)
        ctx.observe(**{Observation.REAL: real_error.mean(), Observation.FAKE: fake_error.mean()})
        return {"loss": self.weigh(real_error, fake_error, ctx), **self._informed(z, code)}

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The error on generated examples, the information term and the pulling-away term."""
        condition = self.condition_of(batch)
        z = ctx.noise.normal(len(batch), self.latent)
        fake = self.generate(z, condition, ctx.noise)
        code = self.encoder(fake)
        terms = {"loss": self.error(fake, code, condition, ctx.noise).mean(), **self._informed(z, code)}
        if self.pulling_away:
            terms["pulling away"] = self.pulling_away * pulling_away(code)
        return terms

    def _informed(self, z: Tensor, code: Tensor) -> Terms:
        if not self.information:
            return {}
        return {"information": self.information * (z - code).square().mean()}

    def generate_from(self, z: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        return self.scaling.outward(self.generate(z, condition, noise))


def pulling_away(code: Tensor) -> Tensor:
    r"""Mean squared cosine between the codes of different samples: low when samples differ.

    .. math:: \frac{1}{n(n-1)} \sum_{i \neq j} \left(\frac{s_i \cdot s_j}{|s_i| |s_j|}\right)^2

    Args:
        code: ``(n, d)``, n ≥ 2.

    Returns:
        Scalar in [0, 1].

    Paper: arXiv:1609.03126.

    >>> pulling_away(torch.tensor([[1.0, 0.0], [0.0, 2.0]])).item()
    0.0
    """
    unit = normalize(code.flatten(1).float(), dim=1)
    n = len(unit)
    return ((unit @ unit.T).square().sum() - n) / (n * (n - 1))
