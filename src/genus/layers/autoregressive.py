"""Autoregressive bijections: element i moves as the elements before it say."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genus.layers.bijection import Bijection
from genus.layers.element_transform import ElementTransform


class AutoregressiveBijection(Bijection):
    """y_i = f(x_i; network(x_1, …, x_{i−1})) (arXiv:1705.07057); the inverse takes a pass per element.

    Args:
        size: of a vector.
        network: from ``(n, size)`` to ``(n, numbers · size)``; outputs for element i see earlier ones alone.
        transform: f, of ``size`` channels.
    """

    def __init__(self, size: int, network: nn.Module, transform: ElementTransform) -> None:
        super().__init__()
        self.size = size
        self.transform = transform
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y ``(n, size)`` and ln |det ∂y/∂x|, ``(n,)``."""
        y, slope = self.transform(x, self.network(x).to(x.dtype))
        return y, slope.sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Return x, element by element."""
        x = torch.zeros_like(y)
        for i in range(self.size):
            x[:, i] = self.transform.inverse(y, self.network(x).to(y.dtype))[:, i]
        return x
