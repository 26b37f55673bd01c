"""Pieces of style-based networks by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from genus.core.noise import Noise
from genus.layers.style import Mapping, RectifiedConvolution, beside, draw_like

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@pytest.mark.parametrize("sides", [(2,), (40,), (3, 3), (20, 20), (2, 3, 4), (9, 9, 9)])
def test_rectified_convolution_whichever_factor_is_scaled(sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    dims = len(sides)
    layer = RectifiedConvolution(dims, 6, 5, 3, gain=1.7).double()
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 6, *sides, dtype=torch.float64)
    linear = CONVOLVE[dims](x, layer.weight / (6 * 3**dims) ** 0.5, layer.bias, padding=1)
    assert torch.allclose(layer(x), 1.7 * F.leaky_relu(linear, 0.2), atol=1e-12)


def test_rectified_convolution_keeps_the_mean_square() -> None:
    torch.manual_seed(0)
    found = RectifiedConvolution(2, 64, 64, 3)(torch.randn(4, 64, 18, 18))[..., 1:-1, 1:-1]
    assert found.square().mean().item() == pytest.approx(1.04, abs=0.1)  # (1 + 0.2²) · √2² / 2


def test_mapping_learns_slowly_and_ignores_the_length_of_latents() -> None:
    torch.manual_seed(0)
    mapping = Mapping(8, 8, 0, 2, rate=0.01)
    z = torch.randn(5, 8)
    assert torch.allclose(mapping(z), mapping(10 * z), atol=1e-4)
    first = mapping.layers[0]
    assert first.weight.std().item() == pytest.approx(100, rel=0.3)
    assert mapping(z).std().item() == pytest.approx(1, abs=0.5)


def test_mapping_puts_the_condition_beside_the_latent() -> None:
    torch.manual_seed(0)
    mapping = Mapping(4, 6, 3, 1).double()
    z, conditioned = torch.randn(2, 4).double(), torch.randn(2, 3).double()
    unit = lambda x: x / x.square().mean(1, keepdim=True).add(1e-8).sqrt()  # noqa: E731
    together = torch.cat([unit(z), unit(mapping.embed(conditioned))], 1)
    expected = F.leaky_relu(mapping.layers[0](together), 0.2) * 2**0.5
    assert torch.allclose(mapping(z, conditioned), expected)


def test_conditions_become_constant_channels() -> None:
    x, conditioned = torch.zeros(2, 1, 2, 3), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    found = beside(x, conditioned, 2)
    assert found.shape == (2, 3, 2, 3)
    assert found[1, 1:].flatten(1).tolist() == [[3.0] * 6, [4.0] * 6]
    assert beside(x, conditioned, 0) is x


def test_noise_is_one_number_per_place() -> None:
    x = torch.zeros(3, 5, 4, 2, dtype=torch.float64)
    found = draw_like(x, Noise(1))
    assert found.dtype == torch.float64
    assert torch.equal(found.float(), Noise(1).normal(3, 1, 4, 2))
