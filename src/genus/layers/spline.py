"""Monotone rational-quadratic splines: flexible maps of single numbers with a closed-form inverse."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.element_transform import ElementTransform

SMALLEST_SHARE = 1e-3
"""Least width and height of a bin, as a share of all of them."""
SMALLEST_SLOPE = 1e-3
"""Least slope at a knot."""


class Knots(NamedTuple):
    """A spline per element; knots come first, ``(bins + 1, *elements)``.

    Args:
        x: places of the knots, increasing from −bound to bound.
        y: values there, likewise.
        slope: there, > 0, and 1 at both ends.
    """

    x: Tensor
    y: Tensor
    slope: Tensor


class Spline(ElementTransform):
    """y = a monotone rational-quadratic spline of x within ±bound, and y = x outside (arXiv:1906.04032).

    Widths and heights of the bins are softmaxes, slopes softplus; the slope at both ends is 1, so
    that the map is smooth there.

    Args:
        channels: of x.
        dims: number of sides, 0 for vectors.
        bins: K of the spline.
        bound: where it ends.
    """

    def __init__(self, channels: int, dims: int, *, bins: int, bound: float) -> None:
        super().__init__()
        self.bins = bins
        self.bound = bound
        self.numbers = 3 * bins - 1
        self.gain = nn.Parameter(torch.zeros(self.numbers, channels, *[1] * dims))

    def forward(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln dy/dx of each element."""
        return rational_quadratic(x, self.knots(told), self.bound)

    def inverse(self, y: Tensor, told: Tensor) -> Tensor:
        """Return x."""
        return inverse_rational_quadratic(y, self.knots(told), self.bound)

    def knots(self, told: Tensor) -> Knots:
        """The splines of all elements."""
        raw = (told.unflatten(1, (self.numbers, -1)) * self.gain).transpose(0, 1)
        widths, heights, slopes = raw.split([self.bins, self.bins, self.bins - 1])
        # softplus(0 + this) + SMALLEST_SLOPE = 1
        offset = torch.tensor(1 - SMALLEST_SLOPE, dtype=torch.float64).expm1().log().item()
        inside = SMALLEST_SLOPE + F.softplus(slopes + offset)
        return Knots(
            _places(widths, self.bound),
            _places(heights, self.bound),
            F.pad(inside, (0, 0) * (inside.dim() - 1) + (1, 1), value=1.0),
        )


def rational_quadratic(x: Tensor, knots: Knots, bound: float) -> tuple[Tensor, Tensor]:
    """Evaluate splines.

    Args:
        x: ``(*elements)``.
        knots: of each element's spline.
        bound: outside ±bound the map is the identity.

    Returns:
        y and ln dy/dx, shaped like x.
    """
    inside = x.clamp(-bound, bound)
    left, right = _bin(inside, knots.x, knots)
    width, height = right.x - left.x, right.y - left.y
    t = (inside - left.x) / width
    mean, rest = height / width, t * (1 - t)
    excess = left.slope + right.slope - 2 * mean
    below = mean + excess * rest
    y = left.y + height * (mean * t.square() + left.slope * rest) / below
    rise = right.slope * t.square() + 2 * mean * rest + left.slope * (1 - t).square()
    outside = x.abs() >= bound
    return torch.where(outside, x, y), torch.where(outside, 0.0, 2 * (mean / below).log() + rise.log())


def inverse_rational_quadratic(y: Tensor, knots: Knots, bound: float) -> Tensor:
    """Undo :func:`rational_quadratic`: solve a quadratic equation per element."""
    inside = y.clamp(-bound, bound)
    left, right = _bin(inside, knots.y, knots)
    width, height = right.x - left.x, right.y - left.y
    mean, rise = height / width, inside - left.y
    excess = left.slope + right.slope - 2 * mean
    a = height * (mean - left.slope) + rise * excess
    b = height * left.slope - rise * excess
    c = -mean * rise
    root = (b.square() - 4 * a * c).clamp_min(0).sqrt()
    t = (-2 * c / (b + root)).clamp(0, 1)  # this form of the solution loses no digits near t = 0
    return torch.where(y.abs() >= bound, y, left.x + t * width)


def _places(raw: Tensor, bound: float) -> Tensor:
    """Knots from −bound to bound exactly, at distances that a softmax over the first axis gives."""
    share = SMALLEST_SHARE + (1 - SMALLEST_SHARE * len(raw)) * raw.softmax(0)
    inner = 2 * bound * share[:-1].cumsum(0) - bound
    end = torch.full_like(raw[:1], bound)
    return torch.cat([-end, inner, end])


def _bin(value: Tensor, places: Tensor, knots: Knots) -> tuple[Knots, Knots]:
    """Knots to the left and to the right of each value."""
    number = (value >= places[1:-1]).sum(0, keepdim=True)
    left = Knots(*(part.gather(0, number)[0] for part in knots))
    right = Knots(*(part.gather(0, number + 1)[0] for part in knots))
    return left, right
