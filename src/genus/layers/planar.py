"""Planar layers: vectors move along one direction, by how far they are from a plane."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.bijection import Bijection

BISECTIONS = 64
"""Halvings of the interval in which the inverse lies; float64 has no more digits."""


class Planar(Bijection):
    """y = x + û tanh(w·x + b) (arXiv:1505.05770, section 4.1 and appendix A.1).

    û = u + (m(w·u) − w·u) w/‖w‖² with m(a) = ln(1 + eᵃ) − 1, so that w·û > −1 and the layer is invertible.

    Args:
        size: of a vector.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.direction = nn.Parameter(0.01 * torch.randn(size))
        self.normal = nn.Parameter(torch.randn(size))
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |1 + û·ψ| with ψ = (1 − tanh²) w, ``(n,)``."""
        direction, margin = self.invertible_direction()
        bent = (x @ self.normal + self.offset).tanh()
        slope = 1 - bent.square()
        return x + bent[:, None] * direction, (1 - slope + margin * slope).log()

    @torch.no_grad()
    def inverse(self, y: Tensor) -> Tensor:
        """Return x, from w·x, which solves an increasing equation, by bisection."""
        direction, margin = (part.double() for part in self.invertible_direction())
        along, offset = y.double() @ self.normal.double(), self.offset.double()
        low, high = along - (margin - 1).abs(), along + (margin - 1).abs()
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            below = middle + (margin - 1) * (middle + offset).tanh() < along
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        bent = ((low + high) / 2 + offset).tanh()
        return (y.double() - bent[:, None] * direction).to(y.dtype)

    def invertible_direction(self) -> tuple[Tensor, Tensor]:
        """û, and 1 + w·û > 0."""
        product = self.direction @ self.normal
        margin = F.softplus(product)
        length = self.normal.square().sum().clamp_min(1e-12)
        return self.direction + (margin - 1 - product) / length * self.normal, margin
