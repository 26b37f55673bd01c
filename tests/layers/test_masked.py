"""Masks: what each layer may see, and running layers element by element."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from genus.core.errors import RecipeError
from genus.layers.masked import Cache, MaskedConvolution


def positive(inputs: int, outputs: int, size: int, kind: Literal["A", "B"], groups: int) -> MaskedConvolution:
    layer = MaskedConvolution(inputs, outputs, size, kind=kind, groups=groups).double()
    torch.nn.init.ones_(layer.weight)
    return layer


def test_mask_a_hides_the_element_itself_and_mask_b_shows_it() -> None:
    x = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    x[0, 0, 2, 2] = 1
    for kind, itself in (("A", 0.0), ("B", 1.0)):
        seen = positive(1, 1, 3, kind, 1)(x)[0, 0]  # type: ignore[arg-type]
        expected = torch.zeros(5, 5, dtype=torch.float64)
        expected[3, 1:4] = 1
        expected[2, 3] = 1
        expected[2, 2] = itself
        assert torch.equal(seen, expected)


def test_channels_see_earlier_channels_at_the_same_place() -> None:
    before, until = [[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert positive(3, 3, 1, "A", 3).masked_weight[:, :, 0, 0].tolist() == before
    assert positive(3, 3, 1, "B", 3).masked_weight[:, :, 0, 0].tolist() == until


def test_grouped_features_follow_their_channel() -> None:
    layer = positive(4, 6, 1, "B", 2)
    seen = layer.masked_weight[:, :, 0, 0]
    assert seen[:3].tolist() == [[1, 1, 0, 0]] * 3
    assert seen[3:].tolist() == [[1, 1, 1, 1]] * 3


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("size", "dilation"), [(1, 1), (3, 1), (5, 1), (3, 2), (5, 2), (3, 3)])
def test_element_by_element_equals_the_whole_image(groups: int, size: int, dilation: int) -> None:
    torch.manual_seed(0)
    layer = MaskedConvolution(2 * groups, 3 * groups, size, groups=groups, dilation=dilation).double()
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 2 * groups, 4, 5, dtype=torch.float64)
    whole = layer(x)
    cache = Cache(groups, 4, 5)
    for position in range(4 * 5 * groups):
        cache.position = position
        row, column, group = cache.place(position)
        part = layer(x[:, 2 * group : 2 * group + 2, row, column, None, None], cache)
        expected = whole[:, 3 * group : 3 * group + 3, row, column]
        assert torch.allclose(part[:, :, 0, 0], expected, atol=1e-12)


def test_dilated_kernels_skip_places() -> None:
    layer = MaskedConvolution(1, 1, 3, dilation=2).double()
    torch.nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    x[0, 0, 1, 2] = 1
    seen = layer(x)[0, 0].nonzero().tolist()
    assert seen == [[1, 2], [1, 4], [3, 0], [3, 2], [3, 4]]


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match="odd size"):
        MaskedConvolution(1, 1, 4)
    with pytest.raises(RecipeError, match="3 equal groups"):
        MaskedConvolution(3, 4, 3, groups=3)
