"""Skip-layer excitation by hand; doubled convolutions against repetition and convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from genus.layers.doubled_convolution import DoubledConvolution, doubled_convolution
from genus.layers.excitation import SkipLayerExcitation, gated

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@pytest.mark.parametrize("small", [(4, 4), (8, 16), (5, 4), (7,), (4,), (4, 5, 6)])
def test_gates_are_those_of_pooled_features(small: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    dims = len(small)
    layer = SkipLayerExcitation(dims, 3, 2).double()
    low = torch.randn(2, 3, *small, dtype=torch.float64)
    high = torch.randn(2, 2, *(9,) * dims, dtype=torch.float64)
    pooled = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}[dims](low, 4)
    squeezed = torch.einsum("ncp,ocp->no", pooled.flatten(2), layer.squeeze.weight.flatten(2))
    gate = (F.silu(squeezed) @ layer.excite.weight.flatten(1).t()).sigmoid()
    assert torch.allclose(layer(low, high), high * gate.view(2, 2, *(1,) * dims), atol=1e-12)


def test_every_place_of_a_channel_has_the_same_gate() -> None:
    torch.manual_seed(0)
    gates = SkipLayerExcitation(2, 3, 2)(torch.randn(1, 3, 4, 4), torch.ones(1, 2, 5, 5)).flatten(2)
    assert torch.equal(gates, gates[..., :1].expand_as(gates))
    assert ((gates > 0) & (gates < 1)).all()


@pytest.mark.parametrize("sides", [(3,), (70,), (4, 5), (9, 8), (2, 3, 4), (4, 4, 5)])
def test_doubling_then_convolving(sides: tuple[int, ...]) -> None:
    """Small maps are computed literally, large ones by summed weights; both are this."""
    torch.manual_seed(0)
    dims = len(sides)
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    repeated = x
    for axis in range(dims):
        repeated = repeated.repeat_interleave(2, 2 + axis)
    for size in (tuple(2 * side for side in sides), tuple(2 * side - 1 for side in sides)):
        layer = DoubledConvolution(dims, 3, 2, size).double()
        weight = layer.weight
        if layer.fused:
            weight = weight.transpose(0, 1).flip(list(range(2, 2 + dims)))
        expected = CONVOLVE[dims](repeated, weight, padding=1)
        inner = (slice(None), slice(None), *(slice(side) for side in size))
        assert torch.allclose(layer(x), expected[inner], atol=1e-12)


@pytest.mark.parametrize("size", [(8, 8), (32, 32)])
def test_spectral_norm_takes_the_same_matrix_on_both_ways(size: tuple[int, ...]) -> None:
    """Rows are output channels, whichever way the weight lies."""
    torch.manual_seed(0)
    layer = doubled_convolution(2, 3, 2, size, spectral=True)
    for _ in range(50):
        layer(torch.randn(1, 3, size[0] // 2, size[1] // 2))
    weight = layer.weight.transpose(0, 1) if layer.fused else layer.weight
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


def test_gated_linear_unit_keeps_the_order_of_memory() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 6, 3, 4).to(memory_format=torch.channels_last).requires_grad_()
    y = gated(x)
    assert torch.allclose(y, F.glu(x, 1))
    (slope,) = torch.autograd.grad(y.square().sum(), x)
    (expected,) = torch.autograd.grad(F.glu(x, 1).square().sum(), x)
    assert torch.allclose(slope, expected)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert slope.is_contiguous(memory_format=torch.channels_last)
