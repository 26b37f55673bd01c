"""Modulated convolutions equal per-example weights; adaptive normalisation by hand; doubling commutes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from genus.layers.modulation import AdaptiveInstanceNorm, ModulatedConvolution, convolve_up
from genus.layers.resampling import fir_up

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
SIDES = {1: (9,), 2: (5, 6), 3: (3, 4, 5)}


def grouped(layer: ModulatedConvolution, x: Tensor, style: Tensor) -> Tensor:
    """Equations 1 and 3 of the paper to the letter: a weight for each example, one group each."""
    n, before, *sides = x.shape
    dims = len(sides)
    s = layer.affine(style).view(n, 1, before, *(1,) * dims)
    weight = layer.weight.transpose(0, 1) if layer.up else layer.weight
    weight = s * weight * layer.scale
    if layer.demodulate:
        weight = weight / (weight.square().flatten(2).sum(2) + 1e-8).sqrt().view(n, -1, *(1,) * (dims + 1))
    after = weight.shape[1]
    if layer.up:
        weight = weight.transpose(1, 2).reshape(n * before, after, *weight.shape[3:])
        y = TRANSPOSED[dims](x.view(1, n * before, *sides), weight, stride=2, groups=n)
    else:
        weight = weight.reshape(n * after, *weight.shape[2:])
        y = CONVOLVE[dims](x.view(1, n * before, *sides), weight, padding=weight.shape[-1] // 2, groups=n)
    return y.view(n, after, *y.shape[2:])


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("demodulate", [True, False])
def test_equals_weights_of_each_example(dims: int, kernel: int, demodulate: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConvolution(dims, 4, 6, 5, kernel, demodulate=demodulate).double()
    x = torch.randn(3, 4, *SIDES[dims], dtype=torch.float64)
    style = torch.randn(3, 5, dtype=torch.float64)
    y, factor = layer(x, style)
    assert torch.allclose(y * factor, grouped(layer, x, style), atol=1e-12)


def test_equals_them_in_single_precision_at_full_width() -> None:
    torch.manual_seed(0)
    layer = ModulatedConvolution(2, 128, 128, 64)
    x, style = torch.randn(2, 128, 8, 8), torch.randn(2, 64)
    y, factor = layer(x, style)
    assert (y * factor - grouped(layer, x, style)).abs().max() < 1e-5


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_doubling_equals_them_too(dims: int) -> None:
    torch.manual_seed(0)
    layer = ModulatedConvolution(dims, 4, 3, 5, up=True).double()
    x = torch.randn(2, 4, *SIDES[dims], dtype=torch.float64)
    style = torch.randn(2, 5, dtype=torch.float64)
    size = tuple(2 * side for side in SIDES[dims])
    y, factor = layer(x, style, size)
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 4
    kernel = line
    for _ in range(dims - 1):
        kernel = kernel[..., None] * line
    expected = CONVOLVE[dims](
        grouped(layer, x, style), kernel.expand(3, 1, *(4,) * dims), padding=1, groups=3
    )
    assert expected.shape == (2, 3, *size)
    assert torch.allclose(y * factor, expected, atol=1e-12)


def test_outputs_have_variance_one_whatever_the_style() -> None:
    torch.manual_seed(0)
    layer = ModulatedConvolution(2, 32, 16, 8)
    y, factor = layer(torch.randn(4, 32, 32, 32), 10 * torch.randn(4, 8))
    inside = (y * factor)[:, :, 1:-1, 1:-1]
    assert inside.std().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_filtering_after_the_kernel_equals_filtering_before_it_inside(dims: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 2, *(8,) * dims, dtype=torch.float64)
    weight = torch.randn(2, 3, *(3,) * dims, dtype=torch.float64)
    size = (15,) * dims
    cheap = convolve_up(x, weight * 2**dims, size)
    flipped = weight.transpose(0, 1).flip(
        list(range(2, 2 + dims))
    )  # the adjoint runs over the kernel backwards
    dear = CONVOLVE[dims](fir_up(x, (16,) * dims), flipped, padding=1)
    inner = (slice(None), slice(None), *(slice(4, 12),) * dims)
    assert cheap.shape == (1, 3, *size)
    assert torch.allclose(cheap[inner], dear[inner], atol=1e-12)


@pytest.mark.parametrize("sides", SIDES.values())
def test_adaptive_norm_sets_mean_and_deviation(sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    norm = AdaptiveInstanceNorm(3, 4).double()
    x = 5 + 3 * torch.randn(2, 3, *sides, dtype=torch.float64)
    style = torch.randn(2, 4, dtype=torch.float64)
    scale, shift = norm.affine(style).chunk(2, 1)
    y = norm(x, style).flatten(2)
    assert torch.allclose(y.mean(2), shift)
    assert torch.allclose(y.std(2, correction=0), (1 + scale).abs(), atol=1e-6)
    assert torch.allclose(norm(7 - 2 * x, style).flatten(2) - shift[..., None], shift[..., None] - y)
