"""Names of what updates of a GAN log and schedules, models and the doctor read again."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from genus.core.phase import Averages


class Observation(StrEnum):
    """A quantity that an update logs beside its terms; the value is its name in the log."""

    REAL = "real"
    """Mean score, or reconstruction error, of real examples."""
    FAKE = "fake"
    """The same of generated examples."""
    REAL_RIGHT = "real right"
    """Share of real scores above the border between real and generated, in [0, 1]."""
    FAKE_RIGHT = "fake right"
    """Share of generated scores below the border, in [0, 1]."""
    AUGMENTATION_STRENGTH = "strength"
    """Strength of the augmentation, in [0, 1]."""
    PATH_LENGTH = "path length"
    """Mean length of paths in the space of styles."""
    GRADIENT = "gradient"
    """Norm of an update's gradient over all its parameters."""

    def of(self, phase: str) -> str:
        """The name in the log of a phase's observation.

        >>> Observation.GRADIENT.of("generator")
        'generator/gradient'
        """
        return f"{phase}/{self.value}"


class DiscriminatorAccuracy(NamedTuple):
    """Shares of real and of generated scores on their side of the border, each in [0, 1]."""

    real: float
    fake: float

    @classmethod
    def of(cls, averages: Averages) -> DiscriminatorAccuracy:
        """Read from the averages of a discriminator's update.

        >>> DiscriminatorAccuracy.of({"real right": 1.0, "fake right": 0.5}).mean
        0.75
        """
        return cls(averages[Observation.REAL_RIGHT], averages[Observation.FAKE_RIGHT])

    @property
    def mean(self) -> float:
        """Share of all scores on their side, with as many real as generated ones."""
        return (self.real + self.fake) / 2
