"""Conditions that the discriminator reads out: its second head names a class, a code or a style."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Batch, Condition
from genus.core.components import NO_STATISTICS, BatchStatistics, Conditioning, Network, Readout
from genus.core.errors import RecipeError
from genus.core.phase import Terms
from genus.core.ranges import Count, Share, Weight
from genus.core.registry import conditioning
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.condition_encoder import Standardised
from genus.models.adversarial.conditioning_base import DataConditioning
from genus.models.adversarial.generator_discriminator import ClassScore, Discriminator, Generator, LinearScore

UNKNOWN = -1
"""Class number of an example whose class is not known; see :class:`genus.data.few_labels.FewLabels`."""


@conditioning("auxiliary", paper="arXiv:1610.09585")
class Auxiliary(DataConditioning):
    """AC-GAN: the discriminator tells the condition of real and of generated examples; both gain by it.

    L_C = −E log p(y | x) of real and of generated examples is added to both losses: a cross-entropy for
    classes; for standardised attributes, normally distributed around the condition with deviation 1,
    ½ Σ (a − â)² (without the constant).
    """

    reads_features = True
    takes = ("class", "table")
    why_not = "the discriminator names classes or numbers"

    def __init__(
        self,
        spec: DataSpec,
        *,
        features: Count = 128,
        weight: Weight = 1.0,
        fakes: Share = 1.0,
        **base: Any,
    ) -> None:
        """Build for data with classes or attributes.

        Args:
            features: size of φ(x), from which score and condition are read.
            weight: of L_C.
            fakes: share of it with which generated examples teach the discriminator; with 0 it learns
                conditions from real examples alone, and cannot agree with the generator on signs that
                stand for one.
            base: see :class:`DataConditioning`.
        """
        super().__init__(spec, **base)
        self.features = features
        self.weight = weight
        self.fakes = fakes
        space = self.space
        assert isinstance(space, Space)  # it takes no composite one
        self.what = "class" if space.kind == "class" else "attributes"
        self.outputs = len(space.names) or space.size
        self.standardised = None if space.kind == "class" else Standardised(space)

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        built = network(self.spec.shape, (self.features,))
        return Discriminator(built, LinearScore(self.features, self.outputs, batch_statistics))

    def missed(self, readout: Readout, condition: Tensor) -> Tensor:
        """−log p(y | x), a mean over the batch.

        Args:
            readout: of examples.
            condition: their classes ``(n,)``, or attributes ``(n, k)`` in their own units.
        """
        logits = logits_of(readout)
        if self.standardised is None:
            return F.cross_entropy(logits, condition)
        gap = self.standardised.to(condition.device)(condition) - logits
        return gap.square().sum(1).mean() / 2

    def discriminator_terms(
        self, batch: Batch, fake: Tensor, of_real: Readout, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        assert isinstance(condition, Tensor)
        terms = {f"{self.what} of real": self.weight * self.missed(of_real, condition)}
        if self.fakes:
            terms[f"{self.what} of fake"] = self.fakes * self.weight * self.missed(of_fake, condition)
        return terms

    def generator_terms(
        self, batch: Batch, fake: Tensor, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        assert isinstance(condition, Tensor)
        return {self.what: self.weight * self.missed(of_fake, condition)}


class ClassReadOut(Conditioning):
    """Classes that the discriminator reads out, and of which the generator sees nothing.

    Args:
        spec: the data.
        features: size of φ(x), from which score and class are read.
        weight: of the terms that look at classes.

    Raises:
        RecipeError: when the data have no classes.
    """

    from_data = False
    reads_features = True
    head: ClassVar[type[LinearScore] | type[ClassScore]] = LinearScore
    """What reads score and class."""
    needed: ClassVar[str] = "classes"
    """What the data must have."""

    def __init__(self, spec: DataSpec, features: int, weight: float) -> None:
        super().__init__(spec)
        if not spec.classes:
            raise RecipeError(
                f"conditioning {getattr(self, 'genus_name', '')!r} needs {self.needed}; the data have none: "
                f"{spec.describe()}"
            )
        self.features = features
        self.weight = weight

    def generator(self, network: Network, latent: int) -> Generator:
        return Generator(network((latent,), self.spec.shape))

    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> Discriminator:
        built = network(self.spec.shape, (self.features,))
        return Discriminator(built, self.head(self.features, self.spec.num_classes, batch_statistics))


@conditioning("k-plus-one", paper="arXiv:1606.03498")
class KPlusOne(ClassReadOut):
    """Semi-supervised: a classifier of K classes whose evidence for any of them is the score.

    D(x) = Z/(Z + 1) with Z = Σ_k exp l_k(x), so the logit of D is log Z; the K + 1st class, generated,
    has the logit 0. Examples whose class is known also teach the classifier. The generator is conditioned on
    nothing.
    """

    head = ClassScore
    needed = "classes, of some examples at least"

    def __init__(self, spec: DataSpec, *, features: Count = 128, weight: Weight = 1.0) -> None:
        """Build for data of which some examples are labelled.

        Args:
            features: size of φ(x), from which the classes are read.
            weight: of the cross-entropy of labelled examples, a sum over them divided by the size of the
                batch; with few labels (train.labels) an eighth of the batch has one.
        """
        super().__init__(spec, features, weight)

    def discriminator_terms(
        self, batch: Batch, fake: Tensor, of_real: Readout, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        labels = self.spec.class_labels(batch.condition)
        if labels is None:
            return {}
        losses = F.cross_entropy(logits_of(of_real), labels, ignore_index=UNKNOWN, reduction="none")
        return {"class of labelled": self.weight * losses.mean()}


@conditioning("style-ambiguity", paper="arXiv:1706.07068")
class StyleAmbiguity(ClassReadOut):
    """CAN: the discriminator names the style of real art; the generator is rewarded for none.

    L_G gains −Σ_k (1/K log p_k + (1 − 1/K) log(1 − p_k)), least when all K styles are equally likely.
    """

    needed = "classes as styles"

    def __init__(self, spec: DataSpec, *, features: Count = 128, weight: Weight = 1.0) -> None:
        """Build for labelled data; the classes are the styles.

        Args:
            features: size of φ(x), from which score and style are read.
            weight: of both terms.
        """
        super().__init__(spec, features, weight)

    def discriminator_terms(
        self, batch: Batch, fake: Tensor, of_real: Readout, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        styles = self.spec.class_labels(batch.condition)
        assert styles is not None
        return {"style of real": self.weight * F.cross_entropy(logits_of(of_real), styles)}

    def generator_terms(
        self, batch: Batch, fake: Tensor, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        return {"ambiguity": self.weight * style_ambiguity(logits_of(of_fake))}


def style_ambiguity(logits: Tensor) -> Tensor:
    """−Σ_k (1/K log p_k + (1 − 1/K) log(1 − p_k)), a mean over the batch.

    Args:
        logits: of the styles, ``(n, K)``.

    >>> round(style_ambiguity(torch.zeros(1, 2)).item(), 4)  # 2 log 2
    1.3863
    """
    k = logits.shape[1]
    log_p = logits.log_softmax(1)
    others = logits.repeat(k, 1, 1).transpose(0, 1)  # (n, K, K), row k without style k
    others = others.masked_fill(torch.eye(k, dtype=torch.bool, device=logits.device), -math.inf)
    log_rest = others.logsumexp(2) - logits.logsumexp(1, keepdim=True)
    return -(log_p / k + (1 - 1 / k) * log_rest).sum(1).mean()


def logits_of(readout: Readout) -> Tensor:
    """Outputs of the second head ``(n, outputs)``."""
    assert readout.logits is not None
    return readout.logits
