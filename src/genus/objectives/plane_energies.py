"""Four energies of the plane whose densities exp(−U) no Gaussian fits (arXiv:1505.05770, table 1)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

PlaneEnergy = Literal["u1", "u2", "u3", "u4"]
"""Two half moons, a wave, a wave that splits in its middle, and one that splits to the right."""

BORDER = 4.0
"""Where a wall begins: exp(−U) of the waves would have no finite integral over the whole plane."""
WALL = 0.1
"""Deviation of the Gaussian tail beyond the border."""
LARGEST = 2.0
"""No exp(−U) exceeds it."""


def plane_energy(name: PlaneEnergy, x: Tensor) -> Tensor:
    """U(x) of points ``(n, 2)``, ``(n,)``; −ln p(x) but for a constant.

    >>> float(plane_energy("u2", torch.zeros(1, 2)))
    0.0
    """
    wall = 0.5 * ((x.abs() - BORDER).clamp_min(0) / WALL).square().sum(1)
    first, second = x.unbind(1)
    if name == "u1":
        ring = 0.5 * ((x.square().sum(1).clamp_min(1e-12).sqrt() - 2) / 0.4).square()
        return wall + ring + _either((first - 2) / 0.6, (first + 2) / 0.6)
    off = second - (math.pi * first / 2).sin()
    if name == "u2":
        return wall + 0.5 * (off / 0.4).square()
    if name == "u3":
        bump = 3 * (-0.5 * ((first - 1) / 0.6).square()).exp()
        return wall + _either(off / 0.35, (off + bump) / 0.35)
    step = 3 * ((first - 1) / 0.3).sigmoid()
    return wall + _either(off / 0.4, (off + step) / 0.35)


def _either(one: Tensor, other: Tensor) -> Tensor:
    """−ln(exp(−one²/2) + exp(−other²/2))."""
    return -torch.logaddexp(-0.5 * one.square(), -0.5 * other.square())
