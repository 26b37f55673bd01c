"""Attention between the places of a feature map."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError

FEW = 256
"""Sequences up to this length are attended to by plain matrix products: the fused kernel, made for
long ones, is ten times slower there in its backward pass on CPUs."""


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(QKᵀ/√d)V.

    Args:
        query, key, value: ``(…, places, d)``.
    """
    if query.is_cuda or query.shape[-2] > FEW:
        return F.scaled_dot_product_attention(query, key, value)
    weights = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
    return weights.softmax(-1) @ value


class SelfAttention(nn.Module):
    """Residual self-attention over all places: x + W softmax(QKᵀ/√d)V (arXiv:1706.03762).

    The last projection starts at zero, so a new layer is the identity. Cost grows with the square
    of the number of places.

    Args:
        channels: of the feature map.
        heads: divides ``channels``.

    Raises:
        RecipeError: when it does not.
    """

    def __init__(self, channels: int, heads: int = 1) -> None:
        super().__init__()
        if channels % heads:
            raise RecipeError(f"{channels} channels do not divide into {heads} attention heads")
        self.heads = heads
        self.norm = nn.GroupNorm(1, channels)
        self.project = nn.Linear(channels, 3 * channels)
        self.merge = nn.Linear(channels, channels)
        nn.init.zeros_(self.merge.weight)
        nn.init.zeros_(self.merge.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, *sides)`` to the same shape."""
        places = self.norm(x).flatten(2).transpose(1, 2)
        n, count, channels = places.shape
        heads = self.project(places).view(n, count, 3, self.heads, channels // self.heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mixed = attend(query, key, value)
        mixed = self.merge(mixed.transpose(1, 2).reshape(n, count, channels))
        return x + mixed.transpose(1, 2).view_as(x)
