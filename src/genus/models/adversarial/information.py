"""Codes that the discriminator recovers, so that they come to mean something (InfoGAN)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Batch, Condition
from genus.core.codes import code_space
from genus.core.components import NO_STATISTICS, BatchStatistics, Conditioning, Network, Readout
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Terms
from genus.core.ranges import Count, Natural, Weight
from genus.core.registry import conditioning
from genus.core.spec import DataSpec
from genus.models.adversarial.auxiliary_heads import logits_of
from genus.models.adversarial.conditioning_base import conditioned_generator
from genus.models.adversarial.generator_discriminator import Discriminator, Generator, LinearScore


@conditioning("information", paper="arXiv:1606.03657")
class Information(Conditioning):
    """InfoGAN: the generator is given codes c, and the discriminator's head Q(c | x) recovers them.

    A lower bound of the mutual information, E log Q(c | G(z, c)) + H(c), is maximised by both
    players; c is a category or several, and some uniform numbers in [−1, 1], of which Q gives the mean
    and the logarithm of the standard deviation. No labels are needed. Samples can be asked for codes:
    ``category`` (of several ``category1``, ``category2``, …), ``code1``, ``code2``, ….
    """

    from_data = False
    reads_features = True

    def __init__(
        self,
        spec: DataSpec,
        *,
        categories: int | Sequence[int] = 10,
        continuous: Natural = 2,
        features: Count = 128,
        weight: Weight = 1.0,
        continuous_weight: Weight = 0.1,
    ) -> None:
        """Build for any data.

        Args:
            categories: values of the category, >= 2; a list for several categories, [] for none.
            continuous: number of continuous codes, >= 0.
            features: size of φ(x), from which score and codes are read.
            weight: of the bound for each category.
            continuous_weight: of the bound for the continuous codes.
        """
        super().__init__(spec)
        self.categories = (categories,) if isinstance(categories, int) else tuple(categories)
        if any(values < 2 for values in self.categories):
            raise RecipeError(
                "conditioning 'information' needs at least two categories: values to tell apart"
            )
        if not (self.categories or continuous):
            raise RecipeError(
                "conditioning 'information' needs codes: categories, such as 10 or [10, 10], or continuous "
                "ones, 1 or more"
            )
        self.codes = self.code_table = code_space(self.categories, continuous)
        self.continuous = continuous
        self.features = features
        self.weight = weight
        self.continuous_weight = continuous_weight

    def generator(self, network: Network, latent: int) -> Generator:
        size = sum(self.categories) + self.continuous
        return conditioned_generator(
            network, latent, self.spec.shape, torch.nn.Identity, size, "concatenation"
        )

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        outputs = sum(self.categories) + 2 * self.continuous
        built = network(self.spec.shape, (self.features,))
        return Discriminator(built, LinearScore(self.features, outputs, batch_statistics))

    def draw(self, n: int, noise: Noise) -> Tensor:
        categories = [F.one_hot(noise.integers(k, n), k).float() for k in self.categories]
        return torch.cat([*categories, 2 * noise.uniform(n, self.continuous) - 1], 1)

    def information_terms(self, fake: Readout, codes: Tensor) -> Terms:
        """−log Q(c | x) of the codes ``(n, categories + continuous)``, a term per category."""
        logits, size = logits_of(fake), sum(self.categories)
        terms: dict[str, Tensor] = {}
        for column in self.code_table.columns[: len(self.categories)]:
            place = self.code_table.place(column.name)
            chosen = codes[:, place].argmax(1)
            terms[column.name] = self.weight * F.cross_entropy(logits[:, place], chosen)
        if self.continuous:
            means, deviations = logits[:, size:].chunk(2, 1)
            gap = (codes[:, size:] - means) * (-deviations).exp()
            nll = (gap.square() / 2 + deviations + math.log(2 * math.pi) / 2).sum(1).mean()
            terms["continuous codes"] = self.continuous_weight * nll
        return terms

    def discriminator_terms(
        self, batch: Batch, fake: Tensor, of_real: Readout, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        assert isinstance(condition, Tensor)
        return self.information_terms(of_fake, condition)

    def generator_terms(
        self, batch: Batch, fake: Tensor, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        assert isinstance(condition, Tensor)
        return self.information_terms(of_fake, condition)
