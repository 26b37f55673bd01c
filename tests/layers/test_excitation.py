"""Skip-layer excitation by hand; doubled convolutions against repetition and convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from genus.layers.doubled_convolution import DoubledConvolution
from genus.layers.excitation import SkipLayerExcitation

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
    layer = DoubledConvolution(dims, 3, 2).double()
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    repeated = x
    for axis in range(dims):
        repeated = repeated.repeat_interleave(2, 2 + axis)
    expected = CONVOLVE[dims](repeated, layer.weight, padding=1)
    size = tuple(2 * side - 1 for side in sides)
    assert torch.allclose(layer(x, tuple(2 * side for side in sides)), expected, atol=1e-12)
    inner = (slice(None), slice(None), *(slice(side) for side in size))
    assert torch.allclose(layer(x, size), expected[inner], atol=1e-12)
