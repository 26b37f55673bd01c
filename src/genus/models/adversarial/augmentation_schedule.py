"""Schedules of the strength of augmentation: constant, falling, or adapted to overfitting."""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.components import AugmentationSchedule
from genus.core.observations import DiscriminatorAccuracy
from genus.core.phase import Averages, Progress
from genus.core.ranges import Count, Share, ShareAbove0, ShareInside
from genus.core.registry import augmentation_schedule


@augmentation_schedule("constant")
class Constant(AugmentationSchedule):
    """The same throughout."""

    amount: Tensor

    def __init__(self, *, strength: Share = 1.0) -> None:
        """Remember it.

        Args:
            strength: in [0, 1].
        """
        super().__init__()
        self.register_buffer("amount", torch.tensor(float(strength)), persistent=False)

    def value(self, progress: Progress) -> Tensor:
        return self.amount


@augmentation_schedule("annealed", paper="arXiv:1610.04490")
class Annealed(AugmentationSchedule):
    """Falls linearly to 0, as the noise on instances does."""

    def __init__(self, *, strength: Share = 1.0, until: ShareAbove0 = 1.0) -> None:
        """Remember both.

        Args:
            strength: at the start, in [0, 1].
            until: share of the stage after which it is 0, in (0, 1].
        """
        super().__init__()
        self.strength, self.until = strength, until

    def value(self, progress: Progress) -> Tensor:
        return torch.tensor(self.strength * max(0.0, 1 - progress.fraction / self.until))


@augmentation_schedule("adaptive", paper="arXiv:2006.06676")
class Adaptive(AugmentationSchedule):
    """Grows while the discriminator overfits: r = E sign D(x) of real examples is kept near a target.

    p ← p + sign(r − target) / ``updates``, kept in [0, 1].
    """

    needs_border = True
    probability: Tensor

    def __init__(self, *, target: ShareInside = 0.6, updates: Count = 8000) -> None:
        """Start from 0.

        Args:
            target: wanted mean sign of the scores of real examples, in (0, 1).
            updates: discriminator updates in which the strength can go from 0 to 1; the paper's is
                500,000 examples.
        """
        super().__init__()
        self.target, self.updates = target, updates
        self.register_buffer("probability", torch.zeros(()))

    def value(self, progress: Progress) -> Tensor:
        return self.probability

    def update(self, averages: Averages) -> None:
        overfit = 2 * DiscriminatorAccuracy.of(averages).real - 1
        step = (overfit > self.target) - (overfit < self.target)
        self.probability.add_(step / self.updates).clamp_(0, 1)
