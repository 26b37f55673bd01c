"""The 1×1 convolution against dense determinants."""

from __future__ import annotations

import math

import pytest
import torch

from genus.layers.invertible_convolution import InvertibleConvolution
from tests.bijections import check_bijection, shaken


@pytest.mark.parametrize("shape", [(5,), (4, 6), (4, 3, 2), (3, 2, 2, 2)])
def test_log_determinant_is_places_times_that_of_the_matrix(shape: tuple[int, ...]) -> None:
    layer = shaken(InvertibleConvolution(shape[0]))
    assert isinstance(layer, InvertibleConvolution)
    check_bijection(layer, shape)
    _, change = layer(torch.zeros(2, *shape, dtype=torch.float64))
    expected = math.prod(shape[1:]) * torch.linalg.slogdet(layer.weight())[1]
    assert float(change[0].detach()) == pytest.approx(float(expected.detach()), abs=1e-10)


def test_it_begins_as_a_rotation() -> None:
    torch.manual_seed(0)
    layer = InvertibleConvolution(8)
    weight = layer.weight().detach()
    assert torch.allclose(weight @ weight.T, torch.eye(8), atol=1e-5)
    assert layer(torch.zeros(1, 8))[1].abs() < 1e-5


def test_masked_factors_stay_masked() -> None:
    layer = InvertibleConvolution(4)
    layer.weight().sum().backward()
    assert layer.lower.grad is not None
    assert not layer.lower.grad.triu().any()
    assert layer.upper.grad is not None
    assert not layer.upper.grad.tril().any()


def test_mixed_precision_does_not_round_it() -> None:
    layer, x = InvertibleConvolution(4), torch.randn(3, 4, 2, 2)
    whole = layer(x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(x)[0], whole)
        assert torch.allclose(layer.inverse(whole), x, atol=1e-5)
