"""Self-attention of SAGAN, whose keys and values are pooled."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.convolution import convolution

_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


class PooledAttention(nn.Module):
    """x + γ v(softmax(f(x)ᵀ g(x)) h(x)), where f, g, h, v are 1×1 convolutions and γ is 0 at first.

    Queries and keys have an eighth of the channels, values a half. As in the authors' code keys
    and values are the maxima over cells of 2 places per axis (the paper's text has no pooling),
    which makes it 2^dims times cheaper, and the convolutions have no bias.

    Args:
        dims: spatial axes.
        channels: of the feature map.

    Paper: arXiv:1805.08318, equations 1-3.
    """

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        few, half = max(channels // 8, 1), max(channels // 2, 1)
        self.query = convolution(dims, channels, few, 1, bias=False)
        self.key = convolution(dims, channels, few, 1, bias=False)
        self.value = convolution(dims, channels, half, 1, bias=False)
        self.merge = convolution(dims, half, channels, 1, bias=False)
        self.share = nn.Parameter(torch.zeros(()))
        self.pool = _POOL[dims]

    def weights(self, x: Tensor) -> Tensor:
        """Attention of each place, in rows, to each cell: ``(n, places, cells)``."""
        query = self.query(x).flatten(2).transpose(1, 2)
        key = self.pool(self.key(x), 2, ceil_mode=True).flatten(2)
        return (query @ key).softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, *sides)`` to the same shape."""
        value = self.pool(self.value(x), 2, ceil_mode=True).flatten(2)
        mixed = (value @ self.weights(x).transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.share * self.merge(mixed)
