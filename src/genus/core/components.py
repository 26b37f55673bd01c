"""Types of components as the code that uses them sees them: recipe arguments already bound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.noise import Noise
from genus.core.phase import Averages, Progress, Terms
from genus.core.space import Space
from genus.core.spec import DataSpec

Network = Callable[[tuple[int, ...], tuple[int, ...]], nn.Module]
"""Builds a network from the shape of its input to the shape of its output, without batch axes."""


class Losses(NamedTuple):
    """Losses of discriminator and generator, as papers print them side by side; both are minimised."""

    discriminator: Tensor
    generator: Tensor


Objective = Callable[[Tensor, Tensor], Losses]
"""From scores of real and of generated examples to both losses.

Scores are ``(n,)``, or ``(n, places)`` of discriminators that score several places of an example. Then a
loss is the mean over places of the losses at each: real and generated scores are compared at one place only.
"""

Critic = Callable[[Tensor], Tensor]
"""A discriminator with its condition bound: from examples ``(n, *shape)`` to mean scores ``(n,)``."""

Penalty = Callable[[Critic, Tensor, Tensor, Noise], Tensor]
"""From (critic, real, generated, random numbers) to a weighted scalar."""

Regulariser = Callable[[nn.Module], Tensor]
"""From a generator or discriminator to a weighted scalar that depends on its parameters alone."""

Augmentation = Callable[[Tensor, Noise, Tensor], Tensor]
"""From (examples, random numbers, strength in [0, 1]) to changed examples; gradients pass."""


def couples_batch(component: object) -> bool:
    """Whether an objective or penalty depends on its batch as a whole, so that it is no mean over examples.

    Such functions carry an attribute ``couples_batch = True``.
    """
    return bool(getattr(getattr(component, "func", component), "couples_batch", False))


class Readout(NamedTuple):
    """Outputs of a discriminator for a batch.

    Args:
        score: ``(n,)``, higher for real examples; or ``(n, places)`` where it scores several places of each
            example. Objectives then average the losses of the places, accuracy counts places, and penalties
            take the mean score of each example.
        features: ``(n, features)`` from which it was read, where the discriminator has such.
        logits: ``(n, outputs)`` of a second head, where the conditioning has one.
    """

    score: Tensor
    features: Tensor | None = None
    logits: Tensor | None = None

    @property
    def mean_score(self) -> Tensor:
        """The score of each example, a mean over its places; ``(n,)``."""
        return self.score if self.score.dim() == 1 else self.score.mean(1)


@dataclass(frozen=True)
class BatchStatistics:
    """Statistics of a whole batch that stand beside the features φ(x) of each example.

    Args:
        kernels: of minibatch discrimination (arXiv:1606.03498); 0 for none.
        group: examples among which features' deviation is measured (arXiv:1710.10196); 0 for none.
    """

    kernels: int = 0
    group: int = 0


NO_STATISTICS = BatchStatistics()
"""Each example is judged alone."""


class Conditioning(ABC):
    """A conditioning: how a condition enters generator and discriminator, and its terms in their losses.

    Args:
        spec: the data; what is missing there is refused when the model is built.
    """

    from_data = True
    """Whether the condition comes with the data, so that samples can be requested for it."""
    reads_features: ClassVar[bool] = False
    """Whether its discriminator reads features φ(x) of a size of its own."""
    codes: Space | None = None
    """The table that :meth:`draw` draws, where the condition is not of the data but can be chosen."""

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    @abstractmethod
    def generator(self, network: Network, latent: int) -> nn.Module:
        """Build a generator ``forward(z, condition, noise)`` from latents ``(n, latent)`` to examples."""

    @abstractmethod
    def discriminator(
        self,
        network: Network,
        *,
        features: int | None = None,
        batch_statistics: BatchStatistics = NO_STATISTICS,
    ) -> nn.Module:
        """Build a discriminator ``forward(x, condition)`` from examples to a :class:`Readout`.

        Args:
            network: from what it sees to its outputs.
            features: size of φ(x), from which the score is read; None lets the network give the score. Only
                without ``reads_features``.
            batch_statistics: what stands beside φ(x).
        """

    def condition_of(self, batch: Batch, noise: Noise) -> Condition | None:
        """The condition to generate with, beside the examples of a batch: by default their own."""
        return batch.condition if self.from_data else self.draw(len(batch), noise)

    def draw(self, n: int, noise: Noise) -> Tensor | None:
        """Conditions to sample with when none are requested."""
        return None

    def complete(self, condition: Condition | None, n: int, noise: Noise) -> Condition | None:
        """Conditions of ``n`` samples: as requested, and drawn where nothing is.

        Args:
            condition: requested conditions; codes ``(n, size)``, NaN where they are drawn at random; or None.
            n: how many samples.
            noise: where codes come from; what is drawn does not depend on which are chosen, so that a sample
                changes in the chosen ones alone.
        """
        if condition is not None and self.codes is None:
            return condition
        drawn = self.draw(n, noise)
        if not isinstance(condition, Tensor) or drawn is None:
            return drawn
        return torch.where(condition.isnan(), drawn, condition)

    def discriminator_terms(
        self, batch: Batch, fake: Tensor, of_real: Readout, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        """Terms beside the objective in the discriminator's loss, means over the batch.

        Args:
            batch: real examples, in data units, with their conditions.
            fake: generated examples ``(n, *shape)``, on the scale of the networks.
            of_real: readout of the real ones.
            of_fake: readout of the generated ones.
            condition: of the generated ones.
        """
        return {}

    def generator_terms(
        self, batch: Batch, fake: Tensor, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        """Terms beside the objective in the generator's loss; see :meth:`discriminator_terms`."""
        return {}


ConditioningFactory = Callable[[DataSpec], Conditioning]


Sampler = Callable[..., Tensor]
"""From (denoiser, x at the first time, times, random numbers) to x at the last time, see
:mod:`genus.sampling.samplers`."""


class DiscriminatorSchedule(nn.Module, ABC):
    """A schedule of the discriminator: updates per iteration; its state is in buffers."""

    needs_border: ClassVar[bool] = False
    """Whether it asks on which side of the border between real and generated scores lie."""

    @abstractmethod
    def count(self, progress: Progress, usual: int) -> int:
        """Updates in this iteration, ≥ 0, where the recipe's number is ``usual``."""

    def update(self, averages: Averages) -> None:
        """Take in the averages of a discriminator update; called after each."""


DiscriminatorScheduleFactory = Callable[[], DiscriminatorSchedule]


class AugmentationSchedule(nn.Module, ABC):
    """A schedule of the strength of augmentation; its state is in buffers."""

    needs_border: ClassVar[bool] = False
    """Whether it asks on which side of the border between real and generated scores lie."""

    @abstractmethod
    def value(self, progress: Progress) -> Tensor:
        """Strength in [0, 1], a scalar."""

    def update(self, averages: Averages) -> None:
        """Take in the averages of a discriminator update; called after each."""


AugmentationScheduleFactory = Callable[[], AugmentationSchedule]
