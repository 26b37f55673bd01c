"""Schedules of the discriminator's updates: more at the start, or none while it wins."""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.components import DiscriminatorSchedule
from genus.core.errors import RecipeError
from genus.core.observations import DiscriminatorAccuracy
from genus.core.phase import Averages, Progress
from genus.core.ranges import Count, Natural, ShareBelow1, ShareInside
from genus.core.registry import discriminator_schedule


@discriminator_schedule("early", paper="arXiv:1701.07875")
class Early(DiscriminatorSchedule):
    """Many updates in the first iterations and now and then later, so that the critic is near its optimum."""

    def __init__(self, *, first: Natural = 25, steps: Count = 100, again_every: Count = 500) -> None:
        """Remember when.

        Args:
            first: iterations with many updates, >= 0.
            steps: updates in each of them, >= 1.
            again_every: many updates every k iterations, too, >= 1.
        """
        super().__init__()
        self.first, self.steps, self.again_every = first, steps, again_every

    def count(self, progress: Progress, usual: int) -> int:
        iteration = progress.stage_iteration
        return self.steps if iteration < self.first or iteration % self.again_every == 0 else usual


@discriminator_schedule("freeze")
class Freeze(DiscriminatorSchedule):
    """A schedule that skips updates while the discriminator is nearly always right.

    Its accuracy is followed by a moving average; above a threshold it rests, and looks again after
    some iterations (its accuracy is only known when it is updated).
    """

    needs_border = True
    accuracy: Tensor
    rested: Tensor

    def __init__(self, *, above: ShareInside = 0.9, memory: ShareBelow1 = 0.9, rest: Count = 3) -> None:
        """Start at one half.

        Args:
            above: accuracy at which it rests, in (0.5, 1).
            memory: weight of the past in the moving average, in [0, 1).
            rest: iterations without an update at most, >= 1.
        """
        super().__init__()
        if above <= 0.5:
            raise RecipeError(
                "discriminator_schedule 'freeze' needs above in (0.5, 1): half right is guessing"
            )
        self.above, self.memory, self.rest = above, memory, rest
        self.register_buffer("accuracy", torch.tensor(0.5))
        self.register_buffer("rested", torch.zeros((), dtype=torch.int64))

    def count(self, progress: Progress, usual: int) -> int:
        if self.accuracy > self.above and self.rested < self.rest:
            self.rested += 1
            return 0
        self.rested.zero_()
        return usual

    def update(self, averages: Averages) -> None:
        now = DiscriminatorAccuracy.of(averages).mean
        self.accuracy.mul_(self.memory).add_((1 - self.memory) * now)
