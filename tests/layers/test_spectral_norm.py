"""Spectral normalisation divides by the largest singular value."""

from __future__ import annotations

import pytest
import torch

from genus.layers.convolution import convolution


def test_diagonal_matrix() -> None:
    torch.manual_seed(0)
    layer = convolution(1, 2, 2, 1, spectral=True, bias=False)
    layer.parametrizations.weight.original.data = torch.diag(torch.tensor([3.0, 1.0]))[:, :, None]
    for _ in range(100):
        layer(torch.zeros(1, 2, 4))
    assert (layer.weight[:, :, 0] - torch.diag(torch.tensor([1.0, 1 / 3]))).abs().max() <= 1e-5


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_after_100_iterations_sigma_is_the_singular_value(dims: int, transposed: bool) -> None:
    torch.manual_seed(dims)
    layer = convolution(dims, 5, 7, 3, transposed=transposed, spectral=True)
    x = torch.randn(2, 5, *(4,) * dims)
    for _ in range(100):
        layer(x)
    layer.eval()
    original = layer.parametrizations.weight.original.detach()
    matrix = (original.transpose(0, 1) if transposed else original).flatten(1)  # outputs in rows
    exact = torch.linalg.svdvals(matrix)[0]
    estimate = (original.norm() / layer.weight.norm()).detach()
    assert abs(estimate / exact - 1) < 1e-3
    assert torch.equal(layer(x), layer(x)), "evaluation must not iterate"
