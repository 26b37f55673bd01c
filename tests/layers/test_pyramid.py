"""Laplacian pyramids: exact round trips, constants without detail, filters by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from genus.layers.pyramid import collapse, enlarge, laplacian, pyramid_sizes, shrink

SIZES = [(31,), (28, 28), (17, 30), (9, 12, 8)]


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
def test_round_trip_and_sizes(size: tuple[int, ...]) -> None:
    x = rand(2, 3, *size)
    sizes = pyramid_sizes(size, 4)
    levels = laplacian(x, sizes)
    assert [tuple(level.shape[2:]) for level in levels] == sizes
    assert (collapse(levels) - x).abs().max() <= 1e-6
    assert torch.allclose(levels[0], shrink(x, sizes[0]), atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_a_constant_has_no_detail(size: tuple[int, ...]) -> None:
    levels = laplacian(torch.full((1, 1, *size), 3.0), pyramid_sizes(size, 4))
    assert torch.allclose(levels[0], torch.tensor(3.0))
    assert all(level.abs().max() < 1e-5 for level in levels[1:])


def test_filters_by_hand() -> None:
    x = torch.tensor([[[16.0, 32.0, 48.0, 64.0]]])
    first = (16 + 4 * 16 + 6 * 16 + 4 * 32 + 48) / 16
    second = (16 + 4 * 32 + 6 * 48 + 4 * 64 + 64) / 16
    assert shrink(x, (2,)).tolist() == [[[first, second]]]
    x = torch.tensor([[[8.0, 16.0]]])
    wanted = [(8 + 6 * 8 + 16) / 8, 12.0, (8 + 6 * 16 + 16) / 8, 16.0]
    assert enlarge(x, (4,)).tolist() == [[wanted]]
    assert enlarge(x, (3,)).tolist() == [[wanted[:3]]]


def test_axes_are_treated_one_after_the_other() -> None:
    x = rand(1, 1, 8, 10).double()
    rows = torch.stack([shrink(x[:, :, i], (5,)) for i in range(8)], 2)
    both = torch.stack([shrink(rows[..., j], (4,)) for j in range(5)], 3)
    assert (shrink(x, (4, 5)) - both).abs().max() < 1e-12


def test_inside_it_is_the_plain_filter() -> None:
    x = rand(1, 2, 12, 12).double()
    line = torch.tensor([1.0, 4, 6, 4, 1], dtype=torch.float64) / 16
    kernel = (line[:, None] * line).expand(2, 1, 5, 5)
    assert (shrink(x, (6, 6))[..., 1:-1, 1:-1] - F.conv2d(x, kernel, stride=2, groups=2)).abs().max() < 1e-12


def test_only_sizes_of_one_pyramid() -> None:
    with pytest.raises(ValueError, match="pyramid"):
        shrink(rand(1, 1, 8, 8), (4, 3))
    with pytest.raises(ValueError, match="pyramid"):
        enlarge(rand(1, 1, 4), (10,))
