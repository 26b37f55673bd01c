"""Invertible layers with a known Jacobian, and how they are put together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from torch import Tensor, nn

from genus.layers.folding import Squeezing, squeeze, unsqueeze


class Bijection(nn.Module, ABC):
    """An invertible map of examples ``(n, *shape)``; each example is mapped by itself."""

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y ``(n, *shape)`` and ln |det ∂y/∂x|, ``(n,)``."""

    @abstractmethod
    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""


class Chain(Bijection):
    """Bijections one after the other; none is the identity.

    Args:
        parts: in the order of ``forward``.
    """

    def __init__(self, parts: Iterable[Bijection]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x|, ``(n,)``."""
        total = x.new_zeros(len(x))
        for part in self.parts:
            x, change = part(x)
            total = total + change
        return x, total

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        for part in reversed(self.parts):
            y = part.inverse(y)  # type: ignore[operator]
        return y


class Flattened(Bijection):
    """A bijection of vectors on examples of any shape, whose y is a vector.

    Args:
        shape: of x.
        inner: maps ``(n, size)``.
    """

    def __init__(self, shape: tuple[int, ...], inner: Bijection) -> None:
        super().__init__()
        self.shape = shape
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y ``(n, size)`` and ln |det ∂y/∂x|, ``(n,)``."""
        return self.inner(x.flatten(1))

    def inverse(self, y: Tensor) -> Tensor:
        """Return x ``(n, *shape)``."""
        return self.inner.inverse(y).view(-1, *self.shape)


class Squeezed(Bijection):
    """A bijection of images whose 2-wide blocks are folded into channels, and unfolded again.

    Args:
        inner: maps ``(n, 2**dims · channels, *sides / 2)``.
        how: they are folded.
    """

    def __init__(self, inner: Bijection, how: Squeezing) -> None:
        super().__init__()
        self.how: Squeezing = how
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x|, ``(n,)``."""
        y, change = self.inner(squeeze(x, self.how))
        return unsqueeze(y, self.how), change

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        return unsqueeze(self.inner.inverse(squeeze(y, self.how)), self.how)
