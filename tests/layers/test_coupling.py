"""Couplings against autograd Jacobians."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genus.layers.coupling import Alternate, Checkerboard, Coupling, CouplingPartition, Halves
from genus.layers.element_transform import ScaleAndShift
from genus.networks.coupling_resnet import coupling_resnet
from genus.networks.mlp import mlp


def coupling(partition: CouplingPartition, net: nn.Module, channels: int, dims: int) -> Coupling:
    transform = ScaleAndShift(channels, dims)
    nn.init.uniform_(transform.gain, 0.5, 1)
    return Coupling(partition, net, transform).double()


def layers() -> list[tuple[str, Coupling, tuple[int, ...]]]:
    torch.manual_seed(0)
    found: list[tuple[str, Coupling, tuple[int, ...]]] = []
    for swap in (False, True):
        halves = Halves(5, swap=swap)
        stay, move = halves.channels(5)
        found.append((f"vector{swap}", coupling(halves, mlp((stay,), (2 * move,)), move, 0), (5,)))
        turns = Alternate(5, swap=swap)
        found.append((f"turns{swap}", coupling(turns, mlp((stay,), (2 * move,)), move, 0), (5,)))
        net = coupling_resnet((2, 3, 4), (4, 3, 4), width=4)
        found.append((f"channels{swap}", coupling(Halves(4, swap=swap), net, 2, 2), (4, 3, 4)))
        for shape in [(1, 7), (2, 3, 5), (1, 2, 3, 2)]:
            net = coupling_resnet(shape, (2 * shape[0], *shape[1:]), width=4)
            board = Checkerboard(shape[1:], swap=swap)
            found.append((f"board{len(shape)}{swap}", coupling(board, net, shape[0], len(shape) - 1), shape))
    return found


@pytest.mark.parametrize(("name", "layer", "shape"), layers())
def test_log_determinant_and_round_trip(name: str, layer: Coupling, shape: tuple[int, ...]) -> None:
    x = torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y, change = layer(x)
    for i in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda v: layer(v[None])[0].flatten(), x[i])
        sign, expected = torch.linalg.slogdet(jacobian.reshape(x[i].numel(), -1))
        assert float(sign) == 1
        assert float(change[i].detach()) == pytest.approx(float(expected), abs=1e-9)
        assert abs(float(expected)) > 1e-6  # it does something
    assert (layer.inverse(y) - x).abs().max() < 1e-8
    single = layer.float()
    assert (single.inverse(single(x.float())[0]) - x.float()).abs().max() < 1e-5


def test_new_coupling_is_the_identity() -> None:
    layer = Coupling(Halves(4, swap=False), mlp((2,), (4,)), ScaleAndShift(2, 0))
    x = torch.randn(3, 4)
    y, change = layer(x)
    assert torch.equal(x, y)
    assert not change.any()


def test_checkerboard_moves_every_other_place() -> None:
    stays, moves = Checkerboard((2, 3), swap=False).split(torch.ones(1, 1, 2, 3))
    assert moves[0, 0].tolist() == [[0, 1, 0], [1, 0, 1]]
    assert torch.equal(stays + moves, torch.ones(1, 1, 2, 3))
