"""Samplers with the exact denoiser of Gaussian data."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from genus.core.errors import InputError
from genus.core.noise import Noise
from genus.core.noise_path import NoisePath
from genus.layers.noise_paths import Cosine, Discrete, Straight, VarianceExploding, VariancePreserving
from genus.sampling.denoiser import Denoiser
from genus.sampling.probability_flow import adaptive
from genus.sampling.samplers.differential import ddim, dpm_solver, euler, heun
from genus.sampling.samplers.langevin import annealed_langevin, underdamped_langevin
from genus.sampling.samplers.stochastic import ancestral, euler_maruyama, predictor_corrector
from tests.gaussian_denoiser import Exact, begin, denoiser, drawn

VP, VE, STRAIGHT = VariancePreserving(), VarianceExploding(), Straight()
SAMPLERS = {
    "ddim": ddim, "euler": euler, "heun": heun, "dpm": dpm_solver, "ode": adaptive, "ancestral": ancestral,
    "euler-maruyama": euler_maruyama, "predictor-corrector": predictor_corrector,
    "annealed": annealed_langevin, "underdamped": underdamped_langevin,
}  # fmt: skip
PATHS: dict[str, NoisePath] = {
    "vp": VP, "ve": VE, "straight": STRAIGHT, "discrete": Discrete(num_steps=1000), "cosine": Cosine(),
}  # fmt: skip


@pytest.mark.parametrize("path", list(PATHS), ids=list(PATHS))
@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_takes_every_path(name: str, path: str) -> None:
    """Mean and deviation of N(3, ¼)."""
    langevin = name in ("annealed", "underdamped")
    steps, margin = (30, 0.1) if langevin else (200, 0.06)
    options = {"size": 0.5, "steps": 40} if name == "annealed" else {}
    x = drawn(SAMPLERS[name], PATHS[path], steps, n=3000, **options)
    assert abs(float(x.mean()) - 3) < margin
    assert abs(float(x.std()) - 0.5) < margin


def errors(sampler, path: NoisePath, counts: tuple[int, ...], last: float = 0.05) -> list[float]:
    """Largest error of the ODE's solution from the first time to one of ``last``, for so many steps."""
    view, x = denoiser(path), begin(path, 20, 1)
    ends = path.last, last

    def at(time: float) -> tuple[float, float]:
        signal, dirt = (float(number) for number in path.coefficients(torch.tensor(time).double()))
        return 3 * signal, math.sqrt(signal**2 * 0.25 + dirt**2)

    (mean, spread), (end_mean, end_spread) = at(ends[0]), at(ends[1])
    exact = end_mean + end_spread / spread * (x - mean)
    found = []
    for count in counts:
        grid = torch.linspace(*ends, count + 1, dtype=torch.float64)
        found.append(float((sampler(view, x, grid, Noise(0)) - exact).abs().max()))
    return found


@pytest.mark.parametrize(
    ("sampler", "order"),
    [(ddim, 1), (euler, 1), (heun, 2), (dpm_solver, 2)],
    ids=["ddim", "euler", "heun", "dpm"],
)
def test_errors_fall_with_the_order_of_the_method(sampler, order: int) -> None:
    few, many = errors(sampler, Cosine(first=0.01, last=0.9), (40, 80))
    assert few / many == pytest.approx(2**order, rel=0.25)


def test_the_adaptive_solution_meets_its_tolerance() -> None:
    (found,) = errors(partial(adaptive, tolerance=1e-8), Cosine(first=0.01, last=0.9), (1,))
    assert found < 1e-6


def test_ddim_with_full_noise_is_ancestral_sampling_with_the_small_variance() -> None:
    path = Discrete(num_steps=1000)
    a = drawn(partial(ddim, eta=1.0), path, 50, n=8)
    assert torch.allclose(a, drawn(partial(ancestral, variance="small"), path, 50, n=8), atol=1e-9)


def test_ddim_steps_have_the_published_values() -> None:
    """N(0, ¼), exact noise, x_T = 2, times counted from 1 as where the state is; 10 and 50 steps."""
    path = Discrete(num_steps=1000)
    for steps, value in ((10, 0.73990939), (50, 0.94280521)):
        x = ddim(denoiser(path, 0.0), torch.full((1, 1), 2.0).double(), path.grid(steps), Noise(0))
        assert float(x) == pytest.approx(value, abs=1e-6)


def test_point_data_are_hit_exactly_in_one_step() -> None:
    for name in ("ddim", "ancestral", "dpm", "heun", "euler", "euler-maruyama"):
        view = denoiser(Discrete(num_steps=10), -0.3, 0.0)
        x = SAMPLERS[name](view, begin(view.path, 5, 2), view.path.grid(1), Noise(1))
        assert torch.allclose(x, torch.full_like(x, -0.3), atol=1e-9), name


def test_predictions_are_clipped_to_the_bounds() -> None:
    path = Discrete(num_steps=1000)
    for sampler in (ddim, ancestral, dpm_solver):
        view = Denoiser(Exact(path, 3, 0.0), bounds=(-1, 1))
        x = sampler(view, begin(path, 5, 2), path.grid(10), Noise(1))
        assert torch.allclose(x, torch.ones_like(x), atol=1e-9)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "ode"])
def test_an_example_depends_on_its_own_noise_only(name: str) -> None:
    def draw(start: int, n: int) -> Tensor:
        first, later = (Noise(seed, start=start, block=1) for seed in (0, 1))
        x = first.normal(n, 2).double()
        return SAMPLERS[name](denoiser(VP, 1, 0.5), x, VP.grid(7), later)

    whole, part = draw(0, 6), draw(4, 2)
    assert torch.allclose(whole[4:], part, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "calls"),
    [("ddim", 10), ("euler", 10), ("heun", 19), ("dpm", 10), ("ancestral", 10), ("euler-maruyama", 10),
     ("predictor-corrector", 19), ("annealed", 101), ("underdamped", 111)],
)  # fmt: skip
def test_samplers_count_their_calls(name: str, calls: int) -> None:
    view = denoiser(VP)
    SAMPLERS[name](view, begin(VP, 1, 1), VP.grid(10), Noise(0))
    assert view.calls == calls


def test_annealed_langevin_has_the_known_bias_of_its_step() -> None:
    """Unadjusted steps of size h keep N(0, 1) at the variance 1/(1 − h/4)."""
    size = 0.8
    level = torch.tensor([1.0, 0.9], dtype=torch.float64)
    view = Denoiser(Exact(VE, 0.0, 0.0))  # at σ = 1 the noisy data are N(0, 1)
    x = annealed_langevin(view, begin(STRAIGHT, 4000, 1), level, Noise(1), steps=60, size=size)
    expected = 1 / (1 - size / 4)
    assert float(x.var()) == pytest.approx(expected, abs=4 * expected * math.sqrt(2 / 4000))


def test_churn_adds_noise_and_keeps_the_distribution() -> None:
    x = drawn(partial(heun, churn=20.0), VE, 40)
    assert not torch.equal(x, drawn(heun, VE, 40))
    assert abs(float(x.std()) - 0.5) < 0.03


def test_an_ode_that_does_not_converge_says_where() -> None:
    class Wild(Exact):
        def estimate(self, x: Tensor, time: Tensor, condition: Tensor | None = None):
            found = super().estimate(x, time, condition)
            return type(found)(found.clean, found.noise + torch.nan)

    with pytest.raises(InputError, match=r"tolerance of 1e-05 at t = 1 \(the slope is not finite\)"):
        adaptive(Denoiser(Wild(VP, 0, 1)), begin(VP, 2, 1), VP.grid(2), Noise(0))
