"""Random numbers that depend on what is drawn, not on how the work is split.

A batch may be cut into micro-batches, spread over ranks, or sampled three at a time: the noise
of example *i* must stay the same. So numbers are drawn in blocks of examples, and the generator
is seeded anew for each block from (seed, number of the draw, number of the block).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

MANY = 16384
"""Uniform numbers of a block from which on numpy's generator pays on CPU; below, seeding it costs more."""


def derive_seed(*keys: int | str) -> int:
    """Mix keys into a 63-bit seed; any change of any key gives an unrelated seed."""
    digest = hashlib.blake2b("/".join(map(str, keys)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Noise:
    """Random tensors for examples ``start … start + n`` of a virtual, endless batch.

    Args:
        seed: all draws derive from it.
        start: number of the first requested example.
        block: examples seeded together. 1 makes every example depend on the seed and its own
            number alone; larger blocks are faster.
        device: where tensors are made. Numbers differ between devices.

    >>> whole = Noise(0, block=1).normal(3, 2)
    >>> part = Noise(0, start=2, block=1).normal(1, 2)
    >>> bool((whole[2:] == part).all())
    True
    """

    def __init__(
        self,
        seed: int,
        *,
        start: int = 0,
        block: int = 64,
        device: torch.device | str = "cpu",
    ) -> None:
        self.seed = seed
        self.start = start
        self.block = block
        self.device = torch.device(device)
        self._generator = torch.Generator(device=self.device)
        self._draws = 0

    def normal(self, n: int, *shape: int) -> Tensor:
        """Standard normal numbers, ``(n, *shape)``."""
        return self._draw(n, shape, lambda rows, generator: rows.normal_(generator=generator))

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), ``(n, *shape)``."""
        return self._draw(n, shape, _fill_uniform)

    def integers(self, high: int, n: int, *shape: int) -> Tensor:
        """Uniform integers in [0, high), int64, ``(n, *shape)``."""
        return self._draw(
            n, shape, lambda rows, generator: rows.random_(0, high, generator=generator), torch.int64
        )

    def bernoulli(self, probability: Tensor) -> Tensor:
        """Zeros and ones with the given probabilities; the first axis counts examples."""
        return coins(self.uniform(*probability.shape), probability)

    def categorical(self, logits: Tensor) -> Tensor:
        """Class numbers, int64 ``(n,)``, drawn with the given logits ``(n, classes)``."""
        uniform = self.uniform(logits.shape[0], 1)
        cumulative = logits.softmax(-1).cumsum(-1)
        return (uniform > cumulative).sum(-1).clamp_max(logits.shape[-1] - 1)

    def _draw(
        self,
        n: int,
        shape: tuple[int, ...],
        fill: Callable[[Tensor, torch.Generator], object],
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        self._draws += 1
        drawn = torch.empty((n, *shape), dtype=dtype, device=self.device)
        stop = self.start + n
        for number in range(self.start // self.block, -(-stop // self.block)):
            self._generator.manual_seed(derive_seed(self.seed, self._draws, number))
            first = number * self.block
            low, high = max(self.start, first), min(stop, first + self.block)
            rows = drawn[low - self.start : high - self.start]
            if len(rows) == self.block:
                fill(rows, self._generator)
            else:  # a generator's first numbers may depend on how many are requested
                whole = torch.empty((self.block, *shape), dtype=dtype, device=self.device)
                fill(whole, self._generator)
                rows.copy_(whole[low - first : high - first])
        return drawn


def unbatched(noise: Noise) -> Noise:
    """The noise of the same seed from its beginning, whatever examples ``noise`` is for."""
    return Noise(noise.seed, block=noise.block, device=noise.device)


def truncated_normal(uniform: Tensor, bound: float) -> Tensor:
    """Standard normal numbers given that they lie in [−bound, bound], from uniform ones.

    z = Φ⁻¹(Φ(−b) + u(Φ(b) − Φ(−b))) (arXiv:1809.11096, section 3.1).

    >>> import torch
    >>> truncated_normal(torch.tensor([0.0, 0.5, 1.0]), 2.0)
    tensor([-2.,  0.,  2.])
    """
    low = 0.5 * math.erfc(bound / math.sqrt(2))
    share = (low + uniform.double() * (1 - 2 * low)).clamp(1e-12, 1 - 1e-12)
    return (math.sqrt(2) * (2 * share - 1).erfinv()).clamp(-bound, bound).to(uniform.dtype)


def coins(uniform: Tensor, probability: Tensor) -> Tensor:
    """Zeros and ones, 1 where ``uniform < probability``; they may replace the uniform numbers in memory."""
    return uniform.lt_(probability.detach()).to(probability.dtype)


def _fill_uniform(rows: Tensor, generator: torch.Generator) -> None:
    """Fill a contiguous tensor with uniform numbers in [0, 1).

    torch's generator of the CPU makes one number at a time. SFC64 makes 64 bits at a time, and
    they become numbers (k + 2²³) / 2²⁴ in vector instructions: together three times as fast.
    """
    if rows.device.type != "cpu" or rows.dtype != torch.float32 or rows.numel() < MANY:
        rows.uniform_(generator=generator)
        return
    words = np.random.SFC64(generator.initial_seed()).random_raw(-(-rows.numel() // 2))
    whole = torch.frombuffer(words, dtype=torch.int32)[: rows.numel()].view(rows.shape)
    rows.copy_(whole.bitwise_right_shift_(8)).mul_(2**-24).add_(0.5)
