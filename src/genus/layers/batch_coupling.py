"""Layers through which a discriminator sees a whole batch, so that it notices a lack of variety."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genus.core.errors import RecipeError
from genus.core.network import CouplesBatch


class MinibatchDiscrimination(CouplesBatch):
    r"""Closeness of an example to the others of its batch, in learned coordinates, as more channels.

    .. math:: M_i = f(x_i) T \in \mathbb{R}^{B \times C}, \quad
        o(x_i)_b = \sum_{j=1}^{n} \exp\big(-\|M_{i,b} - M_{j,b}\|_1\big)

    The sum has an example's similarity to itself, 1, as the paper's does. All numbers of an
    example are its f(x); to maps the o(x) are appended as constant channels. The paper does not
    say how T starts: here so that M keeps the size of f.

    Args:
        shape: of an example at this place, ``(features,)`` or ``(channels, *size)``.
        features: B, numbers appended.
        width: C, coordinates of each.

    Paper: arXiv:1606.03498.
    """

    def __init__(self, shape: Sequence[int], features: int = 100, width: int = 5) -> None:
        super().__init__()
        self.features = features
        inputs = math.prod(shape)
        self.weight = nn.Parameter(torch.randn(inputs, features, width) / math.sqrt(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, *size)`` to ``(n, channels + features, *size)``."""
        with torch.autocast(x.device.type, enabled=False):  # small differences would drown in bf16
            flat = x.flatten(1).to(self.weight.dtype)
            coordinates = torch.einsum("na,abc->nbc", flat, self.weight)
            # Written out, since the distances of torch.cdist cannot be differentiated twice.
            distance = (coordinates[:, None] - coordinates[None]).abs().sum(-1)
            closeness = torch.exp(-distance).sum(1)
        return _append(x, closeness.to(x.dtype))

    def extra_repr(self) -> str:
        return "inputs={}, features={}, width={}".format(*self.weight.shape)


class MinibatchDeviation(CouplesBatch):
    r"""Deviation of the examples of a group, as one more constant channel.

    .. math:: s = \operatorname{mean}_{c, \text{place}} \sqrt{\operatorname{Var}_{\text{group}}(x) + 10^{-8}}

    A batch of n is dealt out to max(1, ⌊n / group⌋) groups, as equal as can be; where ``group``
    divides n these are the paper's.

    Args:
        group: examples in a group, >= 2.

    Raises:
        RecipeError: for groups of fewer than 2, in which nothing differs.

    Paper: arXiv:1710.10196.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        if group < 2:
            raise RecipeError(f"minibatch deviation: a group of {group} has none; use at least 2")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, *size)`` to ``(n, channels + 1, *size)``."""
        flat = x.flatten(1).to(torch.promote_types(x.dtype, torch.float32))
        number = torch.arange(len(x), device=x.device) % max(1, len(x) // self.group)
        deal = (number[:, None] == number[None]).to(flat.dtype)
        deal = deal / deal.sum(1, keepdim=True)  # each row averages over one example's group
        with torch.autocast(x.device.type, enabled=False):  # small differences would drown in bf16
            variance = deal @ (flat - deal @ flat).square()
            deviation = (variance + 1e-8).sqrt().mean(1, keepdim=True)
        return _append(x, deviation.to(x.dtype))

    def extra_repr(self) -> str:
        return f"group={self.group}"


def _append(x: Tensor, numbers: Tensor) -> Tensor:
    """Append ``(n, k)`` to vectors, or as k constant channels to maps."""
    maps = numbers.view(*numbers.shape, *(1,) * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
    return torch.cat([x, maps], 1)
