"""Boundary-equilibrium GAN: an auto-encoder as discriminator, balanced by a control variable."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from genus.core.observations import Observation
from genus.core.phase import Averages, Context
from genus.core.ranges import Positive, Share
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.adversarial.autoencoding import AutoEncodingGAN


@model("began", paper="arXiv:1703.10717")
class BEGAN(AutoEncodingGAN):
    """Reconstruction errors L(v) = |v − D(v)| of an auto-encoder are the critic.

    L_D = L(x) − k L(G(z)), L_G = L(G(z)), and after each step k ← k + λ(γL(x) − L(G(z))), kept
    in [0, 1]. L(x) + |γL(x) − L(G(z))| measures convergence; it is logged as ``convergence``.
    The paper has neither a pulling-away nor an information term.
    """

    balance: Tensor

    def __init__(
        self, spec: DataSpec, *, diversity: Share = 0.5, balance_rate: Positive = 0.001, **players: Any
    ) -> None:
        """Build generator and discriminator.

        Args:
            diversity: γ, the ratio L(G(z)) / L(x) aimed at, in [0, 1]; lower is less diverse.
            balance_rate: λ, step of the control variable k.
            players: see :class:`AutoEncodingGAN`.
        """
        super().__init__(spec, **players)
        self.diversity = diversity
        self.balance_rate = balance_rate
        self.register_buffer("balance", torch.zeros(()))

    def distance(self, x: Tensor, copy: Tensor) -> Tensor:
        """Mean absolute error."""
        return (x - copy).abs().float().flatten(1).mean(1)

    def weigh(self, real: Tensor, fake: Tensor, ctx: Context) -> Tensor:
        """L(x) − k L(G(z))."""
        of_real, of_fake = real.mean(), fake.mean()
        gap = (self.diversity * of_real - of_fake).abs()
        ctx.observe(convergence=of_real + gap, balance=self.balance)
        return of_real - self.balance * of_fake

    def after_discriminator(self, averages: Averages) -> None:
        """k ← k + λ(γL(x) − L(G(z)))."""
        step = self.balance_rate * (self.diversity * averages[Observation.REAL] - averages[Observation.FAKE])
        self.balance.add_(step).clamp_(0, 1)
