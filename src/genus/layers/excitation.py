"""Coarse features gate fine ones, channel by channel."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.convolution import convolution

_POOLS = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
_SIDE = 4


def gated(x: Tensor) -> Tensor:
    """a · σ(b), where a and b are the halves of the channels: the gated linear unit.

    ``torch.nn.functional.glu`` gives the same, but its gradient forgets the order of memory, after
    which layers that normalise take ten times as long on CPUs.

    Args:
        x: ``(n, 2 · channels, *sides)``.

    Paper: arXiv:1612.08083.
    """
    value, gate = x.split(x.shape[1] // 2, 1)
    return value * gate.sigmoid()


class SkipLayerExcitation(nn.Module):
    """y = large · σ(W₂ swish(W₁ pool(small))): a skip connection across resolutions that costs little.

    The small map is pooled to a side of 4, W₁ takes it to one place, W₂ works on that place.

    Args:
        dims: spatial axes.
        before: channels of the map that gates.
        after: channels of the map that is gated.
        spectral: spectral normalisation of W₁ and W₂.

    Paper: arXiv:2101.04775, equation 1; swish in place of the leaky rectifier, as in its code.
    """

    def __init__(self, dims: int, before: int, after: int, *, spectral: bool = False) -> None:
        super().__init__()
        self.squeeze = convolution(dims, before, after, _SIDE, spectral=spectral, bias=False)
        self.excite = convolution(dims, after, after, 1, spectral=spectral, bias=False)
        self.pool = _POOLS[dims]
        self.places = (_SIDE,) * dims

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        """Gate ``(n, after, *sides)`` by ``(n, before, *other sides)``."""
        if tuple(small.shape[2:]) != self.places:
            small = self._pooled(small)
        return large * self.excite(F.silu(self.squeeze(small))).sigmoid()

    def _pooled(self, x: Tensor) -> Tensor:
        """Means of cells; cells of equal size are the far faster case."""
        sides = x.shape[2:]
        if any(side % _SIDE for side in sides):
            return self.pool(x, self.places)
        cells = [part for side in sides for part in (_SIDE, side // _SIDE)]
        inner = list(range(3, 2 + len(cells), 2))
        return x.reshape(*x.shape[:2], *cells).sum(inner) / math.prod(side // _SIDE for side in sides)
