"""The planar flow: its density, its loss, and that it fits an energy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context, Progress
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.energy import energy
from genus.models.flow.planar_flow import PlanarFlow
from genus.objectives.plane_energies import plane_energy

PLANE = DataSpec(example=Space(kind="vector", shape=(2,)))


def grid(side: float, steps: int) -> tuple[torch.Tensor, float]:
    axis = torch.linspace(-side, side, steps, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis), float(axis[1] - axis[0]) ** 2


def test_density_integrates_to_one_and_is_that_of_the_samples() -> None:
    torch.manual_seed(0)
    model = PlanarFlow(PLANE, layers=4).double()
    for layer in model.flow.parts:
        torch.nn.init.normal_(layer.direction, std=0.5)  # type: ignore[arg-type]
    points, area = grid(15, 1001)
    density = model.log_prob(points, noise=Noise(0)).exp()
    assert float(density.sum()) * area == pytest.approx(1, abs=1e-3)
    mean = (density[:, None] * points).sum(0) * area
    samples = model.sample(20_000, noise=Noise(0))
    assert torch.allclose(samples.mean(0), mean, atol=5 * float(samples.std()) / math.sqrt(20_000))


def test_a_short_fit_comes_near_the_energy() -> None:
    """Reverse divergence from the two half moons: a standard normal is 3 nats away, or more."""
    torch.manual_seed(0)
    model = PlanarFlow(PLANE, layers=8, annealing=0.0)
    points, area = grid(4.6, 461)
    log_z = math.log(float((-plane_energy("u1", points)).exp().sum()) * area)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    losses: list[float] = []
    for i in range(300):
        terms = model.loss(Batch(torch.zeros(128, 2)), Context(noise=Noise(i)))
        optimizer.zero_grad()
        sum(terms.values()).backward()  # type: ignore[union-attr]
        optimizer.step()
        losses.append(sum(float(term.detach()) for term in terms.values()))
    assert losses[0] + log_z > 3
    assert -0.3 < float(np.mean(losses[-50:])) + log_z < 1.0


def test_the_energy_counts_more_and_more() -> None:
    model, batch = PlanarFlow(PLANE, layers=2), Batch(torch.zeros(64, 2))

    def share(fraction: float) -> float:
        ctx = Context(noise=Noise(0), progress=Progress(fraction=fraction))
        terms = model.loss(batch, ctx)
        return float((terms["energy"] / ctx.observed["potential"]).detach())

    assert [share(f) for f in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.01, 0.505, 1, 1])


def test_data_have_the_density_of_the_energy() -> None:
    points, area = grid(4.6, 461)
    for name in ("u1", "u4"):
        density = (-plane_energy(name, points)).exp()
        density = density / density.sum()
        source = energy(energy=name, n=20_000).train
        x = source.batch(np.arange(len(source))).x.double()
        mean = (density[:, None] * points).sum(0)
        assert torch.allclose(x.mean(0), mean, atol=0.08)
        square = (density[:, None] * points.square()).sum(0)
        assert torch.allclose(x.square().mean(0), square, rtol=0.05)
    assert area > 0


def test_other_data_are_refused() -> None:
    with pytest.raises(RecipeError, match="plane"):
        PlanarFlow(DataSpec(example=Space(kind="vector", shape=(3,))))
