"""The forward process against closed forms."""

from __future__ import annotations

import pytest
import torch

from genus.layers.diffusion import NoiseSchedule, betas


def test_linear_schedule_ends_at_the_published_value() -> None:
    schedule = NoiseSchedule(betas("linear", 1000))
    assert float(schedule.signal[-1]) == pytest.approx(4.0358e-5, rel=1e-4)
    assert float(schedule.dirt[1]) == pytest.approx(1e-4, rel=1e-12)
    assert torch.allclose(schedule.signal + schedule.dirt, torch.ones(1001).double(), atol=1e-15)


def test_cosine_schedule_keeps_the_cosine() -> None:
    schedule = NoiseSchedule(betas("cosine", 1000))
    time = torch.tensor(0.5, dtype=torch.float64)
    start, half = (torch.cos((t + 0.008) / 1.008 * torch.pi / 2).square() for t in (0 * time, time))
    assert float(schedule.signal[500]) == pytest.approx(float(half / start), rel=1e-9)


@pytest.mark.parametrize("steps", [2, 7, 1000])
def test_every_step_adds_some_noise_and_less_than_all(steps: int) -> None:
    for name in ("linear", "cosine"):
        values = betas(name, steps)
        assert values.shape == (steps,)
        assert ((values > 0) & (values < 1)).all()


def test_diffused_example_and_its_inverses() -> None:
    schedule = NoiseSchedule(betas("linear", 10))
    x, noise = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    step = torch.tensor([1, 2, 5, 9, 10])
    noisy = schedule.diffuse(x, step, noise)
    signal = schedule.signal[step][:, None]
    assert torch.allclose(noisy, signal.sqrt() * x + (1 - signal).sqrt() * noise, atol=1e-12)
    assert torch.allclose(schedule.clean(noisy, step, noise), x, atol=1e-9)
    velocity = signal.sqrt() * noise - (1 - signal).sqrt() * x
    assert torch.allclose(schedule.noise_of_velocity(noisy, step, velocity), noise, atol=1e-9)
    assert torch.allclose(schedule.noise_of(noisy, step, x), noise, atol=1e-9)


@pytest.mark.parametrize(("step", "earlier"), [(9, 8), (9, 3), (1, 0)])
def test_posterior_is_bayes_rule(step: int, earlier: int) -> None:
    """Product of q(x_s | x_0) and q(x_t | x_s), normalised, for scalars."""
    schedule = NoiseSchedule(betas("linear", 10))
    clean, noisy = torch.tensor([[0.7]], dtype=torch.float64), torch.tensor([[-0.4]], dtype=torch.float64)
    mean, variance, added = schedule.posterior(noisy, clean, torch.tensor([step]), torch.tensor([earlier]))
    s, t = float(schedule.signal[earlier]), float(schedule.signal[step])
    ratio = t / s
    assert float(added) == pytest.approx(1 - ratio, rel=1e-9)
    assert float(added) == pytest.approx(1 - float((1 - betas("linear", 10))[earlier:step].prod()), rel=1e-9)
    if earlier == 0:
        assert float(mean) == pytest.approx(0.7, rel=1e-9)
        assert float(variance) == 0
        return
    precision = 1 / (1 - s) + ratio / (1 - ratio)
    assert float(variance) == pytest.approx(1 / precision, rel=1e-9)
    expected = (s**0.5 * 0.7 / (1 - s) + ratio**0.5 * -0.4 / (1 - ratio)) / precision
    assert float(mean) == pytest.approx(expected, rel=1e-9)
