"""What the engine hands to a model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Examples and what is known about them.

    Args:
        x: examples in data units, float32 ``(n, *spec.shape)``, values in ``spec.range``.
        condition: class numbers, int64 ``(n,)``, or conditions ``(n, *spec.condition.shape)`` (see
            :class:`genus.core.condition.Condition`); None when the data are unlabelled.
    """

    x: Tensor
    condition: Tensor | None = None

    def __len__(self) -> int:
        return self.x.shape[0]

    def __getitem__(self, rows: slice) -> Batch:
        return Batch(self.x[rows], None if self.condition is None else self.condition[rows])

    def to(self, device: torch.device | str) -> Batch:
        """Move to a device."""
        condition = None if self.condition is None else self.condition.to(device, non_blocking=True)
        return Batch(self.x.to(device, non_blocking=True), condition)
