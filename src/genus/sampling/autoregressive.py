"""From a causal network to images, one element after the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genus.core.batch import Condition
from genus.layers.masked import Cache, CausalNetwork


@torch.no_grad()
def raster(
    network: CausalNetwork,
    uniform: Tensor,
    choose: Callable[[Tensor, Tensor], Tensor],
    condition: Condition | None = None,
) -> Tensor:
    """Fill images in raster order, each element given all before it.

    Every layer keeps its last rows, so an element costs one column of the network instead of
    the whole image, and nothing is computed twice.

    Args:
        network: predicts each element from those before it.
        uniform: the randomness of each element, ``(n, channels, height, width)`` in [0, 1).
        choose: from predictions ``(n, outputs)`` and uniform numbers ``(n,)`` to values ``(n,)``
            in the units the network reads.
        condition: features ``(n, condition)``.

    Returns:
        values like ``uniform``.
    """
    canvas = torch.zeros_like(uniform)
    _, channels, height, width = uniform.shape
    cache = Cache(channels, height, width)
    for position in range(uniform[0].numel()):
        cache.position = position
        row, column, channel = cache.place(position)
        predicted = network(canvas, condition, cache)[:, :, 0, 0]
        canvas[:, channel, row, column] = choose(predicted, uniform[:, channel, row, column])
    return canvas
