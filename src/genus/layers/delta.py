"""The distribution of something that is certain."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

_ONE = torch.Size()


class Delta(Distribution):
    """All mass on one point per example; what an encoder without randomness returns.

    It has samples, a mean and a variance of zero, but no density.

    Args:
        value: the points, ``(n, *shape)``; the first axis counts examples.

    >>> Delta(torch.tensor([[1.0, 2.0]])).sample().tolist()
    [[1.0, 2.0]]
    """

    has_rsample = True

    def __init__(self, value: Tensor) -> None:
        self.value = value
        super().__init__(value.shape[:1], value.shape[1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The points."""
        return self.value

    @property
    def mode(self) -> Tensor:
        """The points."""
        return self.value

    @property
    def variance(self) -> Tensor:
        """Zeros."""
        return torch.zeros_like(self.value)

    def rsample(self, sample_shape: Any = _ONE) -> Tensor:
        """The points, repeated ``sample_shape`` times."""
        return self.value.expand(*sample_shape, *self.value.shape)
