"""The small networks of single-image GANs."""

from __future__ import annotations

import pytest
import torch

from genus.layers.patch_net import PatchNet


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_an_output_place_sees_its_patch_and_nothing_else(depth: int) -> None:
    torch.manual_seed(0)
    net = PatchNet(2, 3, 1, width=4, depth=depth, norm="none").double()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.rand(1, 3, 25, 25, dtype=torch.float64, requires_grad=True)
    out = net(x)
    assert out.shape[2:] == (25 - 2 * depth, 25 - 2 * depth)
    (gradient,) = torch.autograd.grad(out[0, 0, 3, 4], x)
    rows, columns = gradient[0].abs().sum(0).nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (3, 3 + 2 * depth)
    assert (columns.min(), columns.max()) == (4, 4 + 2 * depth)


def test_parameters_of_the_paper() -> None:
    """Five convolutions of 32 channels with batch norm, by hand: the critic has one output channel."""
    hand = (27 * 32 + 32) + 3 * (9 * 32 * 32 + 32) + (9 * 32 + 1) + 4 * 2 * 32
    assert sum(p.numel() for p in PatchNet(2, 3, 1, width=32, depth=5).parameters()) == hand


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_padded_it_keeps_the_sides(dims: int) -> None:
    net = PatchNet(dims, 2, 2, width=4, depth=3, padded=True)
    sides = (9, 8, 7)[:dims]
    assert net(torch.rand(2, 2, *sides)).shape == (2, 2, *sides)
