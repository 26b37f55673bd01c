"""The four test energies: integrals, a bound, and the paper's formulas at single points."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from genus.objectives.plane_energies import LARGEST, plane_energy


@pytest.mark.parametrize("name", ["u1", "u2", "u3", "u4"])
def test_densities_are_bounded_and_have_an_integral(name: Any) -> None:
    totals: list[float] = []
    for side, steps in ((4.6, 921), (8.0, 1601)):
        axis = torch.linspace(-side, side, steps, dtype=torch.float64)
        density = (-plane_energy(name, torch.cartesian_prod(axis, axis))).exp()
        assert float(density.max()) <= LARGEST
        totals.append(float(density.sum()) * 0.01**2)
    assert totals[0] == pytest.approx(totals[1], rel=1e-6)
    assert 1 < totals[0] < 20


def test_the_wave_alone_has_a_known_integral() -> None:
    axis = torch.linspace(-4, 4, 1601, dtype=torch.float64)
    density = (-plane_energy("u2", torch.cartesian_prod(axis, axis))).exp().sum() * 0.005**2
    assert float(density) == pytest.approx(8 * 0.4 * math.sqrt(2 * math.pi), rel=1e-3)


def test_formulas_at_single_points() -> None:
    x = torch.tensor([[2.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    e = math.exp
    assert float(plane_energy("u1", x)[0]) == pytest.approx(-math.log(1 + e(-0.5 * (4 / 0.6) ** 2)))
    assert float(plane_energy("u3", x)[1]) == pytest.approx(-math.log(1 + e(-0.5 * (3 / 0.35) ** 2)))
    assert float(plane_energy("u4", x)[1]) == pytest.approx(-math.log(1 + e(-0.5 * (1.5 / 0.35) ** 2)))


def test_formulas_where_both_parts_count() -> None:
    """Points at which each constant matters, by the paper's table in plain numbers."""

    def either(one: float, other: float) -> float:
        return -math.log(math.exp(-0.5 * one**2) + math.exp(-0.5 * other**2))

    for first, second in ((0.3, -0.4), (1.6, 0.2), (-0.7, -1.1), (3.1, -2.2)):
        x = torch.tensor([[first, second]], dtype=torch.float64)
        off = second - math.sin(2 * math.pi * first / 4)
        ring = 0.5 * ((math.hypot(first, second) - 2) / 0.4) ** 2
        bump = 3 * math.exp(-0.5 * ((first - 1) / 0.6) ** 2)
        step = 3 / (1 + math.exp(-(first - 1) / 0.3))
        expected = {
            "u1": ring + either((first - 2) / 0.6, (first + 2) / 0.6),
            "u2": 0.5 * (off / 0.4) ** 2,
            "u3": either(off / 0.35, (off + bump) / 0.35),
            "u4": either(off / 0.4, (off + step) / 0.35),
        }
        for name, value in expected.items():
            assert float(plane_energy(name, x)) == pytest.approx(value, rel=1e-12)  # type: ignore[arg-type]
