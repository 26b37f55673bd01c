"""The Haar wavelet transform of signals, images and volumes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def haar(x: Tensor) -> Tensor:
    """Sums and differences of pairs of places over √2, along each axis in turn: an orthogonal map.

    Odd sides are made even by repeating the last place.

    Args:
        x: ``(n, channels, *sides)``.

    Returns:
        ``(n, 2^axes · channels, *⌈sides/2⌉)``; the first channels are the smooth ones.

    >>> haar(torch.tensor([[[1.0, 3.0, 5.0]]])).mul(2**0.5).round().tolist()
    [[[4.0, 10.0], [-2.0, 0.0]]]
    """
    odd = [side % 2 for side in x.shape[2:]]
    if any(odd):
        x = F.pad(x, [pad for extra in reversed(odd) for pad in (0, extra)], mode="replicate")
    for axis in range(2, x.dim()):
        pairs = x.unflatten(axis, (-1, 2))
        first, second = pairs.unbind(axis + 1)
        x = torch.cat([first + second, first - second], 1)
    return x * math.sqrt(0.5) ** (x.dim() - 2)
