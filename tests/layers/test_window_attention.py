"""Windows: against attention over the whole map with a mask written place by place."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from genus.core.errors import RecipeError
from genus.layers.haar import haar
from genus.layers.window_attention import DoubleAttention, WindowAttention, offset_numbers


def literally(layer: WindowAttention, x: Tensor, window: int, shift: bool) -> Tensor:
    """Every place in turn attends to the places of its own window, with a bias for each offset."""
    size = layer.size
    sides = [min(window, side) for side in size]
    starts = [w // 2 if shift and w < side else 0 for w, side in zip(sides, size, strict=True)]
    places = list(itertools.product(*(range(side) for side in size)))
    out = torch.zeros(len(x), *size, x.shape[-1], dtype=x.dtype)
    d = x.shape[-1] // layer.heads

    def cell(place: tuple[int, ...]) -> tuple[int, ...]:
        return tuple((p - s) // w for p, s, w in zip(place, starts, sides, strict=True))

    for here in places:
        friends = [there for there in places if cell(there) == cell(here)]
        for head in range(layer.heads):
            part = slice(head * d, head * d + d)
            scores = []
            for there in friends:
                number = 0
                for a, b, w in zip(here, there, sides, strict=True):
                    number = number * (2 * w - 1) + a - b + w - 1
                scores.append(
                    (x[:, *here, 0, part] * x[:, *there, 1, part]).sum(1) / math.sqrt(d)
                    + layer.bias[number, head]
                )
            weights = torch.stack(scores).softmax(0)
            out[:, *here, part] = sum(
                w[:, None] * x[:, *there, 2, part] for w, there in zip(weights, friends, strict=True)
            )
    return out


@pytest.mark.parametrize(
    ("size", "window"), [((8,), 4), ((7,), 3), ((6, 6), 3), ((5, 7), 4), ((4, 4), 8), ((4, 3, 5), 2)]
)
@pytest.mark.parametrize("shift", [False, True])
def test_equals_the_definition(size: tuple[int, ...], window: int, shift: bool) -> None:
    torch.manual_seed(0)
    layer = WindowAttention(size, 2, window, shift=shift).double()
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, *size, 3, 4, dtype=torch.float64)
    assert torch.allclose(layer(x), literally(layer, x, window, shift), atol=1e-12)


def test_halves_of_the_heads_see_different_windows() -> None:
    torch.manual_seed(0)
    layer = DoubleAttention((8,), 4, 2, 4).double()
    torch.nn.init.eye_(layer.merge.weight)
    x = torch.randn(1, 8, 4, dtype=torch.float64, requires_grad=True)

    def seen(place: int, channel: int) -> list[int]:
        (slope,) = torch.autograd.grad(layer(x)[0, place, channel], x)
        return slope[0].abs().sum(1).nonzero().flatten().tolist()

    assert seen(3, 0) == [0, 1, 2, 3]
    assert seen(3, 2) == [2, 3, 4, 5]
    assert seen(0, 2) == [0, 1]
    assert seen(7, 3) == [6, 7]


def test_offsets_of_squares() -> None:
    numbers = offset_numbers((2, 2))
    assert numbers.tolist() == [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]


def test_heads_must_fit() -> None:
    with pytest.raises(RecipeError, match="heads"):
        DoubleAttention((8,), 6, 4, 4)
    with pytest.raises(RecipeError, match="halves"):
        DoubleAttention((8,), 6, 3, 4)


@pytest.mark.parametrize("sides", [(8,), (4, 6), (2, 4, 6)])
def test_haar_keeps_energy_and_separates_means(sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    bands = haar(x)
    assert bands.shape == (2, 3 * 2 ** len(sides), *(side // 2 for side in sides))
    assert torch.allclose(bands.square().sum(), x.square().sum())
    assert not haar(torch.ones_like(x))[:, 3:].any()


def test_haar_by_hand() -> None:
    a, b, c, d = 1.0, 2.0, 4.0, 8.0
    found = haar(torch.tensor([[[[a, b], [c, d]]]])).flatten().tolist()
    assert found == pytest.approx(
        [(a + b + c + d) / 2, (a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2]
    )
    assert haar(torch.ones(1, 1, 3, 5)).shape == (1, 4, 2, 3)
