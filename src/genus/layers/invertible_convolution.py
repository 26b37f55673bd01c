"""Learned mixing of channels: a 1×1 convolution kept in factors that show its determinant."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genus.layers.bijection import Bijection


class InvertibleConvolution(Bijection):
    """y = W x at each place, W = P L (U + diag(s)) (arXiv:1807.03039, section 3.2).

    P is a fixed permutation, L has ones on its diagonal, U zeros; the signs of s stay as they are.
    W begins as a random rotation. For vectors it mixes coordinates.

    Args:
        channels: of x, or coordinates of vectors.
    """

    order: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation = nn.init.orthogonal_(torch.empty(channels, channels))
        permutation, lower, upper = torch.linalg.lu(rotation.double())
        diagonal = upper.diagonal()
        like = rotation.dtype
        self.lower = nn.Parameter(lower.tril(-1).to(like))
        self.upper = nn.Parameter(upper.triu(1).to(like))
        self.log_diagonal = nn.Parameter(diagonal.abs().log().to(like))
        self.register_buffer("sign", diagonal.sign().to(like))
        self.register_buffer("order", permutation.argmax(1))  # row i of P has its one there

    def weight(self) -> Tensor:
        """W, ``(channels, channels)``."""
        return (self._lower() @ self._upper())[self.order]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x| = places · Σ ln |s|, ``(n,)``."""
        with torch.autocast(x.device.type, enabled=False):  # densities need more digits than networks
            y = _mix(self.weight(), x)
        return y, (x[0, 0].numel() * self.log_diagonal.sum()).expand(len(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        with torch.autocast(y.device.type, enabled=False):
            unit = torch.eye(len(self.order), dtype=torch.float64, device=y.device)
            solved = torch.linalg.solve_triangular(
                self._lower().double(), unit[:, self.order], upper=False, unitriangular=True
            )
            back = torch.linalg.solve_triangular(self._upper().double(), solved, upper=True)
            return _mix(back.to(y.dtype), y)

    def _lower(self) -> Tensor:
        return self.lower.tril(-1) + torch.eye(
            len(self.order), dtype=self.lower.dtype, device=self.lower.device
        )

    def _upper(self) -> Tensor:
        return self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())


def _mix(weight: Tensor, x: Tensor) -> Tensor:
    if x.dim() == 2:
        return x @ weight.T
    return (weight @ x.flatten(2)).view_as(x)
