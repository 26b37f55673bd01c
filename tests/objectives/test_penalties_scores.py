"""Penalties on scores: hand values, invariant critics, expectations of random transformations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genus.core.noise import Noise
from genus.objectives.penalties_scores import balanced_consistency, consistency, drift

SIZES = [(8,), (8, 7), (4, 5, 8)]


def weighted(x: Tensor) -> Tensor:
    """A critic that sees where things are."""
    w = torch.arange(x[0].numel(), dtype=x.dtype).view(x.shape[1:])
    return (x * w).flatten(1).sum(1)


def test_drift_by_hand() -> None:
    real = torch.tensor([[1.0, 2.0], [0.0, -1.0]], dtype=torch.float64, requires_grad=True)
    value = drift(lambda x: x.sum(1), real, real, Noise(0), weight=0.1)  # scores 3 and -1
    assert value.item() == pytest.approx(0.5)
    (slope,) = torch.autograd.grad(value, real)
    assert torch.allclose(slope, 0.1 * torch.tensor([[3.0, 3.0], [-1.0, -1.0]]).double())


@pytest.mark.parametrize("size", SIZES)
def test_a_critic_that_sees_no_places_costs_nothing(size: tuple[int, ...]) -> None:
    flat = torch.linspace(-1, 1, 6, dtype=torch.float64).view(6, 1, *(1,) * len(size)).expand(6, 2, *size)
    assert consistency(weighted, flat, flat, Noise(0)).item() == pytest.approx(0, abs=1e-20)
    x = torch.randn(6, 2, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert consistency(weighted, x, flat, Noise(0)).item() > 1


def test_shifts_and_mirrors_are_told_apart() -> None:
    """With no shift to speak of only mirrored examples change: the score 0 1 2 3 against 3 2 1 0."""
    x = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64).view(1, 1, 4).expand(4000, 1, 4)
    mirrored = consistency(weighted, x, x, Noise(0), weight=1.0, displacement=0.01)
    assert mirrored.item() == pytest.approx(9 / 2, abs=4 * 4.5 / 4000**0.5)
    assert consistency(weighted, x, x, Noise(0), displacement=0.01, mirrored=False).item() == 0
    # One place at most. To the left the edge is mirrored, 0 0 1 1 with score 5; to the right 0 0 0 0.
    shifted = consistency(weighted, x, x, Noise(0), weight=1.0, displacement=0.25, mirrored=False)
    assert shifted.item() == pytest.approx((4 + 9 + 0) / 3, abs=4 * 3.7 / 4000**0.5)


def test_vectors_are_moved() -> None:
    """For D = w·x the expectation is d²‖w‖²/3."""
    x = torch.zeros(20000, 2, dtype=torch.float64)
    value = consistency(lambda x: x[:, 0] + 2 * x[:, 1], x, x, Noise(0), weight=1.0, displacement=0.3)
    assert value.item() == pytest.approx(0.09 * 5 / 3, rel=0.03)


def test_each_side_has_its_weight() -> None:
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(6, 1, 8, dtype=torch.float64, generator=drawn)
    flat = torch.zeros_like(x)
    on_real = consistency(weighted, x, flat, Noise(0), weight=1.0)
    kwargs = {"weight": 2.0, "weight_generated": 5.0}
    assert balanced_consistency(weighted, x, flat, Noise(0), **kwargs).item() == pytest.approx(
        2 * on_real.item()
    )
    on_fake = balanced_consistency(weighted, flat, x, Noise(0), **kwargs)
    assert on_fake.item() > 0
    assert on_fake.item() == pytest.approx(
        5 * balanced_consistency(weighted, flat, x, Noise(0), weight=0.0, weight_generated=1.0).item()
    )


def test_gradients_reach_the_critic_from_both_scores() -> None:
    """D = w s with s changing by δ: the derivative is 2 w mean δ²."""
    x = torch.randn(6, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    w = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    value = consistency(lambda x: w * weighted(x), x, x, Noise(0))
    (slope,) = torch.autograd.grad(value, w)
    assert slope.item() == pytest.approx(2 * value.item() / 3)
