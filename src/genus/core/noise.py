"""Random numbers that depend on what is drawn, not on how the work is split.

A batch may be cut into micro-batches, spread over ranks, or sampled three at a time: the noise
of example *i* must stay the same. So numbers are drawn in blocks of examples, and the generator
is seeded anew for each block from (seed, number of the draw, number of the block).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor


def derive_seed(*keys: int | str) -> int:
    """Mix keys into a 63-bit seed; any change of any key gives an unrelated seed."""
    digest = hashlib.blake2b("/".join(map(str, keys)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Noise:
    """Random tensors for examples ``start … start + n`` of a virtual, endless batch.

    Args:
        seed: all draws derive from it.
        start: number of the first example asked for.
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
        return self._draw(
            n,
            lambda rows, g: torch.randn((rows, *shape), generator=g, device=self.device),
        )

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), ``(n, *shape)``."""
        return self._draw(
            n,
            lambda rows, g: torch.rand((rows, *shape), generator=g, device=self.device),
        )

    def integers(self, high: int, n: int, *shape: int) -> Tensor:
        """Uniform integers in [0, high), int64, ``(n, *shape)``."""
        return self._draw(
            n,
            lambda rows, g: torch.randint(high, (rows, *shape), generator=g, device=self.device),
        )

    def bernoulli(self, probability: Tensor) -> Tensor:
        """Zeros and ones with the given probabilities; the first axis counts examples."""
        uniform = self.uniform(probability.shape[0], *probability.shape[1:])
        return (uniform < probability).to(probability.dtype)

    def categorical(self, logits: Tensor) -> Tensor:
        """Class numbers, int64 ``(n,)``, drawn with the given logits ``(n, classes)``."""
        uniform = self.uniform(logits.shape[0], 1)
        cumulative = logits.softmax(-1).cumsum(-1)
        return (uniform > cumulative).sum(-1).clamp_max(logits.shape[-1] - 1)

    def _draw(self, n: int, make: Callable[[int, torch.Generator], Tensor]) -> Tensor:
        self._draws += 1
        parts: list[Tensor] = []
        first, stop = self.start, self.start + n
        for number in range(first // self.block, -(-stop // self.block)):
            self._generator.manual_seed(derive_seed(self.seed, self._draws, number))
            rows = make(self.block, self._generator)
            low = max(first - number * self.block, 0)
            high = min(stop - number * self.block, self.block)
            parts.append(rows[low:high])
        return parts[0] if len(parts) == 1 else torch.cat(parts)
