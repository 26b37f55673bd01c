"""Input of a discriminator's network: the example, with the condition beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.batch import Condition, Parts
from genus.core.space import Space
from genus.layers.condition_encoder import centred_planes


class ConditionedInput(nn.Module, ABC):
    """A condition beside the examples that enter a discriminator's network."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        """Input of the network for examples ``(n, *shape)``."""


class ConstantMaps(ConditionedInput):
    """The condition stands beside the example: each of its numbers is a map that is constant.

    Args:
        numbers: from conditions to ``(n, numbers)``.
    """

    def __init__(self, numbers: nn.Module) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert condition is not None
        maps = self.numbers(condition).to(x.dtype)
        maps = maps.reshape(*maps.shape, *(1,) * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, maps], 1)


class ImageBeside(ConditionedInput):
    """A spatial condition stands beside the example as more channels, on the scale [−1, 1].

    Args:
        space: an image with values in [0, 1], or a map of labels, which becomes planes of 0 and 1.
    """

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.space = space

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert isinstance(condition, Tensor)
        return torch.cat([x, centred_planes(condition, self.space).to(x.dtype)], 1)


class PartsBeside(ConditionedInput):
    """The parts of a condition stand beside the example one after the other.

    Args:
        builders: build what puts each part beside it, by name.
    """

    def __init__(self, builders: Mapping[str, Callable[[], ConditionedInput]]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: build() for name, build in builders.items()})

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert isinstance(condition, Parts)
        for name, part in self.parts.items():
            x = part(x, condition[name])
        return x


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

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
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

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        assert isinstance(condition, Tensor)
        return torch.cat([x.flatten(1), F.one_hot(condition, self.classes).to(x.dtype)], 1)
