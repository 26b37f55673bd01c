"""Consistency models and mean flows against closed forms."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.noise import Noise
from genus.core.noise_path import like
from genus.core.phase import Context, Progress
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.diffusion.consistency import Consistency
from genus.models.diffusion.meanflow import MeanFlow
from genus.networks.residual_mlp import residual_mlp
from genus.sampling.samplers.differential import heun
from genus.sampling.samplers.stochastic import multistep_consistency

LINE = DataSpec(example=Space(kind="vector", shape=(1,)))
NET = partial(residual_mlp, width=32, blocks=2)


def consistency(**settings) -> Consistency:
    torch.manual_seed(0)
    return Consistency(
        LINE, network=NET, sampler=multistep_consistency, features=16, deviation=0.5, **settings
    ).double()


def randomise(model: nn.Module) -> None:
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)


def test_the_map_is_the_identity_at_the_smallest_level() -> None:
    model = consistency()
    randomise(model)
    x = torch.randn(4, 1, generator=torch.Generator().manual_seed(0)).double()
    at = torch.full((4,), model.path.first, dtype=torch.float64)
    assert torch.allclose(model.map(x, at), x, atol=1e-12)
    assert not torch.allclose(model.map(x, 2 * at), x, atol=1e-9)


class Linear(Consistency):
    """f(x, σ) = x ((s² + ε²)/(s² + σ²))^p; the ODE of N(0, s²) keeps x/√(s² + σ²), so p = ½ is its map."""

    def map(self, x: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        share = ((0.25 + self.path.first**2) / (0.25 + time.square())).to(x.dtype)
        return like(share, x) ** self.power * x


def test_training_leaves_the_map_of_gaussian_data_alone() -> None:
    torch.manual_seed(0)
    model = Linear(
        LINE, network=NET, sampler=multistep_consistency, features=16, sigma_max=10.0, levels_last=1280,
        huber=1e3,
    )  # fmt: skip
    x = 0.5 * torch.randn(40_000, 1, generator=torch.Generator().manual_seed(0)).double()

    def slope(power: float) -> float:
        model.power = torch.tensor(power, dtype=torch.float64, requires_grad=True)
        ctx = Context(noise=Noise(0), progress=Progress(fraction=0.999))
        (found,) = torch.autograd.grad(model.loss(Batch(x), ctx)["distance"], model.power)
        return float(found)

    below, at, above = (slope(power) for power in (0.4, 0.5, 0.6))
    assert below < 0 < above
    assert abs(at) < 0.15 * min(-below, above)


def test_levels_double_in_the_course_of_training() -> None:
    model = consistency(levels_first=10, levels_last=160)
    counts = [model.count_levels(fraction) for fraction in (0.0, 0.19, 0.21, 0.5, 0.99, 1.0)]
    assert counts == [11, 11, 21, 41, 161, 161]


def test_more_steps_begin_at_levels_between() -> None:
    model = consistency(sampling_steps=2)
    middle = ((80 ** (1 / 7) + 0.002 ** (1 / 7)) / 2) ** 7
    assert model.sampling_times().tolist() == pytest.approx([80, middle, 0])


def test_consistency_learns_two_points_in_one_step() -> None:
    model = consistency(sigma_max=20.0, levels_last=80)
    model.deviation = 1.0
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = torch.tensor([[-1.0], [1.0]]).double().repeat(64, 1)
    for i in range(600):
        optimizer.zero_grad()
        ctx = Context(noise=Noise(i), progress=Progress(fraction=i / 600))
        model.loss(Batch(data), ctx)["distance"].backward()
        optimizer.step()
    x = model.sample(400, noise=Noise(0))
    assert float(((x.abs() - 1).abs() < 0.4).double().mean()) > 0.8
    assert 0.3 < float((x > 0).double().mean()) < 0.7


class Mean(MeanFlow):
    """The mean velocity of Gaussian data: the ODE of N(0, s²) scales by √((1 − t)² s² + t²)."""

    def mean_velocity(self, x: Tensor, earlier: Tensor, time: Tensor, condition: object = None) -> Tensor:
        def size(t: Tensor) -> Tensor:
            return ((1 - t).square() * 0.25 + t.square()).sqrt()

        gap = time - earlier
        instant = ((time - 1) * 0.25 + time) / size(time).square()
        mean = (size(time) - size(earlier)) / (size(time) * torch.where(gap == 0, 1.0, gap))
        return like(torch.where(gap == 0, instant, mean), x) * x


def test_identity_of_the_mean_velocity_holds_for_gaussian_data() -> None:
    """u = v − (t − r) du/dt on average over what was noised to x_t; u(r = t) is the ODE's velocity."""
    torch.manual_seed(0)
    model = Mean(LINE, network=NET, features=16).double()
    time, earlier = torch.tensor([0.7]).double(), torch.tensor([0.2]).double()
    x = torch.tensor([[0.9]]).double()

    def along(step: float) -> Tensor:
        return model.mean_velocity(x + step * velocity, earlier, time + step)

    velocity = model.mean_velocity(x, time, time)
    slope = (along(1e-5) - along(-1e-5)) / 2e-5
    assert float(along(0)) == pytest.approx(float(velocity - 0.5 * slope), rel=1e-7)
    spread = math.sqrt(0.09 * 0.25 + 0.49)
    assert float(velocity) == pytest.approx((0.7 - 0.3 * 0.25) / spread**2 * 0.9, rel=1e-6)
    samples = model.sample(4000, noise=Noise(0))
    assert float(samples.std()) == pytest.approx(0.5, abs=0.02)


def test_meanflow_learns_two_points_in_one_step_and_as_an_ode() -> None:
    torch.manual_seed(0)
    model = MeanFlow(LINE, network=NET, features=16, apart=0.5).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = torch.tensor([[-1.0], [1.0]]).double().repeat(64, 1)
    for i in range(800):
        optimizer.zero_grad()
        model.loss(Batch(data), Context(noise=Noise(i)))["error"].backward()
        optimizer.step()
    one = model.sample(400, noise=Noise(0))
    model.sampler, model.sampling_steps = heun, 20
    many = model.sample(400, noise=Noise(0))
    for x in (one, many):
        assert float(((x.abs() - 1).abs() < 0.35).double().mean()) > 0.8
        assert 0.3 < float((x > 0).double().mean()) < 0.7
