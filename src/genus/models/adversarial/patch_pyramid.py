"""The generators of SinGAN, from the smallest size to the largest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from genus.core.noise import Noise
from genus.layers.cubic import resample

Sizes = Sequence[tuple[int, ...]]


class PatchPyramid(nn.Module):
    """x_k = up(x_{k−1}) + squash(G_k(σ_k z_k + up(x_{k−1}))), with nothing before the smallest size.

    Args:
        channels: of the images.
        sizes: the smallest first.
        network: builds the generator of a size from its number.
        squash: bounds what a generator adds.
    """

    fixed: Tensor
    amounts: Tensor
    begun: Tensor

    def __init__(
        self,
        channels: int,
        sizes: Sizes,
        *,
        network: Callable[[int], nn.Module],
        squash: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.channels = channels
        self.sizes = sizes
        self.squash = squash
        self.generators = nn.ModuleList(network(k) for k in range(len(sizes)))
        self.register_buffer("fixed", torch.zeros(1, channels, *sizes[0]))
        self.register_buffer("amounts", torch.ones(len(sizes)))
        self.register_buffer("begun", torch.tensor(0))

    def train(self, mode: bool = True) -> PatchPyramid:
        """As for every module, but sizes that are done keep their statistics."""
        super().train(mode)
        for generator in self.generators[: max(0, int(self.begun) - 1)]:
            generator.eval()
        return self

    def refine(self, k: int, before: Tensor | None, z: Tensor) -> Tensor:
        """Output of size ``k`` for the image of the size before and noise ``(n, channels, *sides)``.

        Args:
            k: number of the size, which is 0 for the smallest.
            before: ``(n, channels, *smaller sides)``; None for nothing.
            z: the noise; its sides are those of the result.
        """
        base = z.new_zeros(z.shape) if before is None else resample(before, tuple(z.shape[2:]))
        return base + self.squash(self.generators[k](base + self.amounts[k] * z.to(base.dtype)))

    def draw(
        self, n: int, levels: range, noise: Noise, *, sizes: Sizes | None = None, before: Tensor | None = None
    ) -> Tensor | None:
        """Images after some levels, ``(n, channels, *sizes[last])``; ``before`` where there are none.

        Args:
            n: how many.
            levels: numbers of sizes, in order.
            noise: where all randomness comes from.
            sizes: other sizes than those trained on.
            before: images of the size before the first level.
        """
        for k in levels:
            before = self.refine(k, before, self.noise(k, n, (sizes or self.sizes)[k], noise))
        return before

    def noise(self, k: int, n: int, size: tuple[int, ...], noise: Noise) -> Tensor:
        """Standard normal z_k, ``(n, channels, *size)``; at the smallest size all channels have the same."""
        if k == 0:
            return noise.normal(n, 1, *size).expand(n, self.channels, *size)
        return noise.normal(n, self.channels, *size)

    def rebuilt(self, last: int) -> Tensor | None:
        """The image as z* and no other noise give it at size ``last``; None before the smallest."""
        x: Tensor | None = None
        for k in range(last + 1):
            x = self.refine(k, x, self.still(k))
        return x

    def still(self, k: int) -> Tensor:
        """The noise of the reconstruction at size ``k``: z* at the smallest, then none."""
        return self.fixed if k == 0 else self.fixed.new_zeros(1, self.channels, *self.sizes[k])


def pyramid_of(size: tuple[int, ...], smallest: int, factor: float) -> list[tuple[int, ...]]:
    """Sizes from about ``smallest`` at the shortest side to ``size``, each about ``factor`` of the next.

    The factor is moved a little, so that whole steps lead to ``smallest``; sides are rounded up.

    >>> pyramid_of((64, 96), 25, 0.75)
    [(25, 38), (32, 48), (40, 60), (51, 76), (64, 96)]
    """
    share = smallest / min(size)
    steps = max(0, math.ceil(math.log(share) / math.log(factor) - 1e-9))
    exact = share ** (1 / steps) if steps else 1.0
    return [*(scaled(size, [exact ** (steps - k)] * len(size)) for k in range(steps)), size]


def scaled(size: tuple[int, ...], ratios: Sequence[float]) -> tuple[int, ...]:
    """Sides times their ratios, rounded up.

    >>> scaled((10, 20), (0.5, 0.33))
    (5, 7)
    """
    return tuple(max(1, math.ceil(side * ratio - 1e-9)) for side, ratio in zip(size, ratios, strict=True))
