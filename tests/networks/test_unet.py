"""U-Net and residual perceptron: shapes, conditions, reach."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from genus.core.errors import RecipeError
from genus.networks.residual_mlp import residual_mlp
from genus.networks.unet import unet

SHAPES = [(1, 28, 28), (3, 9, 14), (2, 17), (1, 5, 6, 7)]


@pytest.mark.parametrize("inputs", SHAPES)
@pytest.mark.parametrize("patch", [1, 2])
def test_keeps_sides_in_one_two_and_three_dimensions(inputs: tuple[int, ...], patch: int) -> None:
    outputs = (4, *inputs[1:])
    net = unet(inputs, outputs, 6, width=8, multipliers=(1, 2), attention=(1,), patch=patch)
    assert net(torch.randn(2, *inputs), torch.randn(2, 6)).shape == (2, *outputs)


def test_every_output_sees_every_input_and_the_condition() -> None:
    torch.manual_seed(0)
    net = unet((1, 8, 8), (1, 8, 8), 4, width=8, multipliers=(1, 2, 2), blocks=2).double()
    for parameter in net.parameters():  # the zero layers hide what the others see
        torch.nn.init.normal_(parameter, std=0.2)
    x = torch.randn(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    condition = torch.randn(1, 4, dtype=torch.float64, requires_grad=True)
    gx, gc = torch.autograd.grad(net(x, condition)[0, 0, 0, 0], [x, condition])
    assert (gx != 0).all()
    assert (gc != 0).all()


def test_starts_at_zero_and_without_a_condition_when_none_is_asked_for() -> None:
    net = unet((1, 8, 8), (2, 8, 8), width=8)
    assert not net(torch.randn(2, 1, 8, 8)).any()
    assert not any("modulate" in name for name, _ in net.named_parameters())


def test_says_what_it_cannot_do() -> None:
    with pytest.raises(RecipeError, match="keeps the sides"):
        unet((1, 8, 8), (1, 4, 4))
    with pytest.raises(RecipeError, match="residual-mlp"):
        unet((2,), (2,))
    with pytest.raises(RecipeError, match="heads"):
        unet((1, 8, 8), (1, 8, 8), width=8, attention=(0,), heads=3)


def test_options_change_the_network() -> None:
    count = lambda net: sum(p.numel() for p in net.parameters())  # noqa: E731
    build = partial(unet, (1, 8, 8), (1, 8, 8), 4, width=8)
    plain = count(build())
    assert len({plain, count(build(blocks=2)), count(build(attention=(2,))), count(build(patch=2)),
                count(build(multipliers=(1, 3)))}) == 5  # fmt: skip
    torch.manual_seed(0)
    net = build(dropout=0.5)
    torch.nn.init.normal_(net.last.weight)
    torch.nn.init.normal_(net.up[-1][0].conv2.weight)
    x = torch.randn(1, 1, 8, 8)
    assert not torch.equal(net(x), net(x))


def test_residual_mlp_flattens_and_is_conditioned() -> None:
    torch.manual_seed(0)
    net = residual_mlp((2, 3), (4,), 5, width=16, blocks=2)
    assert not net(torch.randn(2, 2, 3), torch.randn(2, 5)).any()
    torch.nn.init.normal_(net.last.weight)
    x, condition = torch.randn(1, 2, 3), torch.randn(2, 1, 5)
    assert net(x, condition[0]).shape == (1, 4)
    assert not torch.equal(net(x, condition[0]), net(x, condition[1]))
