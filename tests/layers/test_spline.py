"""Splines against autograd, at their knots and in their tails."""

from __future__ import annotations

import pytest
import torch

from genus.layers.spline import Spline


def told(spline: Spline, n: int, channels: int, *sides: int) -> torch.Tensor:
    shape = (n, spline.numbers * channels, *sides)
    return 2 * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def random_spline(bins: int = 8, bound: float = 5.0, channels: int = 3, dims: int = 0) -> Spline:
    torch.manual_seed(0)
    spline = Spline(channels, dims, bins=bins, bound=bound).double()
    torch.nn.init.uniform_(spline.gain, 0.5, 1.5)
    return spline


@pytest.mark.parametrize(("bins", "bound"), [(2, 5.0), (8, 5.0), (8, 1.0), (30, 3.0)])
def test_slope_is_the_derivative_and_the_inverse_undoes_it(bins: int, bound: float) -> None:
    spline = random_spline(bins, bound)
    numbers = told(spline, 200, 3)
    x = 2 * torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x.requires_grad_()
    y, slope = spline(x, numbers)
    (derivative,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(slope.exp(), derivative, rtol=1e-9)
    assert (spline.inverse(y, numbers) - x).abs().max() < 1e-8
    assert (slope != 0).any()


def test_inverse_at_knots_and_in_the_tails() -> None:
    spline = random_spline()
    numbers = told(spline, 20, 3)
    knots = spline.knots(numbers)
    for x, y, expected in zip(knots.x, knots.y, knots.slope, strict=True):
        found, slope = spline(x, numbers)
        assert (found - y).abs().max() < 1e-12
        assert torch.allclose(slope.exp(), expected, rtol=1e-9)
        assert (spline.inverse(y, numbers) - x).abs().max() < 1e-8
    far = torch.tensor([-1e6, -5.000001, -5.0, 5.0, 5.000001, 1e6], dtype=torch.float64)
    x = far[:, None].expand(-1, 3)
    y, slope = spline(x, numbers[:6])
    assert torch.equal(y, x)
    assert not slope.any()
    assert torch.equal(spline.inverse(y, numbers[:6]), x)
    near = torch.tensor([-5 + 1e-9, 5 - 1e-9], dtype=torch.float64)[:, None].expand(-1, 3)
    assert (spline(near, numbers[:2])[0] - near).abs().max() < 1e-6  # no jump where it ends
    assert (spline.inverse(spline(near, numbers[:2])[0], numbers[:2]) - near).abs().max() < 1e-8


def test_gradients_are_finite_where_branches_meet() -> None:
    spline = random_spline()
    numbers = told(spline, 4, 3).requires_grad_()
    x = torch.tensor([-1e30, -5.0, 5.0, 1e30], dtype=torch.float64)[:, None].expand(-1, 3).clone()
    x.requires_grad_()
    y, slope = spline(x, numbers)
    for gradient in torch.autograd.grad(y.sum() + slope.sum(), [x, numbers]):
        assert torch.isfinite(gradient).all()


def test_new_spline_is_the_identity_for_images_too() -> None:
    spline = Spline(2, 2, bins=4, bound=5.0)
    x = torch.randn(3, 2, 4, 5)
    y, slope = spline(x, torch.randn(3, 22, 4, 5))
    assert torch.allclose(y, x, atol=1e-6)
    assert slope.abs().max() < 1e-6


def test_float32_stays_close() -> None:
    spline = random_spline()
    numbers = told(spline, 500, 3)
    x = 3 * torch.randn(500, 3, generator=torch.Generator().manual_seed(1))
    single = spline.float()
    y, slope = single(x, numbers.float())
    back = single.inverse(y, numbers.float())
    steepness = slope.exp().clamp(max=1)  # a flat piece loses digits by itself
    assert ((back - x).abs() * steepness).max() < 1e-4
    assert torch.isfinite(slope).all()
