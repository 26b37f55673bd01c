"""Energy-based GAN: an auto-encoder as discriminator, whose energy of samples has a margin."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from genus.core.phase import Context
from genus.core.ranges import Positive
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.adversarial.autoencoding import AutoEncodingGAN


@model("ebgan", paper="arXiv:1609.03126")
class EBGAN(AutoEncodingGAN):
    """Reconstruction errors of an auto-encoder are energies E: low for data, a margin m for samples.

    L_D = E(x) + max(0, m − E(G(z))), L_G = E(G(z)), where E(v) = ‖v − D(v)‖²/d for examples of d
    elements on the networks' scale. The pulling-away term in L_G keeps samples apart.
    """

    def __init__(self, spec: DataSpec, *, margin: Positive = 0.2, **players: Any) -> None:
        """Build generator and discriminator.

        Args:
            margin: m, energy above which samples need not be pushed, in squares of the networks' scale
                (images are in [−1, 1] there); some times the energy of data at the end.
            players: see :class:`AutoEncodingGAN`.
        """
        super().__init__(spec, **players)
        self.margin = margin

    def distance(self, x: Tensor, copy: Tensor) -> Tensor:
        """Mean squared error."""
        return (x - copy).float().square().flatten(1).mean(1)

    def weigh(self, real: Tensor, fake: Tensor, ctx: Context) -> Tensor:
        """E(x) + max(0, m − E(G(z)))."""
        return real.mean() + (self.margin - fake).relu().mean()
