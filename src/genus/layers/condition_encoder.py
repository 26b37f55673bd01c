"""From what an example comes with to features that a network can be told."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.condition import Condition
from genus.core.spec import DataSpec
from genus.layers.convolution import convolution

WIDTH = 16
"""Channels of an image encoder's first layer."""
SMALLEST = 4
"""Sides are halved while the shortest is longer than this."""


class OneHot(nn.Module):
    """Class numbers ``(n,)`` as rows of the identity, ``(n, classes)``."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, condition: Tensor) -> Tensor:
        return F.one_hot(condition, self.classes).float()


class Standardised(nn.Module):
    """Attributes ``(n, k)`` less their means, over their deviations.

    Args:
        condition: of attributes.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, condition: Condition) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(condition.centre))
        self.register_buffer("spread", torch.tensor(condition.spread))

    def forward(self, condition: Tensor) -> Tensor:
        return (condition.to(self.centre.dtype) - self.centre) / self.spread


class AttributeEncoder(nn.Module):
    """A perceptron of one hidden layer on standardised attributes.

    Args:
        condition: of attributes.
        features: numbers it gives, and hidden units.
    """

    def __init__(self, condition: Condition, features: int) -> None:
        super().__init__()
        self.standardised = Standardised(condition)
        self.body = nn.Sequential(
            nn.Linear(condition.size, features), nn.LeakyReLU(0.2), nn.Linear(features, features)
        )

    def forward(self, condition: Tensor) -> Tensor:
        """Map attributes ``(n, k)`` in their own units to ``(n, features)``."""
        return self.body(self.standardised(condition))


class TextEncoder(nn.Module):
    """A perceptron of one hidden layer on the mean embedding of a text's words; blind to their order.

    Args:
        condition: of text.
        features: numbers it gives, size of a word's embedding, and hidden units.

    Paper: Iyyer et al., Deep unordered composition rivals syntactic methods for text classification,
    ACL 2015.
    """

    def __init__(self, condition: Condition, features: int) -> None:
        super().__init__()
        self.words = nn.Embedding(len(condition.names) + 1, features)
        self.body = nn.Sequential(
            nn.Linear(features, features), nn.LeakyReLU(0.2), nn.Linear(features, features)
        )

    def forward(self, condition: Tensor) -> Tensor:
        """Map word numbers ``(n, length)``, 0 for none, to ``(n, features)``."""
        there = (condition > 0)[..., None].to(self.words.weight.dtype)
        mean = (self.words(condition) * there).sum(1) / there.sum(1).clamp_min(1)
        return self.body(mean)


class ImageEncoder(nn.Module):
    """Strided convolutions, then a linear layer; for images in 1-D, 2-D and 3-D.

    Args:
        condition: an image or a mask.
        features: numbers it gives.
    """

    def __init__(self, condition: Condition, features: int) -> None:
        super().__init__()
        channels, *sides = condition.shape
        width, layers = WIDTH, list[nn.Module]()
        while min(sides) > SMALLEST or not layers:
            layers += [convolution(len(sides), channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels, width = width, 2 * width
            sides = [side // 2 for side in sides]
        self.body = nn.Sequential(*layers, nn.Flatten())
        size = channels
        for side in sides:
            size *= side
        self.head = nn.Linear(size, features)

    def forward(self, condition: Tensor) -> Tensor:
        """Map images ``(n, channels, *sides)`` in [0, 1] to ``(n, features)``."""
        return self.head(self.body(2 * condition.to(self.head.weight.dtype) - 1))


def condition_encoder(spec: DataSpec, features: int) -> nn.Module:
    """A module from conditions of the data to ``(n, features)``; classes are embedded.

    Args:
        spec: data with classes or a condition.
        features: numbers it gives.
    """
    condition = spec.condition
    if condition is None:
        return nn.Embedding(spec.num_classes, features)
    if condition.kind == "attributes":
        return AttributeEncoder(condition, features)
    if condition.kind == "text":
        return TextEncoder(condition, features)
    return ImageEncoder(condition, features)


def condition_planes(spec: DataSpec, features: int) -> tuple[nn.Module, int]:
    """A module from conditions to the numbers that stand beside an example, and how many these are.

    Classes are one-hot and attributes standardised; text is encoded as ``features`` numbers.

    Args:
        spec: data with classes, attributes or text.
        features: numbers for text.
    """
    condition = spec.condition
    if condition is None:
        return OneHot(spec.num_classes), spec.num_classes
    if condition.kind == "attributes":
        return Standardised(condition), condition.size
    return condition_encoder(spec, features), features
