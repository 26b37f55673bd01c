"""Layers that compare the examples of a batch, by hand and against the definitions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from genus.core.errors import RecipeError
from genus.core.network import CouplesBatch
from genus.layers.batch_coupling import MinibatchDeviation, MinibatchDiscrimination

SHAPES = [(4,), (2, 5), (3, 4, 3), (2, 3, 2, 3)]


def random(n: int, *shape: int) -> Tensor:
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_discrimination_by_hand() -> None:
    """T sends x to (x, 2x) for one feature: examples 0, 1 and 3 are 3|Δx| apart."""
    layer = MinibatchDiscrimination((1,), features=1, width=2).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[1.0, 2.0]]]))
    found = layer(torch.tensor([[0.0], [1.0], [3.0]]).double())
    e = [math.exp(-3 * gap) for gap in range(4)]
    expected = [[0, 1 + e[1] + e[3]], [1, e[1] + 1 + e[2]], [3, e[3] + e[2] + 1]]
    assert torch.allclose(found, torch.tensor(expected).double(), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_discrimination_is_its_definition(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(shape, features=3, width=2).double()
    x = random(5, *shape)
    found = layer(x)
    assert found.shape == (5, shape[0] + 3, *shape[1:])
    assert torch.equal(found[:, : shape[0]], x)
    m = torch.stack([(x.flatten(1) @ layer.weight[:, b]) for b in range(3)], 1)
    for i in range(5):
        for b in range(3):
            expected = sum(torch.exp(-(m[i, b] - m[j, b]).abs().sum()) for j in range(5))
            assert torch.allclose(found[i, shape[0] + b], expected * torch.ones(shape[1:]).double())


@pytest.mark.parametrize("shape", SHAPES)
def test_deviation_of_the_published_groups(shape: tuple[int, ...]) -> None:
    """Examples i, i + M, i + 2M, … of a batch of n = group · M form a group."""
    x = random(6, *shape)
    found = MinibatchDeviation(3)(x)
    assert found.shape == (6, shape[0] + 1, *shape[1:])
    assert torch.equal(found[:, :-1], x)
    groups = x.view(3, 2, -1)
    expected = (groups.var(0, correction=0) + 1e-8).sqrt().mean(1)
    for i in range(6):
        assert torch.allclose(found[i, -1], expected[i % 2] * torch.ones(shape[1:]).double(), atol=1e-12)


def test_deviation_of_uneven_and_small_batches() -> None:
    x = random(5, 2)
    even, odd = x[[0, 2, 4]], x[[1, 3]]
    found = MinibatchDeviation(2)(x)[:, -1]
    for rows, group in (([0, 2, 4], even), ([1, 3], odd)):
        expected = (group.var(0, correction=0) + 1e-8).sqrt().mean()
        assert torch.allclose(found[rows], expected.expand(len(rows)), atol=1e-12)
    assert torch.allclose(
        MinibatchDeviation(8)(x)[:, -1], (x.var(0, correction=0) + 1e-8).sqrt().mean().expand(5)
    )
    assert MinibatchDeviation()(x[:1])[0, -1].item() == pytest.approx(1e-4)


def test_groups_of_one_are_refused() -> None:
    with pytest.raises(RecipeError, match="at least 2"):
        MinibatchDeviation(1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["discrimination", "deviation"])
def test_they_say_that_they_couple_and_can_be_differentiated_twice(kind: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer: nn.Module = (
        MinibatchDiscrimination(shape, features=2, width=2)
        if kind == "discrimination"
        else MinibatchDeviation(2)
    ).double()
    assert isinstance(layer, CouplesBatch)
    x = random(4, *shape).requires_grad_(True)
    other = x.detach().clone()
    other[2:] += 1
    assert not torch.allclose(layer(x)[:2], layer(other)[:2])
    if len(shape) < 3:
        assert torch.autograd.gradgradcheck(lambda x: layer(x).square().mean(), x)
    for parameter in layer.parameters():
        (slope,) = torch.autograd.grad(layer(x).sum(), parameter)
        assert slope.abs().sum() > 0


@pytest.mark.parametrize("layer", [MinibatchDeviation(4), MinibatchDiscrimination((3,), 2, 2)])
def test_small_differences_are_seen_under_autocast(layer: nn.Module) -> None:
    """Examples 1e-3 apart around 1 are all the same in bfloat16."""
    x = 1 + 1e-3 * random(8, 3).float()
    with torch.no_grad():
        plain = layer(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(layer(x), plain)
