"""Terms on weights by hand, on which weights they act, and clipping."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genus.core.binder import bind, resolve
from genus.core.registry import components
from genus.objectives.regularisers import clip_weights, filter_matrices, orthogonal, orthogonal_full


def linear(rows: list[list[float]]) -> nn.Linear:
    layer = nn.Linear(len(rows[0]), len(rows)).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rows))
    return layer


def test_by_hand() -> None:
    """WWᵀ of rows (1, 2) and (3, 0) is 5, 3; 3, 9: off the diagonal 2 · 9, from I 16 + 64 + 18."""
    layer = linear([[1.0, 2.0], [3.0, 0.0]])
    assert orthogonal(layer, weight=0.5).item() == pytest.approx(9)
    assert orthogonal_full(layer, weight=0.5).item() == pytest.approx(49)
    # The derivative of ‖WWᵀ ⊙ (1 − I)‖² is 4 (WWᵀ ⊙ (1 − I)) W: rows 12 (3, 0) and 12 (1, 2).
    (slope,) = torch.autograd.grad(orthogonal(layer, weight=1.0), layer.weight)
    assert slope.tolist() == [[36.0, 0.0], [12.0, 24.0]]
    # Of ‖WWᵀ − I‖² it is 4 (WWᵀ − I) W: rows 4 (4 (1, 2) + 3 (3, 0)) and 4 (3 (1, 2) + 8 (3, 0)).
    (slope,) = torch.autograd.grad(orthogonal_full(layer, weight=1.0), layer.weight)
    assert slope.tolist() == [[52.0, 32.0], [108.0, 24.0]]


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_orthogonal_weights_cost_nothing(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(shape[1], shape[0]).double()
    nn.init.orthogonal_(layer.weight)
    assert orthogonal_full(layer, weight=1.0).item() == pytest.approx(0, abs=1e-20)
    if shape[0] < shape[1]:
        with torch.no_grad():
            layer.weight.mul_(7)
        assert orthogonal(layer, weight=1.0).item() == pytest.approx(0, abs=1e-20)
        assert orthogonal_full(layer, weight=1.0).item() == pytest.approx(3 * 48**2)


def filters_by_running(layer: nn.Module, inputs: int, size: tuple[int, ...]) -> Tensor:
    """Rows of the linear map a layer is: outputs by inputs."""
    eye = torch.eye(inputs * int(torch.tensor(size).prod())).double().view(-1, inputs, *size)
    return layer(eye).flatten(1).T


@pytest.mark.parametrize("groups", [1, 2])
def test_rows_are_output_channels_of_transposed_convolutions_too(groups: int) -> None:
    """With kernel 1 the layer is a matrix that can be read off by running it."""
    torch.manual_seed(0)
    for layer in (
        nn.Conv2d(4, 6, 1, bias=False, groups=groups), nn.ConvTranspose2d(4, 6, 1, bias=False, groups=groups),
        nn.Conv1d(4, 6, 1, bias=False, groups=groups), nn.ConvTranspose3d(4, 6, 1, bias=False, groups=groups),
    ):  # fmt: skip
        layer = layer.double()
        (matrix,) = filter_matrices(layer)
        run = filters_by_running(layer, 4, (1,) * (layer.weight.dim() - 2))
        blocks = [run[3 * g : 3 * g + 3, 2 * g : 2 * g + 2] for g in range(2)] if groups == 2 else [run]
        assert torch.allclose(matrix, torch.cat(blocks))


def test_which_weights() -> None:
    network = nn.Sequential(
        nn.Embedding(5, 3), nn.Linear(3, 4), nn.BatchNorm1d(4), spectral_norm(nn.Linear(4, 2)), nn.PReLU(2)
    )
    assert [tuple(m.shape) for m in filter_matrices(network)] == [(4, 3), (2, 4)]
    original = network[3].parametrizations.weight.original  # type: ignore[union-attr]
    vectors = {k: v.clone() for k, v in network[3].named_buffers()}
    (slope,) = torch.autograd.grad(orthogonal(network), original)  # type: ignore[arg-type]
    assert slope.abs().sum() > 0
    assert all(torch.equal(v, vectors[k]) for k, v in network[3].named_buffers())  # no power iteration


@pytest.mark.parametrize("name", sorted(components("regulariser")))
def test_every_regulariser_is_a_differentiable_scalar(name: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.ConvTranspose2d(3, 2, 2))
    term = bind("regulariser", resolve("regulariser", name, "regulariser"))
    value = term(network)
    assert value.shape == ()
    slopes = torch.autograd.grad(value, [network[0].weight, network[2].weight])  # type: ignore[arg-type]
    assert all(s.abs().sum() > 0 for s in slopes)
    assert float(term(nn.ReLU())) == 0


def test_clipping() -> None:
    layer = linear([[1.0, -2.0], [0.125, 0.0]])
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([-5.0, 0.0625]))
    clip_weights(layer, 0.25)
    assert layer.weight.tolist() == [[0.25, -0.25], [0.125, 0.0]]
    assert layer.bias.tolist() == [-0.25, 0.0625]


def test_products_keep_their_digits_under_autocast() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = orthogonal_full(layer).item()
    assert inside == orthogonal_full(layer).item()
