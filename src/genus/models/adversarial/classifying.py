"""GANs whose discriminator also sorts examples: into classes it was taught, or groups it found."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from genus.core.errors import RecipeError
from genus.core.model import Classifies, Clusters
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.adversarial.gan import GAN
from genus.models.adversarial.readouts import Auxiliary, Information, KPlusOne, StyleAmbiguity


@model("classifying-gan", paper="arXiv:1606.03498")
class ClassifyingGAN(GAN, Classifies):
    """A GAN whose discriminator is a classifier, too, learned from all labels or from a few."""

    def __init__(self, spec: DataSpec, **gan: Any) -> None:
        """Build both players; the conditioning must read classes out.

        Args:
            gan: see :class:`GAN`.
        """
        super().__init__(spec, **gan)
        self.partial_labels = isinstance(self.conditions, KPlusOne)
        if not isinstance(self.conditions, Auxiliary | KPlusOne | StyleAmbiguity):
            raise RecipeError(
                "model 'classifying-gan' needs a conditioning that reads classes out of the "
                "discriminator: auxiliary, k-plus-one or style-ambiguity"
            )

    def classify(self, x: Tensor) -> Tensor:
        logits = self.discriminator(self.scaling.inward(x), None).logits
        assert logits is not None
        return logits


@model("infogan", paper="arXiv:1606.03657")
class InfoGAN(GAN, Clusters):
    """A GAN with codes that the discriminator recovers, so that they come to mean something."""

    def __init__(self, spec: DataSpec, **gan: Any) -> None:
        """Build both players; the conditioning must be ``information``.

        Args:
            gan: see :class:`GAN`.
        """
        super().__init__(spec, **gan)
        if not isinstance(self.conditions, Information):
            raise RecipeError("model 'infogan' needs model.conditioning=information")
        self.categories = self.conditions.categories

    def clusters(self, x: Tensor) -> Tensor:
        logits = self.discriminator(self.scaling.inward(x), None).logits
        assert logits is not None
        return logits[:, : self.categories]
