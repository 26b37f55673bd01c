"""Between data units and the symmetric interval that networks like."""

from __future__ import annotations

import math

from torch import Tensor, nn

from genus.core.spec import DataSpec


class Scaling(nn.Module):
    """Maps ``spec.range`` to [−1, 1] and back; unbounded data pass unchanged.

    Args:
        spec: the data.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.range, self.size = spec.range, spec.size

    @property
    def log_volume(self) -> float:
        """ln |d y/d x| of an example, y on the networks' scale."""
        return 0.0 if self.range is None else self.size * math.log(2 / (self.range[1] - self.range[0]))

    def inward(self, x: Tensor) -> Tensor:
        """From data units to [−1, 1]."""
        if self.range is None:
            return x
        low, high = self.range
        return (x - low) * (2 / (high - low)) - 1

    def outward(self, y: Tensor) -> Tensor:
        """From [−1, 1] to data units."""
        if self.range is None:
            return y
        low, high = self.range
        return (y.float() + 1) * ((high - low) / 2) + low

    def squash(self, y: Tensor) -> Tensor:
        """Bound a network's output to [−1, 1] by tanh, where the data are bounded."""
        return y if self.range is None else y.tanh()
