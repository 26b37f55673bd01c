"""Random numbers written down beforehand, so that what is drawn can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genus.core.noise import Noise


class Scripted(Noise):
    """Gives out the numbers of a list, one list for each draw, in order; they must fit.

    Args:
        draws: for each draw as many numbers as it asks for.
    """

    def __init__(self, *draws: Sequence[float]) -> None:
        super().__init__(0)
        self.draws = list(draws)

    def _next(self, n: int, shape: tuple[int, ...]) -> Tensor:
        return torch.tensor(self.draws.pop(0), dtype=torch.float32).view(n, *shape)

    def uniform(self, n: int, *shape: int) -> Tensor:
        return self._next(n, shape)

    def normal(self, n: int, *shape: int) -> Tensor:
        return self._next(n, shape)

    def integers(self, high: int, n: int, *shape: int) -> Tensor:
        found = self._next(n, shape).long()
        assert 0 <= int(found.min()) <= int(found.max()) < high
        return found
