"""Noise paths against closed forms, and the conversions between what networks predict."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from genus.core.errors import InputError, RecipeError
from genus.core.noise_path import NoisePath, Predicts
from genus.layers.betas import betas
from genus.layers.noise_paths import (
    Cosine,
    Discrete,
    Straight,
    SubVariancePreserving,
    VarianceExploding,
    VariancePreserving,
)

PATHS: dict[str, NoisePath] = {
    "vp": VariancePreserving(),
    "sub-vp": SubVariancePreserving(),
    "ve": VarianceExploding(),
    "straight": Straight(),
    "cosine": Cosine(),
    "discrete": Discrete(num_steps=10),
}
EACH_PATH = pytest.mark.parametrize("path", list(PATHS.values()), ids=list(PATHS))


def times(path: NoisePath) -> torch.Tensor:
    """Five times of a path, ends included; no knots of discrete ones, where slopes jump."""
    return path.time_at(torch.tensor([0.0, 0.123, 0.456, 0.789, 0.97], dtype=torch.float64))


@EACH_PATH
@pytest.mark.parametrize("predicts", get_args(Predicts))
def test_every_prediction_gives_back_example_and_noise(path: NoisePath, predicts: Predicts) -> None:
    x, noise = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    time = times(path)
    seen = path.diffuse(x, time, noise)
    output = path.target(x, time, noise, predicts, 0.7)
    found = path.estimate(output, seen, time, predicts, 0.7)
    assert torch.allclose(found.noise, noise, atol=1e-8)
    assert torch.allclose(found.clean, x, atol=1e-8 * max(1, float(path.rates(time).noise.max())))
    assert torch.allclose(path.velocity(found, time), path.target(x, time, noise, "velocity"), atol=1e-6)
    assert torch.allclose(path.score(found, time), path.target(x, time, noise, "score"), rtol=1e-7)


@EACH_PATH
def test_rates_are_derivatives(path: NoisePath) -> None:
    time = times(path).requires_grad_()
    rates = path.rates(time)
    for value, rate in ((rates.signal, rates.signal_rate), (rates.noise, rates.noise_rate)):
        constant = not value.requires_grad  # the signal of variance exploding paths
        slope = 0 * time if constant else torch.autograd.grad(value.sum(), time, retain_graph=True)[0]
        assert torch.allclose(rate, slope, rtol=1e-9)


@EACH_PATH
def test_two_stretches_of_noise_add_up(path: NoisePath) -> None:
    """σ_t² = (α_t/α_s)² σ_s² + added(t, s), and all of it is added from time 0."""
    late, early = times(path)[3], times(path)[1]
    (a, s), (a_early, s_early) = path.coefficients(late), path.coefficients(early)
    expected = s.square() - (a / a_early * s_early).square()
    assert float(path.added(late, early)) == pytest.approx(float(expected), rel=1e-9)
    assert float(path.added(late, 0 * late)) == pytest.approx(float(s.square()), rel=1e-9)


@EACH_PATH
def test_posterior_is_bayes_rule(path: NoisePath) -> None:
    """Product of q(x_s | x_0) and q(x_t | x_s), normalised, for scalars."""
    late, early = times(path)[3], times(path)[1]
    clean, noisy = torch.tensor([[0.7]], dtype=torch.float64), torch.tensor([[-0.4]], dtype=torch.float64)
    mean, variance, added = (float(number) for number in path.posterior(noisy, clean, late, early))
    signal, dirt = (float(number) for number in path.coefficients(early))
    ratio = float(path.coefficients(late)[0]) / signal
    precision = 1 / dirt**2 + ratio**2 / added
    assert variance == pytest.approx(1 / precision, rel=1e-9)
    assert mean == pytest.approx((signal * 0.7 / dirt**2 + ratio * -0.4 / added) / precision, rel=1e-9)
    mean, variance, _ = path.posterior(noisy, clean, late, 0 * late)
    assert float(mean) == pytest.approx(0.7, rel=1e-12)
    assert float(variance) == 0


@EACH_PATH
def test_grids_fall_from_the_last_time_to_zero(path: NoisePath) -> None:
    grid = path.grid(5)
    assert float(grid[0]) == pytest.approx(path.last)
    assert float(grid[-1]) == 0
    assert (grid.diff() < 0).all()
    assert float(grid[-2]) >= path.first * (1 - 1e-9)
    with pytest.raises(InputError, match="not 0"):
        path.grid(0)


def test_variance_preserving_marginals() -> None:
    """α(t)² = exp(−β_min t − ½ (β_max − β_min) t²) of arXiv:2011.13456, eq. 33."""
    time = torch.tensor([0.3, 1.0], dtype=torch.float64)
    squares = (-0.1 * time - 0.5 * 19.9 * time**2).exp()
    whole, sub = PATHS["vp"].rates(time), PATHS["sub-vp"].rates(time)
    assert torch.allclose(whole.signal, squares.sqrt())
    assert torch.allclose(whole.noise, (1 - squares).sqrt())
    assert torch.allclose(sub.noise, 1 - squares)


def test_variance_exploding_levels_are_geometric_or_those_of_the_paper() -> None:
    geometric = VarianceExploding(sigma_min=0.01, sigma_max=1.0, spacing="geometric").grid(3)
    assert geometric.tolist() == pytest.approx([1.0, 0.1, 0.01, 0.0])
    karras = VarianceExploding().grid(18)
    assert float(karras[1]) == pytest.approx((80 ** (1 / 7) + (0.002 ** (1 / 7) - 80 ** (1 / 7)) / 17) ** 7)


def test_linear_schedule_ends_at_the_published_value() -> None:
    path = Discrete(schedule="linear", num_steps=1000)
    assert float(path.log_table[-1].exp()) == pytest.approx(4.0358e-5, rel=1e-4)
    assert float(path.rates(torch.tensor(0.001).double()).noise) == pytest.approx(1e-2, rel=1e-7)


def test_cosine_schedule_keeps_the_cosine() -> None:
    path = Discrete(schedule="cosine", num_steps=1000)
    time = torch.tensor(0.5, dtype=torch.float64)
    start, half = (torch.cos((t + 0.008) / 1.008 * torch.pi / 2).square() for t in (0 * time, time))
    assert float(path.rates(time).signal) ** 2 == pytest.approx(float(half / start), rel=1e-9)


def test_discrete_schedules_are_samples_of_their_path() -> None:
    path = Discrete(num_steps=10)
    table = torch.cumprod(1 - betas("linear", 10), 0)
    steps = torch.arange(1, 11, dtype=torch.float64)
    assert torch.allclose(path.rates(steps / 10).signal.square(), table, rtol=1e-12)
    assert path.position(steps / 10).tolist() == steps.tolist()
    assert (path.grid(4) * 10).tolist() == pytest.approx([10, 8, 5, 2, 0])


@pytest.mark.parametrize("steps", [2, 7, 1000])
def test_every_step_adds_some_noise_and_less_than_all(steps: int) -> None:
    for name in ("linear", "cosine"):
        values = betas(name, steps)
        assert values.shape == (steps,)
        assert ((values > 0) & (values < 1)).all()


def test_straight_path_of_two_gaussians_has_the_published_velocity() -> None:
    """Reference value 33, where time runs the other way: m = 2, s = .5, t = .3."""
    path, time = Straight(), torch.tensor([0.7], dtype=torch.float64)
    n, generator = 400_000, torch.Generator().manual_seed(0)
    x = 2 + 0.5 * torch.randn(n, 1, dtype=torch.float64, generator=generator)
    noise = torch.randn(n, 1, dtype=torch.float64, generator=generator)
    many = time.expand(n)
    seen, target = path.diffuse(x, many, noise), -path.target(x, many, noise, "velocity")
    slope = float(((seen - seen.mean()) * (target - target.mean())).mean() / seen.var())
    assert slope == pytest.approx(-1.2195122, abs=0.01)
    rest = target - target.mean() - slope * (seen - seen.mean())
    assert float(rest.square().mean()) == pytest.approx(0.4878049, abs=0.01)


@pytest.mark.parametrize("build", [VariancePreserving, Straight])
def test_impossible_ends_are_refused(build) -> None:
    with pytest.raises(RecipeError, match="first below 1"):
        build(first=1.0)
