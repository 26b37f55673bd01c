"""DDPM against closed forms of Gaussian data."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.errors import InputError, RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.diffusion.ddpm import DDPM, _strata
from genus.networks.residual_mlp import residual_mlp
from genus.networks.unet import unet

LINE = DataSpec(example=Space(kind="vector", shape=(1,)))
GREY = DataSpec(
    example=Space(kind="image", shape=(1, 6, 5), range=(0.0, 1.0), levels=4),
    condition=class_space(("a", "b")),
)
SMALL = partial(unet, width=8, multipliers=(1,))


class Exact(DDPM):
    """Knows the noise in data N(mean, variance)."""

    mean, variance = 0.0, 1.0

    def predict_noise(self, x: Tensor, step: Tensor, condition: Tensor | None = None) -> Tensor:
        signal, dirt = self.schedule.signal[step][:, None], self.schedule.dirt[step][:, None]
        return (dirt.sqrt() * (x - signal.sqrt() * self.mean) / (signal * self.variance + dirt)).to(x.dtype)


def exact(mean: float, variance: float, **settings: int) -> Exact:
    model = Exact(LINE, network=partial(residual_mlp, width=4), **settings)
    model.mean, model.variance = mean, variance
    return model


@pytest.mark.parametrize("steps", [2, 5, 50, 1000])
def test_bound_of_standard_normal_data_is_their_entropy_for_any_number_of_steps(steps: int) -> None:
    """Every term is quadratic in x₀ and ε, so averages over ±1 are exact expectations."""
    model = exact(0, 1, num_steps=steps, sampling_steps=1, bound_steps=steps if steps < 100 else 100)
    x = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]).double()
    noise = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]).double()
    terms = [model.bound_term(x, torch.full((4,), t), noise).mean() for t in range(1, steps + 1)]
    signal, dirt = model.schedule.signal[-1], model.schedule.dirt[-1]
    last = 0.5 * (dirt + signal - 1 - dirt.log())  # E KL(q(x_T | x_0) ‖ N(0, 1))
    assert float(last - sum(terms)) == pytest.approx(1.4189385332, abs=1e-9)


def test_sampled_bound_is_unbiased() -> None:
    model = exact(0, 1, num_steps=60, sampling_steps=1, bound_steps=12)
    values = model.log_prob(torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)), noise=Noise(1))
    error = float(values.std()) / 4000**0.5
    assert float(-values.mean()) == pytest.approx(1.4189385332, abs=4 * error)
    assert error < 0.05


@pytest.mark.parametrize("variance", [0.0, 0.25, 1.0])
def test_loss_of_the_exact_denoiser_is_the_minimum(variance: float) -> None:
    model = exact(0, variance, num_steps=50, sampling_steps=1, bound_steps=2)
    n = 40_000
    x = variance**0.5 * torch.randn(n, 1, generator=torch.Generator().manual_seed(0))
    loss = model.loss(Batch(x), Context(noise=Noise(3)))["noise"]
    signal, dirt = model.schedule.signal[1:], model.schedule.dirt[1:]
    minimum = float((signal * variance / (signal * variance + dirt)).mean())
    assert float(loss) == pytest.approx(minimum, abs=4 * 2**0.5 / n**0.5 if variance else 1e-9)


def test_samples_of_the_exact_denoiser_have_the_data_distribution() -> None:
    model = exact(3, 0.25, num_steps=1000, sampling_steps=1000)
    x = model.sample(2000, noise=Noise(0))
    assert abs(float(x.mean()) - 3) < 0.05


def test_bound_of_grey_values_is_a_probability() -> None:
    """Σ over all images of exp(bound) ≤ 1, and equality cannot hold for an untrained model."""
    spec = DataSpec(example=Space(kind="image", shape=(1, 1, 2), range=(0.0, 1.0), levels=3))
    model = DDPM(spec, network=SMALL, num_steps=4, sampling_steps=2, bound_steps=4)
    values = torch.tensor([0.0, 0.5, 1.0])
    images = torch.cartesian_prod(values, values).view(9, 1, 1, 2)
    bound = torch.stack([model.log_prob(images, noise=Noise(seed)) for seed in range(40)]).mean(0)
    assert 0.01 < float(bound.exp().sum()) <= 1
    assert model.levels == 3


def test_continuous_bounded_data_are_charged_for_the_scaling() -> None:
    narrow = DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, 1.0)))
    wide = DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, 10.0)))
    steps = {"num_steps": 4, "sampling_steps": 2, "bound_steps": 4}
    build = partial(DDPM, network=partial(residual_mlp, width=4), **steps)
    x = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    a = build(narrow).log_prob(x, noise=Noise(0))
    torch.manual_seed(0)
    b = build(wide).log_prob(10 * x, noise=Noise(0))
    assert torch.allclose(a - b, torch.full((5,), 2 * torch.tensor(10.0).log().item()), atol=1e-4)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
@pytest.mark.parametrize("conditional", [False, True])
def test_samples_in_range_and_independent_of_the_batch(sampler: str, conditional: bool) -> None:
    torch.manual_seed(0)
    model = DDPM(
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
    model = DDPM(GREY, network=SMALL, num_steps=20, sampling_steps=5, bound_steps=5, conditional=True)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x, step = torch.rand(1, 1, 6, 5), torch.tensor([3])
    assert not torch.equal(*(model.predict_noise(x, step, torch.tensor([c])) for c in (0, 1)))
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
        DDPM(LINE, network=partial(residual_mlp), num_steps=10, bound_steps=5)
    with pytest.raises(RecipeError, match="eta"):
        DDPM(LINE, network=partial(residual_mlp), sampler="ddpm", eta=0.5)
    with pytest.raises(RecipeError, match="classes"):
        DDPM(LINE, network=partial(residual_mlp), conditional=True)
    with pytest.raises(RecipeError, match="residual-mlp"):
        DDPM(LINE, network=partial(unet))


def test_learns_two_points() -> None:
    """A few hundred plain gradient steps put most samples near one of two points."""
    torch.manual_seed(0)
    model = DDPM(
        DataSpec(example=Space(kind="vector", shape=(1,))), network=partial(residual_mlp, width=32, blocks=2),
        num_steps=50, sampling_steps=50, bound_steps=10, features=16,
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
