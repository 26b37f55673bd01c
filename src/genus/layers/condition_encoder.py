"""Condition encoders: from conditions of any kind to features that a network sees."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.batch import Parts
from genus.core.space import AnySpace, Composite, Space
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
    """Rows of a table ``(n, k)`` less their means, over their deviations.

    Args:
        space: of a table of numbers.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor([column.mean for column in space.columns]))
        self.register_buffer("spread", torch.tensor([column.deviation for column in space.columns]))

    def forward(self, condition: Tensor) -> Tensor:
        return (condition.to(self.centre.dtype) - self.centre) / self.spread


class TableEncoder(nn.Module):
    """A perceptron of one hidden layer on standardised numbers.

    Args:
        space: of a table of numbers.
        features: numbers it gives, and hidden units.
    """

    def __init__(self, space: Space, features: int) -> None:
        super().__init__()
        self.standardised = Standardised(space)
        self.body = nn.Sequential(
            nn.Linear(space.size, features), nn.LeakyReLU(0.2), nn.Linear(features, features)
        )

    def forward(self, condition: Tensor) -> Tensor:
        """Map rows ``(n, k)`` in their own units to ``(n, features)``."""
        return self.body(self.standardised(condition))


class TextEncoder(nn.Module):
    """A perceptron of one hidden layer on the mean embedding of a text's words; blind to their order.

    Args:
        space: of tokens.
        features: numbers it gives, size of a word's embedding, and hidden units.

    Paper: Iyyer et al., Deep unordered composition rivals syntactic methods for text classification,
    ACL 2015.
    """

    def __init__(self, space: Space, features: int) -> None:
        super().__init__()
        self.words = nn.Embedding(len(space.names) + 1, features)
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
        space: an image, a volume, a sequence or a map of labels.
        features: numbers it gives.
    """

    def __init__(self, space: Space, features: int) -> None:
        super().__init__()
        channels, sides = condition_channels(space), list(space.shape[1:])
        self.space = space
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
        """Map images ``(n, channels, *sides)`` in [0, 1], or label maps, to ``(n, features)``."""
        return self.head(self.body(centred_planes(condition, self.space).to(self.head.weight.dtype)))


class PartsEncoder(nn.Module):
    """The sum of the features of a condition's parts.

    Args:
        space: of several parts.
        features: numbers it gives.
    """

    def __init__(self, space: Composite, features: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({name: condition_encoder(part, features) for name, part in space.parts})

    def forward(self, condition: Parts) -> Tensor:
        """Map conditions of all parts to ``(n, features)``."""
        encoded = [encoder(condition[name]) for name, encoder in self.encoders.items()]
        return torch.stack(encoded).sum(0)


def condition_encoder(space: AnySpace, features: int) -> nn.Module:
    """A module from conditions of a space to ``(n, features)``; classes are embedded.

    Args:
        space: what the conditions are.
        features: numbers it gives.
    """
    if isinstance(space, Composite):
        return PartsEncoder(space, features)
    if space.kind == "class":
        return nn.Embedding(len(space.names), features)
    if space.kind == "table":
        return TableEncoder(space, features)
    return TextEncoder(space, features) if space.kind == "tokens" else ImageEncoder(space, features)


def condition_planes(space: Space, features: int) -> tuple[nn.Module, int]:
    """A module from conditions to the numbers that stand beside an example, and how many these are.

    Classes are one-hot and numbers of a table standardised; text is encoded as ``features`` numbers.

    Args:
        space: classes, a table or text.
        features: numbers for text.
    """
    if space.kind == "class":
        return OneHot(len(space.names)), len(space.names)
    if space.kind == "table":
        return Standardised(space), space.size
    return condition_encoder(space, features), features


def condition_channels(space: Space) -> int:
    """Channels of a spatial condition where a network sees it: of labels one each, of two labels one."""
    if space.kind == "labels":
        return 1 if len(space.names) <= 2 else len(space.names)
    return space.shape[0]


def label_planes(labels: Tensor, names: int) -> Tensor:
    """Label maps ``(n, 1, *sides)`` as planes of 0 and 1, ``(n, channels, *sides)``, float32.

    One plane per label; of two labels only the plane of the second.

    Args:
        labels: numbers from 0 to ``names`` − 1.
        names: how many labels there are.

    >>> label_planes(torch.tensor([[[0, 2]]]), 3).tolist()
    [[[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]]
    """
    if names <= 2:
        return labels.float()
    return F.one_hot(labels[:, 0], names).movedim(-1, 1).float()


def centred_planes(condition: Tensor, space: Space) -> Tensor:
    """A spatial condition as a network sees it, ``(n, channels, *sides)`` on the scale [−1, 1].

    Args:
        condition: images with values in [0, 1], or label maps.
        space: which of them.
    """
    planes = label_planes(condition, len(space.names)) if space.kind == "labels" else condition
    return 2 * planes - 1
