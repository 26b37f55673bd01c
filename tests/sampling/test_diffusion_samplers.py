"""Diffusion samplers with the exact denoiser of Gaussian data."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genus.core.capabilities import Denoises
from genus.core.errors import InputError
from genus.core.noise import Noise
from genus.layers.diffusion import NoiseSchedule, betas
from genus.sampling.diffusion import ancestral, ddim, visited_steps

SCHEDULE = NoiseSchedule(betas("linear", 1000))


class Exact(Denoises):
    """ε* for data N(mean, variance): √(1 − ᾱ)(x − √ᾱ m)/(ᾱs² + 1 − ᾱ)."""

    def __init__(self, mean: float, variance: float) -> None:
        self.mean, self.variance = mean, variance
        self.calls = 0

    def predict_noise(self, x: Tensor, step: Tensor, condition: Tensor | None = None) -> Tensor:
        self.calls += 1
        signal, dirt = SCHEDULE.signal[step][:, None], SCHEDULE.dirt[step][:, None]
        return dirt.sqrt() * (x - signal.sqrt() * self.mean) / (signal * self.variance + dirt)


def test_ddim_reaches_the_mean_and_spread_of_the_data() -> None:
    start = Noise(0).normal(4000, 1).double()
    x = ddim(Exact(3, 0.25), SCHEDULE, start, noise=Noise(1), num_steps=1000)
    assert abs(float(x.mean()) - 3) < 0.05
    assert abs(float(x.std()) - 0.5) < 0.02


def test_ancestral_reaches_the_mean_and_spread_of_the_data() -> None:
    start = Noise(0).normal(4000, 1).double()
    for variance in ("large", "small"):
        x = ancestral(Exact(3, 0.25), SCHEDULE, start, noise=Noise(1), num_steps=250, variance=variance)
        assert abs(float(x.mean()) - 3) < 0.05
        assert abs(float(x.std()) - 0.5) < 0.03


def test_ddim_with_full_noise_is_ancestral_sampling_with_the_small_variance() -> None:
    start = Noise(0).normal(8, 3).double()
    a = ddim(Exact(3, 0.25), SCHEDULE, start, noise=Noise(1), num_steps=50, eta=1.0)
    b = ancestral(Exact(3, 0.25), SCHEDULE, start, noise=Noise(1), num_steps=50, variance="small")
    assert torch.allclose(a, b, atol=1e-9)


def test_point_data_are_hit_exactly_in_one_step() -> None:
    start = Noise(0).normal(5, 2).double()
    for sampler in (ddim, ancestral):
        x = sampler(Exact(-0.3, 0.0), SCHEDULE, start, noise=Noise(1), num_steps=1)
        assert torch.allclose(x, torch.full_like(x, -0.3), atol=1e-9)


def test_predictions_are_clipped_to_the_bounds() -> None:
    start = Noise(0).normal(5, 2).double()
    for sampler in (ddim, ancestral):
        x = sampler(Exact(3, 0.0), SCHEDULE, start, noise=Noise(1), num_steps=10, bounds=(-1, 1))
        assert torch.allclose(x, torch.ones_like(x), atol=1e-9)


@pytest.mark.parametrize("sampler", [ancestral, ddim])
def test_an_example_depends_on_its_own_noise_only(sampler) -> None:
    def draw(start: int, n: int) -> Tensor:
        first, later = (Noise(seed, start=start, block=1) for seed in (0, 1))
        return sampler(Exact(1, 0.5), SCHEDULE, first.normal(n, 2), noise=later, num_steps=7)

    whole, part = draw(0, 6), draw(4, 2)
    assert torch.allclose(whole[4:], part, atol=1e-6)


def test_only_visited_steps_cost_a_prediction() -> None:
    model = Exact(0, 1)
    ddim(model, SCHEDULE, torch.zeros(1, 1), noise=Noise(0), num_steps=20)
    assert model.calls == 20
    assert visited_steps(10, 10) == list(range(10, -1, -1))
    with pytest.raises(InputError, match="1 to 10 steps"):
        visited_steps(10, 11)
