"""Resampling: exact at odd sizes, filters by hand, pooling undoes repetition."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.layers.resampling import box_down, fir_down, fir_up, halved, nearest_up, pyramid, smooth, widths

SIZES = [(28,), (13,), (16, 16), (28, 21), (7, 9), (5, 8, 6)]


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
def test_pyramid_halves_rounding_up_and_ends_in_time(size: tuple[int, ...]) -> None:
    sizes = pyramid(size)
    assert sizes[-1] == size
    assert all(halved(large) == small for small, large in pairwise(sizes))
    assert min(sizes[0]) >= 4 > min(halved(sizes[0]))


@pytest.mark.parametrize("smallest", [1, 0, -3])
def test_pyramid_ends_at_a_single_place(smallest: int) -> None:
    """A side of one place, rounded up, is its own half."""
    assert pyramid((5, 2), smallest) == [(1, 1), (2, 1), (3, 1), (5, 2)]


def test_pyramid_refuses_what_is_too_small() -> None:
    with pytest.raises(RecipeError, match="use 'mlp'"):
        pyramid((3, 8))


@pytest.mark.parametrize("size", [(28,), (29, 21), (9, 17, 12)])
@pytest.mark.parametrize("level", [0, 1])
def test_means_of_cells_undo_repetition_over_several_levels(size: tuple[int, ...], level: int) -> None:
    sizes = pyramid(size)
    x = rand(2, 3, *sizes[level])
    up = nearest_up(x, size)
    assert up.shape == (2, 3, *size)
    one_by_one = x
    for target in sizes[level + 1 :]:
        one_by_one = nearest_up(one_by_one, target)
    assert torch.equal(up, one_by_one)
    assert (box_down(up, len(sizes) - 1 - level) - x).abs().max() < 1e-14
    for _ in sizes[level + 1 :]:
        up = box_down(up)
    assert (up - x).abs().max() < 1e-14


def test_only_sizes_of_one_pyramid() -> None:
    with pytest.raises(ValueError, match="pyramid"):
        nearest_up(rand(1, 1, 4, 4), (8, 6))


def test_filters_by_hand() -> None:
    x = torch.tensor([[[4.0, 8.0, 16.0]]])
    assert fir_up(x, (6,)).tolist() == [[[3.0, 5.0, 7.0, 10.0, 14.0, 12.0]]]
    assert fir_up(x, (5,)).tolist() == [[[3.0, 5.0, 7.0, 10.0, 14.0]]]
    x = torch.tensor([[[8.0, 16.0, 24.0]]])
    assert fir_down(x).tolist() == [[[12.0, 11.0]]]  # (3·8 + 3·16 + 24)/8, (16 + 3·24)/8
    assert fir_down(x[..., :2]).tolist() == [[[9.0]]]
    assert smooth(x, 1, 2).tolist() == [[[12.0, 16.0, 11.0]]]
    assert smooth(x, 2, 1).tolist() == [[[5.0, 12.0, 16.0]]]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_interpolation_is_linear_inside(dims: int) -> None:
    x = rand(2, 3, *(5,) * dims)
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[dims]
    linear = F.interpolate(x, scale_factor=2, mode=mode)
    inside = (slice(None), slice(None), *(slice(1, -1),) * dims)
    assert (fir_up(x, (10,) * dims) - linear)[inside].abs().max() < 1e-14


@pytest.mark.parametrize("size", [(6,), (6, 8), (4, 6, 8)])
def test_up_is_the_transpose_of_down(size: tuple[int, ...]) -> None:
    x, y = rand(1, 2, *size), rand(1, 2, *halved(size))
    up, down = (fir_up(y, size) * x).sum(), (fir_down(x) * y).sum()
    assert up.item() == pytest.approx(down.item() * 2 ** len(size), abs=1e-12)


@pytest.mark.parametrize("size", [(9,), (9, 12), (5, 7, 6)])
def test_sizes_and_second_derivatives(size: tuple[int, ...]) -> None:
    x = rand(1, 2, *size).requires_grad_()
    assert fir_down(x).shape[2:] == halved(size)
    assert fir_up(fir_down(x), size).shape == x.shape
    work = lambda x: fir_up(fir_down(x.tanh()), size)  # noqa: E731
    y = rand(1, 2, *size)
    (slope,) = torch.autograd.grad((work(x) * y).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


def test_a_first_use_without_gradients_does_not_spoil_later_training() -> None:
    with torch.inference_mode():
        fir_down(torch.zeros(1, 7, 6, 6, dtype=torch.float64))
    x = rand(1, 7, 6, 6).requires_grad_()
    fir_down(x).sum().backward()
    assert x.grad is not None


def test_widths_are_those_of_the_papers() -> None:
    assert widths(9, 32, 512) == [512, 512, 512, 512, 512, 256, 128, 64, 32]
    assert widths(9, 16, 512) == [512, 512, 512, 512, 256, 128, 64, 32, 16]
    assert widths(3, 8, 4) == [8, 8, 8]
