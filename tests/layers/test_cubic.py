"""Cubic resampling: against torch's own in two dimensions, and what any number of axes must keep."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from genus.layers.cubic import resample


@pytest.mark.parametrize("size", [(9, 14), (31, 40), (9, 40)])
def test_two_axes_as_torch_resamples_them(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, 17, 23)
    expected = x
    for axis, side in ((2, size[0]), (3, size[1])):
        to = (side, expected.shape[3]) if axis == 2 else (expected.shape[2], side)
        expected = F.interpolate(expected, to, mode="bicubic", antialias=True)
    torch.testing.assert_close(resample(x, size), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("sides", [(12,), (12, 10), (12, 10, 8)])
def test_constants_stay_and_lines_stay_inside(sides: tuple[int, ...]) -> None:
    larger = tuple(2 * side for side in sides)
    assert torch.allclose(resample(torch.full((1, 2, *sides), 0.3), larger), torch.tensor(0.3))
    line = torch.arange(12.0).view(1, 1, 12, *(1,) * (len(sides) - 1)).expand(1, 1, *sides)
    inner = resample(line, larger)[0, 0, 4:-4].reshape(16, -1)[:, 0]
    torch.testing.assert_close(inner.diff(), torch.full((15,), 0.5), atol=1e-4, rtol=0)


def test_gradients_flow_through() -> None:
    x = torch.rand(1, 1, 6, 6, requires_grad=True)
    resample(x, (9, 4)).sum().backward()
    assert x.grad is not None
    assert x.grad.sum().item() == pytest.approx(36, rel=1e-4)  # each output is an average
