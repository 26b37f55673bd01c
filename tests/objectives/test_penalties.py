"""Closed forms of gradient penalties on linear and quadratic critics."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genus.core.binder import bind
from genus.core.noise import Noise
from genus.core.registry import components
from genus.objectives.penalties import gradient_penalty, input_gradient, r1, r2

NOISE = Noise(0)


def linear(w: Tensor):
    return lambda x: (x * w).flatten(1).sum(1)


@pytest.mark.parametrize("shape", [(3,), (2, 5), (1, 4, 4), (3, 2, 3, 2)])
def test_linear_critic(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    w = torch.randn(shape, dtype=torch.float64)
    real, fake = torch.randn(2, 6, *shape, dtype=torch.float64)
    norm = w.norm().item()
    assert gradient_penalty(linear(w), real, fake, NOISE).item() == pytest.approx(10 * (norm - 1) ** 2)
    assert r1(linear(w), real, fake, NOISE, weight=3.0).item() == pytest.approx(1.5 * norm**2)
    assert r2(linear(w), real, fake, NOISE, weight=3.0).item() == pytest.approx(1.5 * norm**2)


def test_the_norm_runs_over_the_whole_example() -> None:
    w = torch.full((1, 28, 28), 1 / 28, dtype=torch.float64)
    x = torch.zeros(4, 1, 28, 28, dtype=torch.float64)
    assert gradient_penalty(linear(w), x, x, NOISE, weight=1.0).item() < 1e-10


def test_one_sided_leaves_small_slopes_alone() -> None:
    x = torch.zeros(6, 2, dtype=torch.float64)
    small, large = torch.tensor([0.3, 0.0]).double(), torch.tensor([3.0, 0.0]).double()
    assert gradient_penalty(linear(small), x, x, NOISE, one_sided=True).item() == 0
    assert gradient_penalty(linear(large), x, x, NOISE, one_sided=True).item() == pytest.approx(40)


def test_one_mixing_weight_per_example() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    gradient_penalty(critic, torch.ones(6, 2, 3).double(), torch.zeros(6, 2, 3).double(), Noise(0))
    shares = Noise(0).uniform(6, 1, 1).double()
    assert len(shares.unique()) == 6
    assert torch.equal(seen[0], shares.expand(6, 2, 3))


def test_where_each_penalty_looks() -> None:
    """For D(x) = ‖x‖² the gradient is 2x, so the value tells where it was taken."""
    real, fake = torch.ones(6, 1).double(), 3 * torch.ones(6, 1).double()
    square = lambda x: x.square().sum(1)  # noqa: E731
    assert r1(square, real, fake, NOISE).item() == pytest.approx(2)
    assert r2(square, real, fake, NOISE).item() == pytest.approx(18)


def test_penalties_can_be_differentiated_twice() -> None:
    w = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    x = torch.randn(6, 2, dtype=torch.float64)
    for name in components("penalty"):
        weight = {p.name: p.default for p in components("penalty")[name].parameters}
        value = bind("penalty", {"name": name, **weight})(lambda x: (x * w).sum(1).tanh(), x, x, Noise(0))
        (slope,) = torch.autograd.grad(value, w)
        h = 1e-6
        for i in range(2):
            moved = w.detach().clone()
            moved[i] += h
            above = bind("penalty", {"name": name, **weight})(
                lambda x, m=moved: (x * m).sum(1).tanh(), x, x, Noise(0)
            )
            assert slope[i].item() == pytest.approx((above - value).item() / h, abs=1e-3, rel=1e-3)


def test_input_gradient_is_per_example() -> None:
    x = torch.randn(5, 2, 2, dtype=torch.float64)
    gradient = input_gradient(lambda x: x.flatten(1).pow(3).sum(1), x)
    assert torch.allclose(gradient, 3 * x.flatten(1).square())
