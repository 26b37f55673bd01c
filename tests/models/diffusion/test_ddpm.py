"""DDPM against closed forms of Gaussian data."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.components import Sampler
from genus.core.errors import InputError, RecipeError
from genus.core.noise import Noise
from genus.core.noise_path import like
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.layers.noise_paths import Discrete
from genus.models.diffusion.ddpm import DDPM, _strata
from genus.models.diffusion.guidance import GuidanceOptions
from genus.models.diffusion.step_importance import StepImportance
from genus.networks.residual_mlp import residual_mlp
from genus.networks.unet import unet
from genus.sampling.samplers.differential import ddim
from genus.sampling.samplers.stochastic import ancestral

LINE = DataSpec(example=Space(kind="vector", shape=(1,)))
GREY = DataSpec(
    example=Space(kind="image", shape=(1, 6, 5), range=(0.0, 1.0), levels=4),
    condition=class_space(("a", "b")),
)
SMALL = partial(unet, width=8, multipliers=(1,))


class Oracle(nn.Module):
    """Knows the noise in data N(mean, variance) at the positions 1 … T."""

    def __init__(self, path: Discrete, mean: float, variance: float, spread: float | None = None) -> None:
        super().__init__()
        self.path, self.mean, self.variance, self.spread = path, mean, variance, spread

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """The noise in ``x``, and beside it where the log of the variance lies, in [−1, 1]."""
        signal, dirt = (like(number, x) for number in self.path.coefficients(position / self.path.num_steps))
        noise = dirt * (x - signal * self.mean) / (signal.square() * self.variance + dirt.square())
        return noise if self.spread is None else torch.cat([noise, torch.full_like(noise, self.spread)], 1)


class Position(nn.Module):
    """The position itself, in place of its embedding; a parameter says the model's type of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, position: Tensor, condition: object = None, kept: object = None) -> Tensor:
        """Hand the position on."""
        return position


def build(spec: DataSpec = LINE, **settings: Any) -> DDPM:
    given: dict[str, Any] = {
        "network": partial(residual_mlp, width=4), "guidance": GuidanceOptions(), "sampler": ddim, **settings
    }  # fmt: skip
    return DDPM(spec, **given)


def exact(mean: float, variance: float, spread: float | None = None, **settings: Any) -> DDPM:
    model = build(variance="fixed" if spread is None else "learned", **settings)
    model.network, model.embedding = Oracle(model.path, mean, variance, spread), Position()
    return model


@pytest.mark.parametrize("steps", [2, 5, 50, 1000])
def test_bound_of_standard_normal_data_is_their_entropy_for_any_number_of_steps(steps: int) -> None:
    """Every term is quadratic in x₀ and ε, so averages over ±1 are exact expectations."""
    model = exact(0, 1, num_steps=steps, sampling_steps=1, bound_steps=steps if steps < 100 else 100)
    x = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]).double()
    noise = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]).double()
    times = torch.arange(1, steps + 1).double() / steps
    terms = [model.bound_term(x, time.expand(4), noise).mean() for time in times]
    signal, dirt = (number.square() for number in model.path.coefficients(times[-1]))
    last = 0.5 * (dirt + signal - 1 - dirt.log())  # E KL(q(x_T | x_0) ‖ N(0, 1))
    assert float(last - sum(terms)) == pytest.approx(1.4189385332, abs=1e-9)


def test_sampled_bound_is_unbiased() -> None:
    model = exact(0, 1, num_steps=60, sampling_steps=1, bound_steps=12)
    values = model.log_prob(torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)), noise=Noise(1))
    error = float(values.std()) / 4000**0.5
    assert float(-values.mean()) == pytest.approx(1.4189385332, abs=4 * error)
    assert error < 0.05


def test_bound_holds_the_divergence_of_the_last_step_from_the_prior() -> None:
    """Far from the data L_T = ½(ᾱ x² + (1 − ᾱ) − 1 − ln(1 − ᾱ)) is no longer small."""
    model = exact(0, 1, num_steps=1000, sampling_steps=1, bound_steps=2)
    x, noise = torch.tensor([[300.0], [-400.0]], dtype=torch.float64), Noise(7)
    terms = model.bound_term(x, torch.full((2,), 0.001).double(), noise.normal(2, 1))
    steps = 2 + noise.integers(999, 2)  # one of the only stratum, 2 … 1000
    terms = terms + 999 * model.bound_term(x, steps.double() / 1000, noise.normal(2, 1))
    signal, dirt = (number.square() for number in model.path.coefficients(torch.ones(1).double()))
    last = 0.5 * (signal * x[:, 0].square() + dirt - 1 - dirt.log())
    assert float(last.min()) > 1
    assert torch.allclose(model.log_prob(x, noise=Noise(7)), terms - last, rtol=1e-9)


@pytest.mark.parametrize("variance", [0.0, 0.25, 1.0])
def test_loss_of_the_exact_denoiser_is_the_minimum(variance: float) -> None:
    model = exact(0, variance, num_steps=50, sampling_steps=1, bound_steps=2)
    n = 40_000
    x = variance**0.5 * torch.randn(n, 1, generator=torch.Generator().manual_seed(0))
    loss = model.loss(Batch(x), Context(noise=Noise(3)))["noise"]
    signal, dirt = (number.square() for number in model.path.coefficients(torch.arange(1, 51).double() / 50))
    minimum = float((signal * variance / (signal * variance + dirt)).mean())
    assert float(loss) == pytest.approx(minimum, abs=4 * 2**0.5 / n**0.5 if variance else 1e-9)


def test_samples_of_the_exact_denoiser_have_the_data_distribution() -> None:
    model = exact(3, 0.25, num_steps=1000, sampling_steps=1000)
    x = model.sample(2000, noise=Noise(0))
    assert abs(float(x.mean()) - 3) < 0.05


def test_bound_of_grey_values_is_a_probability() -> None:
    """Σ over all images of exp(bound) ≤ 1, and equality cannot hold for an untrained model."""
    spec = DataSpec(example=Space(kind="image", shape=(1, 1, 2), range=(0.0, 1.0), levels=3))
    model = build(spec, network=SMALL, num_steps=4, sampling_steps=2, bound_steps=4)
    values = torch.tensor([0.0, 0.5, 1.0])
    images = torch.cartesian_prod(values, values).view(9, 1, 1, 2)
    bound = torch.stack([model.log_prob(images, noise=Noise(seed)) for seed in range(40)]).mean(0)
    assert 0.01 < float(bound.exp().sum()) <= 1
    assert model.levels == 3


def test_continuous_bounded_data_are_charged_for_the_scaling() -> None:
    narrow = DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, 1.0)))
    wide = DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, 10.0)))
    steps = {"num_steps": 4, "sampling_steps": 2, "bound_steps": 4}
    x = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    a = build(narrow, **steps).log_prob(x, noise=Noise(0))
    torch.manual_seed(0)
    b = build(wide, **steps).log_prob(10 * x, noise=Noise(0))
    assert torch.allclose(a - b, torch.full((5,), 2 * torch.tensor(10.0).log().item()), atol=1e-4)


@pytest.mark.parametrize("sampler", [ancestral, ddim])
@pytest.mark.parametrize("conditional", [False, True])
def test_samples_in_range_and_independent_of_the_batch(sampler: Sampler, conditional: bool) -> None:
    torch.manual_seed(0)
    model = build(
        GREY, network=SMALL, num_steps=20, sampling_steps=5, bound_steps=5, sampler=sampler,
        conditional=conditional,
    )  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    whole = model.sample(8, noise=Noise(0, block=1))
    assert whole.shape == (8, 1, 6, 5)
    assert whole.min() >= 0
    assert whole.max() <= 1
    for size in (1, 3):
        part = model.sample(size, noise=Noise(0, start=5, block=1))
        assert torch.allclose(part, whole[5 : 5 + size], atol=1e-5)


def test_class_changes_what_a_conditional_model_predicts() -> None:
    torch.manual_seed(0)
    model = build(GREY, network=SMALL, num_steps=20, sampling_steps=5, bound_steps=5, conditional=True)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x, time = torch.rand(1, 1, 6, 5), torch.tensor([3 / 20]).double()
    assert not torch.equal(*(model.estimate(x, time, torch.tensor([c])).noise for c in (0, 1)))
    with pytest.raises(InputError, match="pass the c"):
        model.log_prob(x, noise=Noise(0))
    a, b = (model.log_prob(x, condition=torch.tensor([c]), noise=Noise(0)) for c in (0, 1))
    assert not torch.equal(a, b)


def test_strata_cover_every_step_once() -> None:
    for steps, count in [(10, 9), (1000, 99), (50, 7), (2, 1)]:
        covered = [t for low, high in _strata(steps, count) for t in range(low, high)]
        assert covered == list(range(2, steps + 1))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(RecipeError, match="sampling_steps"):
        build(num_steps=10, bound_steps=5)
    with pytest.raises(RecipeError, match="classes"):
        build(conditional=True)
    with pytest.raises(RecipeError, match="residual-mlp"):
        build(network=partial(unet))


@pytest.mark.parametrize("step", [3, 5, 8])
def test_learned_variance_spans_from_the_posterior_to_what_is_added(step: int) -> None:
    """Of Gaussian data the best reverse variance is known, and lies where the oracle puts it."""
    path = Discrete(schedule="cosine", num_steps=10)
    late, early = torch.tensor(step / 10).double(), torch.tensor((step - 1) / 10).double()
    x = torch.zeros(1, 1).double()
    _, small, large = path.posterior(x, x, late, early)
    (a, _), (a_early, s_early) = path.coefficients(late), path.coefficients(early)
    marginal = 0.25 * a_early**2 + s_early**2  # of x_s; x_t = ratio x_s + noise of variance `large`
    ratio = a / a_early
    best = marginal * large / (ratio**2 * marginal + large)  # of x_s given x_t
    share = float(((best / small).log() / (large / small).log()).squeeze())
    assert 0 < share < 1
    steps: dict[str, Any] = {"schedule": "cosine", "num_steps": 10, "sampling_steps": 5, "bound_steps": 5}
    model = exact(0, 0.25, 2 * share - 1, **steps)
    noise = torch.tensor([[1.0], [-1.0]]).double()
    x = torch.tensor([[0.5], [0.5]]).double()
    found = [
        float(exact(0, 0.25, 2 * s - 1, **steps)
              .bound_term(x, late.expand(2), noise).mean())
        for s in (share - 0.2, share + 0.2)
    ]  # fmt: skip
    spread = model.own_estimate(x, late.expand(2)).spread
    assert spread is not None
    assert torch.allclose(spread, torch.full_like(spread, share))
    # averaged over data of this variance the bound is best at the true one; ± s and ± 1 are exact averages
    assert float(model.bound_term(x, late.expand(2), noise).mean()) > max(found)


def test_importance_sampling_is_unbiased() -> None:
    importance = StepImportance(8)
    steps = torch.arange(1, 9)
    assert torch.allclose(importance.weights(steps), torch.ones(8).double())
    terms = torch.linspace(0.1, 3, 8)
    for _ in range(10):
        importance.update(steps, terms)
    assert float(importance.weights(steps)[0]) > 1 > float(importance.weights(steps)[-1])
    probabilities = importance.probabilities()
    mean = float((probabilities * importance.weights(steps) * terms).sum())
    assert mean == pytest.approx(float(terms.mean()), rel=1e-6)
    drawn = importance.draw((torch.arange(100_000).double() + 0.5) / 100_000)
    assert torch.allclose(torch.bincount(drawn, minlength=9)[1:].double() / 1e5, probabilities, atol=2e-5)


def test_learns_two_points() -> None:
    """A few hundred plain gradient steps put most samples near one of two points."""
    torch.manual_seed(0)
    model = build(
        network=partial(residual_mlp, width=32, blocks=2), num_steps=50, sampling_steps=50, bound_steps=10,
        features=16,
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    data = torch.tensor([[-1.0], [1.0]]).repeat(64, 1)
    (phase,) = model.phases()
    for i in range(300):
        optimizer.zero_grad()
        sum(phase.loss(Batch(data), Context(noise=Noise(i))).values()).backward()
        optimizer.step()
    x = model.sample(500, noise=Noise(0))
    assert float(((x.abs() - 1).abs() < 0.25).float().mean()) > 0.9
    assert 0.3 < float((x > 0).float().mean()) < 0.7
