"""What a discriminator's network sees: the example, with the condition beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConditionedInput(nn.Module, ABC):
    """How a condition stands beside the examples that a discriminator's network sees."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """What the network sees of examples ``(n, *shape)``."""


class ConstantMaps(ConditionedInput):
    """The condition stands beside the example: each of its numbers is a map that is constant.

    Args:
        numbers: from conditions to ``(n, numbers)``.
    """

    def __init__(self, numbers: nn.Module) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        assert condition is not None
        maps = self.numbers(condition).to(x.dtype)
        maps = maps.reshape(*maps.shape, *(1,) * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, maps], 1)


class ImageBeside(ConditionedInput):
    """An image, given in [0, 1], stands beside the example as more channels, on the scale [−1, 1]."""

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        assert condition is not None
        return torch.cat([x, 2 * condition.to(x.dtype) - 1], 1)


class LearnedMap(ConditionedInput):
    """The condition stands beside the example as one more channel, a map learned from it.

    Args:
        embedding: from conditions to the elements of a map, ``(n, ∏ size)``.
        size: sides of the map; for vectors the map is one number.
    """

    def __init__(self, embedding: nn.Module, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size
        self.embedding = embedding

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        assert condition is not None
        return torch.cat([x, self.embedding(condition).to(x.dtype).reshape(-1, 1, *self.size)], 1)


class OneHotBeside(ConditionedInput):
    """A one-hot class stands beside the flattened example.

    Args:
        classes: how many.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        assert condition is not None
        return torch.cat([x.flatten(1), F.one_hot(condition, self.classes).to(x.dtype)], 1)
