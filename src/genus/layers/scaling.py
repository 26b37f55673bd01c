"""Between data units and the scale that networks like."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.length import Length
from genus.core.model import Prepares
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.spec import DataSpec
from genus.layers.measured import Standardise


class Scaling(nn.Module, Prepares):
    """Maps bounded data from their range to an interval, and standardises unbounded ones.

    Means and deviations of unbounded data are measured in a first pass over the training examples, of each
    element of vectors and tables, and of each channel of what has places. An affine change of units is
    thus undone, whatever the units are.

    Args:
        spec: the data.
        low: lower end of the interval for bounded data, 1 being the upper one: −1, or 0.
    """

    def __init__(self, spec: DataSpec, low: float = -1.0) -> None:
        super().__init__()
        self.range = spec.range
        self.low = low
        self.size = spec.size
        flat = spec.example.is_flat
        shape = spec.shape if flat else (spec.shape[0], *[1] * (len(spec.shape) - 1))
        self.measured = Standardise(shape, smallest=None) if spec.range is None else None

    def preparation(self) -> Sequence[Stage]:
        """One pass over unbounded data."""
        if self.measured is None:
            return []
        moments = Phase(name="moments", step=self._measure)
        return [Stage(name="measure", phases=[moments], length=Length(1, "epochs"), prepares=True)]

    def inward(self, x: Tensor) -> Tensor:
        """From data units to the networks' scale."""
        if self.measured is not None:
            return self.measured(x)[0]
        low, high = self._ends()
        return (x - low) * ((1 - self.low) / (high - low)) + self.low

    def outward(self, y: Tensor) -> Tensor:
        """From the networks' scale to data units."""
        if self.measured is not None:
            return self.measured.inverse(y)
        low, high = self._ends()
        return (y.float() - self.low) * ((high - low) / (1 - self.low)) + low

    def squash(self, y: Tensor) -> Tensor:
        """Bound a network's output to [−1, 1] by tanh, where the data are bounded."""
        return y if self.range is None else y.tanh()

    @property
    def log_volume(self) -> Tensor:
        """ln |det| of :meth:`inward`, of a whole example; a scalar, float64."""
        if self.measured is not None:
            spread = self.measured.spread
            return -spread.log().sum() * (self.size / spread.numel())
        low, high = self._ends()
        return torch.tensor(self.size * math.log((1 - self.low) / (high - low)), dtype=torch.float64)

    def _ends(self) -> tuple[float, float]:
        assert self.range is not None
        return self.range

    def _measure(self, batch: Batch, ctx: Context) -> Terms:
        assert self.measured is not None
        found = self.measured.statistics(batch.x, None, 0)
        self.measured.add(tuple(ctx.sum_over_ranks(part) for part in found), 0)
        self.measured.settle(0)
        return {}
