"""Equalised rates: He's scale at run time, the rate multiplier, pixel norm by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from genus.layers.equalised import EqualisedConvolution, EqualisedLinear, PixelNorm


@pytest.mark.parametrize("rate", [1.0, 0.01])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layer_by_hand(rate: float, bias: bool) -> None:
    torch.manual_seed(0)
    layer = EqualisedLinear(5, 3, bias=bias, gain=1.5, rate=rate, start=2.0).double()
    x = torch.randn(4, 5, dtype=torch.float64)
    wanted = x @ layer.weight.T * (1.5 / math.sqrt(5) * rate) + (2.0 if bias else 0.0)
    assert (layer(x) - wanted).abs().max() < 1e-6


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("side", [3, 9])
@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_convolution_by_hand_whichever_factor_is_scaled(dims: int, side: int, rate: float) -> None:
    torch.manual_seed(0)
    layer = EqualisedConvolution(dims, 16, 32, 3, rate=rate).double()
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 16, *(side,) * dims, dtype=torch.float64)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[dims]
    scale = math.sqrt(2 / (16 * 3**dims)) * rate
    wanted = convolve(x, layer.weight * scale, layer.bias * rate, padding=1)
    assert (layer(x) - wanted).abs().max() < 1e-12


def test_options_of_the_convolution() -> None:
    x = torch.zeros(1, 2, 8, 7)
    assert EqualisedConvolution(2, 2, 3, 4, stride=2, padding=1)(x).shape == (1, 3, 4, 3)
    assert EqualisedConvolution(2, 2, 3, (8, 7), padding=0)(x).shape == (1, 3, 1, 1)
    assert EqualisedConvolution(2, 2, 3, 1, bias=False).bias is None


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_outputs_start_with_the_variance_of_the_gain(rate: float) -> None:
    torch.manual_seed(0)
    x = torch.randn(256, 64)
    assert EqualisedLinear(64, 512, gain=1.0, rate=rate)(x).std().item() == pytest.approx(1, rel=0.03)
    assert EqualisedLinear(64, 512, rate=rate)(x).std().item() == pytest.approx(math.sqrt(2), rel=0.03)


def test_a_step_of_adam_moves_the_output_by_the_rate() -> None:
    moved = []
    for rate in (1.0, 0.01):
        torch.manual_seed(0)
        layer = EqualisedLinear(8, 1, rate=rate)
        adam = torch.optim.Adam(layer.parameters(), 1e-3)
        before = layer(torch.ones(1, 8))
        before.sum().backward()
        adam.step()
        moved.append((layer(torch.ones(1, 8)) - before).item())
    assert moved[1] / moved[0] == pytest.approx(0.01, rel=0.02)


def test_pixel_norm_by_hand() -> None:
    x = torch.tensor([[[3.0, 0.0], [4.0, 0.0]]])
    wanted = torch.tensor([[[3.0, 0.0], [4.0, 0.0]]]) / math.sqrt(12.5)
    assert torch.allclose(PixelNorm()(x), wanted)
    assert torch.allclose(PixelNorm()(torch.randn(5, 7, 3, 3)).square().mean(1), torch.ones(5, 3, 3))
