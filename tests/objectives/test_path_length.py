"""Path lengths of a linear generator in closed form, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from genus.core.noise import Noise
from genus.networks.stylegan2 import stylegan2
from genus.objectives.path_length import path_length_penalty, path_lengths


@pytest.mark.parametrize("shape", [(2, 5), (1, 4, 3), (2, 3, 2, 2)])
def test_a_linear_generator_in_closed_form(shape: tuple[int, ...]) -> None:
    """For G(w) = Σ_l A_l w_l the pulled-back direction is A_lᵀy."""
    torch.manual_seed(0)
    layers, style, n = 3, 4, 5
    maps = torch.randn(layers, math.prod(shape), style, dtype=torch.float64)
    w = torch.randn(n, layers, style, dtype=torch.float64, requires_grad=True)
    images = torch.einsum("lps,nls->np", maps, w).view(n, *shape)
    y = Noise(7).normal(n, *shape).double().flatten(1) / math.sqrt(math.prod(shape[1:]))
    pulled = torch.einsum("lps,np->nls", maps, y)
    expected = pulled.square().sum(2).mean(1).sqrt()
    penalty, lengths = path_length_penalty(images, w, 0.3, Noise(7))
    assert torch.allclose(lengths, expected)
    assert penalty.item() == pytest.approx((expected - 0.3).square().mean().item())
    assert not lengths.requires_grad


def test_expected_squared_length_is_the_jacobian_per_place() -> None:
    """E ℓ² = |A|² / places: images of more pixels do not count as longer paths."""
    w = torch.zeros(20_000, 1, 2, dtype=torch.float64, requires_grad=True)
    maps = torch.tensor([[1.0, 2.0], [0.0, 3.0], [1.0, 1.0], [2.0, 0.0]], dtype=torch.float64)
    images = (w[:, 0] @ maps.t()).view(-1, 1, 2, 2)
    found = path_lengths(images, w, Noise(0)).square().mean().item()
    assert found == pytest.approx(maps.square().sum().item() / 4, rel=0.03)


def test_reaches_the_generator_through_second_derivatives() -> None:
    torch.manual_seed(0)
    net = stylegan2((4,), (1, 8, 8), width=4, layers=1).double()
    w = net.mapping(torch.randn(2, 4, dtype=torch.float64))[:, None].expand(-1, net.num_styles, -1)
    penalty, lengths = path_length_penalty(net.synthesis(w, Noise(1)), w, 0.1, Noise(2))
    (slope,) = torch.autograd.grad(penalty, net.constant)
    assert lengths.shape == (2,)
    step = 1e-6 * torch.randn_like(net.constant)
    with torch.no_grad():
        net.constant.add_(step)
    moved, _ = path_length_penalty(net.synthesis(w, Noise(1)), w, 0.1, Noise(2))
    assert (moved - penalty).item() == pytest.approx((slope * step).sum().item(), rel=1e-3)
