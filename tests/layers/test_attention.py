"""Attention against the fused kernel, and its start as the identity."""

from __future__ import annotations

import pytest
import torch

from genus.core.errors import RecipeError
from genus.layers.attention import SelfAttention, attend


def test_plain_products_equal_the_fused_kernel() -> None:
    query, key, value = torch.randn(3, 2, 4, 9, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert torch.allclose(attend(query, key, value), expected, atol=1e-6)


@pytest.mark.parametrize("sides", [(7,), (3, 4), (2, 3, 2)])
def test_starts_as_the_identity_and_commutes_with_permutations_of_places(sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = SelfAttention(4, heads=2).double()
    x = torch.randn(2, 4, *sides, dtype=torch.float64)
    assert torch.equal(layer(x), x)
    torch.nn.init.normal_(layer.merge.weight)
    order = torch.randperm(x[0, 0].numel())
    shuffled = x.flatten(2)[:, :, order].view_as(x)
    assert torch.allclose(layer(x).flatten(2)[:, :, order].view_as(x), layer(shuffled), atol=1e-9)


def test_heads_must_divide() -> None:
    with pytest.raises(RecipeError, match="3 attention heads"):
        SelfAttention(4, heads=3)
