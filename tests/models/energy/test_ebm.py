"""Energy-based models and learned scores against closed forms."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.energy.ebm import EBM
from genus.models.energy.score_matching import ScoreMatching
from genus.networks.mlp import mlp

LINE = DataSpec(example=Space(kind="vector", shape=(1,)))


class Quadratic(nn.Module):
    """E = ½ k x²."""

    def __init__(self, k: float) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k))

    def forward(self, x: Tensor) -> Tensor:
        """Energies ``(n, 1)``."""
        return 0.5 * self.k * x.square()


def quadratic(k: float, **settings: Any) -> EBM:
    return EBM(LINE, network=lambda inputs, outputs: Quadratic(k), bound=1e9, **settings)


def test_gradient_is_the_difference_of_second_moments() -> None:
    model = quadratic(2.0, energy_penalty=0.0, data_noise=0.0, fresh=0.0, replay=50, steps=3, step_size=0.5)
    x = torch.linspace(-2, 2, 40)[:, None]
    loss = model.loss(Batch(x), Context(noise=Noise(0)))
    (slope,) = torch.autograd.grad(loss["contrast"], model.network.k)
    noise = Noise(0)
    noise.normal(40, 1)
    places = noise.integers(50, 40)
    moments = 0.5 * x.square().mean() - 0.5 * model.chains[places].square().mean()
    # of chains that were drawn twice the last one is kept
    assert float(slope) == pytest.approx(float(moments), abs=0.15)
    assert float(loss["size"].detach()) == 0


def test_langevin_chains_have_the_known_bias_of_their_step() -> None:
    """Unadjusted steps of size h on ½ k x² have the variance 1/(k (1 − h k/4))."""
    model = quadratic(1.5, replay=4000, step_size=0.8**0.5, step_noise=0.8**0.5, sampling_steps=60)
    x = model.sample(4000, noise=Noise(0))
    expected = 1 / (1.5 * (1 - 0.8 * 1.5 / 4))
    assert float(x.var()) == pytest.approx(expected, abs=4 * expected * (2 / 4000) ** 0.5)


def test_chains_are_kept_and_some_begin_anew() -> None:
    model = quadratic(1.0, replay=30, steps=1, step_size=1e-6, step_noise=0.0, fresh=0.5)
    before = model.chains.clone()
    model.loss(Batch(torch.zeros(20, 1)), Context(noise=Noise(1)))
    moved = (model.chains != before).float().mean()
    assert 0.1 < float(moved) < 0.6


def test_energy_learns_where_data_are() -> None:
    torch.manual_seed(0)
    model = EBM(
        LINE, network=partial(mlp, hidden=(32, 32), activation="silu"), steps=10, step_size=0.3,
        step_noise=0.3, replay=500, bound=100.0, data_noise=0.0, energy_penalty=0.001, sampling_steps=50,
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(0)
    for i in range(400):
        x = (
            2 * torch.randint(0, 2, (64, 1), generator=generator)
            - 1
            + 0.3 * torch.randn(64, 1, generator=generator)
        )
        optimizer.zero_grad()
        sum(model.loss(Batch(x), Context(noise=Noise(i))).values()).backward()
        optimizer.step()
    grid = torch.tensor([[-1.0], [1.0], [-2.5], [2.5]])
    energy = -model.log_prob(grid, noise=Noise(0))
    assert float(energy[:2].max()) < float(energy[2:].min()) - 1
    x = model.sample(400, noise=Noise(0))
    assert 0.7 < float(x.abs().mean()) < 1.3
    assert abs(float(x.mean())) < 0.4


@pytest.mark.parametrize("method", ["explicit", "sliced", "denoising"])
def test_score_of_a_mixture_is_recovered_within_two_percent(method: str) -> None:
    """.3 N(−1, ¼) + .7 N(2, 1), whose score at ½ is 1.2862943302; smoothed where noise is added."""
    torch.manual_seed(0)
    sigma = 0.2 if method == "denoising" else 0.0
    model = ScoreMatching(
        LINE, network=partial(mlp, hidden=(64, 64), activation="silu"), method=method, sigma=0.2
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1500)
    generator = torch.Generator().manual_seed(0)

    def draw(n: int) -> Tensor:
        first = torch.rand(n, 1, generator=generator) < 0.3
        z = torch.randn(n, 1, generator=generator)
        return torch.where(first, -1 + 0.5 * z, 2 + z)

    for i in range(1500):
        optimizer.zero_grad()
        model.loss(Batch(draw(1024)), Context(noise=Noise(i)))["score"].backward()
        optimizer.step()
        schedule.step()
    x = draw(20_000) + sigma * torch.randn(20_000, 1, generator=generator)
    variances = torch.tensor([0.25, 1.0]) + sigma**2
    gaps = x - torch.tensor([-1.0, 2.0])
    weights = (
        torch.tensor([0.3, 0.7]).log() - gaps.square() / (2 * variances) - variances.log() / 2
    ).softmax(1)
    exact = -(weights * gaps / variances).sum(1, keepdim=True)
    error = (model.score(x).detach() - exact).square().mean() / exact.square().mean()
    assert float(error) < 0.02


def test_explicit_matching_of_many_numbers_is_refused() -> None:
    wide = DataSpec(example=Space(kind="vector", shape=(100,)))
    with pytest.raises(RecipeError, match="at most 64"):
        ScoreMatching(wide, network=partial(mlp), method="explicit")
