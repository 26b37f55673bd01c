"""Closed forms of gradient penalties on linear and quadratic critics."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genus.core.binder import bind, resolve
from genus.core.components import couples_batch
from genus.core.noise import Noise
from genus.core.registry import components
from genus.objectives.penalties import (
    dragan,
    gradient_penalty,
    gradient_penalty_places,
    input_gradient,
    r1,
    r2,
    wasserstein_divergence,
    zero_centred,
)

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
    assert zero_centred(linear(w), real, fake, NOISE, weight=3.0).item() == pytest.approx(3 * norm**2)
    assert wasserstein_divergence(linear(w), real, fake, NOISE).item() == pytest.approx(2 * norm**6)
    odd = wasserstein_divergence(linear(w), real, fake, NOISE, weight=0.5, power=3.0)
    assert odd.item() == pytest.approx(norm**3 / 2)
    assert dragan(linear(w), real, fake, NOISE).item() == pytest.approx(10 * (norm - 1) ** 2)


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

    for penalty in (gradient_penalty, zero_centred, wasserstein_divergence):
        seen.clear()
        penalty(critic, torch.ones(6, 2, 3).double(), torch.zeros(6, 2, 3).double(), Noise(0))
        shares = Noise(0).uniform(6, 1, 1).double()
        assert len(shares.unique()) == 6
        assert torch.equal(seen[0], shares.expand(6, 2, 3))


def test_dragan_perturbs_real_examples_by_up_to_a_share_of_their_spread() -> None:
    """±2 have standard deviation 2, so with c = ½ each element grows by a number in [0, 1)."""
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    real = torch.tensor([2.0, -2.0], dtype=torch.float64).repeat(500).view(1000, 1, 1).expand(-1, 2, 3)
    dragan(critic, real, torch.zeros_like(real), Noise(0), spread=0.5)
    growth = seen[0] - real
    assert growth.min() >= 0
    assert 0.95 < growth.max() < 1
    # A product of two independent uniform numbers: mean 1/4, variance 7/144; the 6 of an example share one.
    assert growth.mean().item() == pytest.approx(0.25, abs=4 * (7 / 144 / 1000) ** 0.5)
    assert (growth.flatten(1).std(1) > 0).all()
    seen.clear()
    dragan(critic, real, torch.zeros_like(real), Noise(0), spread=1.0)
    assert torch.allclose(seen[0] - real, 2 * growth)


def test_only_dragan_needs_the_whole_batch() -> None:
    """A sum over halves, drawn as parts of one batch, is the penalty of the whole; not where std is taken."""
    drawn = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 8, 2, 6, dtype=torch.float64, generator=drawn)
    critic = lambda x: x.flatten(1).pow(3).sum(1)  # noqa: E731
    for name in components("penalty"):
        penalty = bind("penalty", resolve("penalty", name, "penalty"))
        whole = penalty(critic, real, fake, Noise(0, block=1)).item()
        parts = [
            penalty(critic, real[a:b], fake[a:b], Noise(0, start=a, block=1)).item()
            for a, b in ((0, 3), (3, 8))
        ]
        same = whole == pytest.approx((3 * parts[0] + 5 * parts[1]) / 8, rel=1e-9)
        assert same != couples_batch(penalty), name


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


@pytest.mark.parametrize("sides", [(5,), (4, 6), (2, 3, 4)])
def test_by_places_the_slope_is_that_of_a_patch(sides: tuple[int, ...]) -> None:
    """D(x) = mean over places of wᵀx_p has the slope ‖w‖ at each place, whatever the size."""
    torch.manual_seed(0)
    w = torch.randn(3, dtype=torch.float64)
    real, fake = torch.randn(2, 4, 3, *sides, dtype=torch.float64)

    def critic(x: Tensor) -> Tensor:
        return torch.einsum("ncp,c->np", x.flatten(2), w).mean(1)

    value = gradient_penalty_places(critic, real, fake, NOISE, weight=0.5)
    assert value.item() == pytest.approx(0.5 * (w.norm().item() - 1) ** 2)
