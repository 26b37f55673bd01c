"""Departures of a training from its recipe: other learning rates, and a bound of gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Adjustment:
    """Smaller or larger steps than the recipe's.

    Args:
        rates: factors of learning rates, by optimiser group; ``""`` is for all.
        clip: largest norm of a group's gradient, or None.
    """

    rates: Mapping[str, float] = field(default_factory=dict[str, float])
    clip: float | None = None

    def rate(self, group: str) -> float:
        """Factor of a group's learning rate."""
        return self.rates.get("", 1.0) * self.rates.get(group, 1.0)

    def clipped(self, clip: float | None) -> float | None:
        """The smaller of the recipe's bound and this one's."""
        known = [bound for bound in (clip, self.clip) if bound is not None]
        return min(known, default=None)

    def to_json(self) -> dict[str, Any]:
        """For a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> Adjustment:
        """From a checkpoint; None is no adjustment."""
        return cls() if values is None else cls(dict(values["rates"]), values["clip"])
