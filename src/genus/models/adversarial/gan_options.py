"""Groups of arguments of a GAN: each is one key of a recipe."""

from __future__ import annotations

from collections.abc import Sequence

from genus.core.components import Augmentation, AugmentationScheduleFactory, BatchStatistics, Regulariser
from genus.core.ranges import Count, Positive, Weight
from genus.core.registry import group


@group
class FeatureOptions:
    """Options on the features φ(x) of a discriminator.

    Args:
        size: of φ(x), from which a linear layer reads the score; null lets the network give it. Some
            conditionings bring features of their own.
        matching: weight of ‖E φ(x) − E φ(G(z))‖² in the generator's loss (arXiv:1606.03498).
        minibatch_discrimination: kernels that measure how near φ(x) is to that of the other examples
            (arXiv:1606.03498); null for none.
        minibatch_deviation: examples in each group whose mean deviation of φ(x) stands beside it
            (arXiv:1710.10196); null for none. Growing and style-based discriminators have it inside.
    """

    size: Count | None = None
    matching: Weight | None = None
    minibatch_discrimination: Count | None = None
    minibatch_deviation: Count | None = None

    @property
    def batch_statistics(self) -> BatchStatistics:
        """Statistics of the batch beside φ(x)."""
        return BatchStatistics(
            kernels=self.minibatch_discrimination or 0, group=self.minibatch_deviation or 0
        )


@group
class AugmentationOptions:
    """Augmentation of all examples that a discriminator sees, so that it cannot memorise; gradients pass.

    Args:
        transforms: one change, or several in this order.
        schedule: strength of the changes; null for full strength.
    """

    transforms: Sequence[Augmentation] = ()
    schedule: AugmentationScheduleFactory | None = None


@group
class RegularisationOptions:
    """Regularisation of the weights of both networks.

    Args:
        generator: terms on the generator's weights.
        discriminator: terms on the discriminator's weights.
        weight_clip: bound of the discriminator's weights after each of its updates (arXiv:1701.07875).
        historical_averaging: weight of ‖θ − mean of all earlier θ‖² in both losses (arXiv:1606.03498).
    """

    generator: Sequence[Regulariser] = ()
    discriminator: Sequence[Regulariser] = ()
    weight_clip: Positive | None = None
    historical_averaging: Weight | None = None
