"""Augmentation by grey morphology: bright strokes become bolder or finer, and stay where they are."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from genus.core.noise import Noise

_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_REACH = 3


def thicken(x: Tensor, noise: Noise, strength: Tensor, *, bolder: float, finer: float) -> Tensor:
    """Mix an example with the greatest, or the least, of each element's neighbourhood of three.

    These are grey dilation and erosion. The share a of the changed example is uniform in [−1, 1],
    times ``bolder`` where it is positive and ``finer`` where it is negative.

    Args:
        x: ``(n, channels, *size)``.
        noise: random numbers.
        strength: probability of a change, scalar in [0, 1].
        bolder: largest share of the dilated example, in [0, 1].
        finer: largest share of the eroded example, in [0, 1].
    """
    n, ones = len(x), (1,) * (x.dim() - 1)
    apply, share = noise.uniform(n) < strength, 1 - 2 * noise.uniform(n)
    up, down = (
        (most * apply * part).view(n, *ones).to(x)
        for most, part in ((bolder, share.clamp_min(0)), (finer, (-share).clamp_min(0)))
    )
    pool = _POOL[x.dim() - 2]
    dilated, eroded = pool(x, _REACH, 1, 1), -pool(-x, _REACH, 1, 1)
    return x + up * (dilated - x) + down * (eroded - x)
