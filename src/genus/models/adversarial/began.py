"""Boundary-equilibrium GAN: an auto-encoder as discriminator, balanced by a control variable."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from genus.core.batch import Batch
from genus.core.components import Conditioning, Network
from genus.core.model import LatentSpace, Model
from genus.core.noise import Noise
from genus.core.phase import Averages, Context, Phase, Terms
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.scaling import Scaling
from genus.models.adversarial.conditions import Unconditional


@model("began", paper="arXiv:1703.10717")
class BEGAN(Model, LatentSpace):
    """Reconstruction errors L(v) = |v − D(v)| of an auto-encoder are the critic.

    L_D = L(x) − k L(G(z)), L_G = L(G(z)), and after each step k ← k + λ(γL(x) − L(G(z))), kept
    in [0, 1]. L(x) + |γL(x) − L(G(z))| measures convergence; it is logged as ``convergence``.
    With classes, the generator and the critic's decoder are told them. The equilibrium fixes only
    the mean error, so the generator alone settles on what is easily reconstructed (of digits the
    ones); ``information`` holds different latents apart.
    """

    balance: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        generator: Network,
        encoder: Network,
        decoder: Network,
        conditioning: Conditioning | None = None,
        latent: int = 64,
        diversity: float = 0.5,
        balance_rate: float = 0.001,
        pulling_away: float = 0.0,
        information: float = 0.0,
    ) -> None:
        """Build the generator and the auto-encoder.

        Args:
            generator: network from latent to example.
            encoder: network from example to code.
            decoder: network from code to example.
            conditioning: how the generator and the decoder are told classes; null for none.
            latent: size of the latent and of the code.
            diversity: γ, the ratio L(G(z)) / L(x) aimed at, in [0, 1]; lower is less diverse.
            balance_rate: λ, step of the control variable k.
            pulling_away: weight of :func:`pulling_away` in the generator's loss; 0 is the paper's.
            information: weight of E‖z − E(G(z))‖²/d in both losses, for the critic's encoder E and
                latents of d elements: up to constants a bound on the mutual information of latent
                and sample (arXiv:1606.03657); 0 is the paper's.
        """
        super().__init__(spec)
        self.scaling = Scaling(spec)
        how = conditioning(spec) if conditioning is not None else Unconditional(spec)
        self.conditional = how.from_data
        self.generator = how.generator(generator, latent)
        self.encoder = encoder(spec.shape, (latent,))
        self.decoder = how.generator(decoder, latent)
        self.latent = latent
        self.diversity = diversity
        self.balance_rate = balance_rate
        self.pulling_away = pulling_away
        self.information = information
        self.register_buffer("balance", torch.zeros(()))

    def phases(self) -> Sequence[Phase]:
        """One update of each player; k moves after the discriminator's."""
        return [
            Phase(
                name="discriminator",
                updates={"discriminator": lambda: [*self.encoder.parameters(), *self.decoder.parameters()]},
                loss=self.discriminator_loss,
                after=self.move_balance,
            ),
            Phase(
                name="generator",
                updates={"generator": self.generator.parameters},
                loss=self.generator_loss,
                whole_batch=self.pulling_away > 0,
            ),
        ]

    def error(self, x: Tensor, given: Tensor | None, noise: Noise) -> Tensor:
        """Mean absolute reconstruction error of the discriminator."""
        return self._error(x, self.encoder(x), given, noise)

    def _error(self, x: Tensor, code: Tensor, given: Tensor | None, noise: Noise) -> Tensor:
        return (x - self.scaling.squash(self.decoder(code, given, noise))).abs().float().mean()

    def generate(self, z: Tensor, given: Tensor | None, noise: Noise) -> Tensor:
        """Examples on the players' scale from latents, ``(n, *shape)``."""
        return self.scaling.squash(self.generator(z, given, noise))

    def discriminator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """L(x) − k L(G(z))."""
        given = self.condition(batch)
        z = ctx.noise.normal(len(batch), self.latent)
        with torch.no_grad():
            fake = self.generate(z, given, ctx.noise)
        real_error = self.error(self.scaling.inward(batch.x), given, ctx.noise)
        code = self.encoder(fake)
        fake_error = self._error(fake, code, given, ctx.noise)
        gap = (self.diversity * real_error - fake_error).abs()
        ctx.observe(real=real_error, fake=fake_error, convergence=real_error + gap, balance=self.balance)
        return {"loss": real_error - self.balance * fake_error, **self._informed(z, code)}

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """L(G(z)), and the pulling-away term."""
        given = self.condition(batch)
        z = ctx.noise.normal(len(batch), self.latent)
        fake = self.generate(z, given, ctx.noise)
        code = self.encoder(fake)
        terms = {"loss": self._error(fake, code, given, ctx.noise), **self._informed(z, code)}
        if self.pulling_away:
            terms["pulling away"] = self.pulling_away * pulling_away(code)
        return terms

    def _informed(self, z: Tensor, code: Tensor) -> Terms:
        if not self.information:
            return {}
        return {"information": self.information * (z - code).square().mean()}

    def move_balance(self, averages: Averages) -> None:
        """k ← k + λ(γL(x) − L(G(z)))."""
        step = self.balance_rate * (self.diversity * averages["real"] - averages["fake"])
        self.balance.add_(step).clamp_(0, 1)

    def generate_from(self, z: Tensor, *, given: Tensor | None = None, noise: Noise) -> Tensor:
        return self.scaling.outward(self.generate(z, given, noise))


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
