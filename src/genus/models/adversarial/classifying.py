"""GANs whose discriminator also sorts examples: into classes it was taught, or groups it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import Classifies, Clusters
from genus.core.components import Augmentation, Readout
from genus.core.errors import RecipeError
from genus.core.phase import Context
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.adversarial.auxiliary_heads import Auxiliary, KPlusOne, StyleAmbiguity
from genus.models.adversarial.discriminator_input import augment, refuse_unsuited
from genus.models.adversarial.gan import GAN
from genus.models.adversarial.information import Information


@model("classifying-gan", paper="arXiv:1606.03498")
class ClassifyingGAN(GAN, Classifies):
    """A GAN whose discriminator is a classifier, too, learned from all labels or from a few."""

    def __init__(self, spec: DataSpec, **gan: Any) -> None:
        """Build generator and discriminator; the conditioning must read classes out.

        Args:
            gan: see :class:`GAN`.
        """
        super().__init__(spec, **gan)
        self.partial_labels = isinstance(self.conditioning, KPlusOne)
        if not spec.classes:
            raise RecipeError(
                "model 'classifying-gan' needs classes; the data have none: "
                f"{spec.describe()}. Take model 'gan'"
            )
        if not isinstance(self.conditioning, Auxiliary | KPlusOne | StyleAmbiguity):
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
    """A GAN with codes that the discriminator recovers, so that they come to mean something.

    Categories form early, around what is recognised most easily: how an example leans, how bold it is.
    With a view T the category is recovered from T(G(z, c)), changed at random, and so cannot be
    what T changes. I(c; T(G(z, c))) is no more than I(c; G(z, c)), so the bound remains one.
    """

    def __init__(self, spec: DataSpec, *, view: Sequence[Augmentation] = (), **gan: Any) -> None:
        """Build generator and discriminator; the conditioning must be ``information``, with a category.

        Args:
            view: T, changes of which no category shall depend, in this order; none for the paper's.
                The score and the continuous codes are read from the unchanged example.
            gan: see :class:`GAN`.
        """
        super().__init__(spec, **gan)
        if not isinstance(self.conditioning, Information):
            raise RecipeError("model 'infogan' needs model.conditioning=information")
        if not self.conditioning.categories:
            raise RecipeError(
                "model 'infogan' sorts examples into the categories of its codes: set "
                "model.conditioning.categories, or take model 'gan', which needs none"
            )
        self.categories = self.conditioning.categories
        self.view = view
        refuse_unsuited(view, spec.shape)

    def readout_of_fake(self, fake: Tensor, condition: Condition | None, ctx: Context) -> Readout:
        plain = super().readout_of_fake(fake, condition, ctx)
        if not self.view:
            return plain
        assert plain.logits is not None
        fake = augment(self.view, fake, ctx.noise, torch.ones((), device=fake.device))
        grouped = self._category_logits(fake)
        logits = torch.cat([grouped, plain.logits[:, grouped.shape[1] :]], 1)
        return plain._replace(logits=logits)

    def clusters(self, x: Tensor) -> Tensor:
        """Logits of the first category, ``(n, values)``."""
        return self._category_logits(self.scaling.inward(x))[:, : self.categories[0]]

    def _category_logits(self, x: Tensor) -> Tensor:
        """Logits of all categories of examples on the networks' scale, side by side."""
        logits = self.discriminator(x, None).logits
        assert logits is not None
        return logits[:, : sum(self.categories)]
