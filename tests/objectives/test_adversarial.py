"""Values and gradients at hand-computed points, and identities at the optimal discriminator."""

from __future__ import annotations

import math

import pytest
import torch

from genus.core.binder import bind, resolve
from genus.core.registry import components

LOG2 = math.log(2)
REAL, FAKE = [0.0, 2.0], [0.0, -1.0]
SOFT = math.log1p(math.exp(-2.0)), math.log1p(math.exp(-1.0))  # softplus(-2), softplus(-1)

SIGMA = 1 / (1 + math.exp(2.0)), 1 / (1 + math.exp(1.0))  # sigmoid(-2), sigmoid(-1)

VALUES = {
    # name: (discriminator, generator) for logits REAL and FAKE
    "minimax": ((LOG2 + SOFT[0]) / 2 + (LOG2 + SOFT[1]) / 2, -(LOG2 + SOFT[1]) / 2),
    "non-saturating": ((LOG2 + SOFT[0]) / 2 + (LOG2 + SOFT[1]) / 2, (LOG2 + 1 + SOFT[1]) / 2),
    "least-squares": ((1 + 1) / 4 + (0 + 1) / 4, (1 + 4) / 4),
    "wasserstein": (-0.5 - 1.0, 0.5),
    "hinge": ((1 + 0) / 2 + (1 + 0) / 2, 0.5),
    "absolute-error": ((0.5 + SIGMA[0]) / 2 + (0.5 + SIGMA[1]) / 2, -(0.5 + SIGMA[1]) / 2),
    "f-gan": ((LOG2 + SOFT[0]) / 2 + (LOG2 + SOFT[1]) / 2 - 2 * LOG2, (LOG2 + 1 + SOFT[1]) / 2 - LOG2),
}
SLOPES = {
    # name: derivative of the generator's loss with respect to FAKE[0] = 0, times 2
    "minimax": -0.5, "non-saturating": -0.5, "least-squares": -1.0, "wasserstein": -1.0, "hinge": -1.0,
    "absolute-error": -0.25, "f-gan": -0.5,
}  # fmt: skip


def test_every_objective_has_values_here() -> None:
    assert set(components("objective")) == set(VALUES) == set(SLOPES)


@pytest.mark.parametrize("name", VALUES)
def test_values_and_gradients(name: str) -> None:
    objective = bind("objective", resolve("objective", name, "objective"))
    real = torch.tensor(REAL, dtype=torch.float64)
    fake = torch.tensor(FAKE, dtype=torch.float64, requires_grad=True)
    players = objective(real, fake)
    assert players.discriminator.item() == pytest.approx(VALUES[name][0], abs=1e-12)
    assert players.generator.item() == pytest.approx(VALUES[name][1], abs=1e-12)
    (slope,) = torch.autograd.grad(players.generator, fake)
    assert 2 * slope[0].item() == pytest.approx(SLOPES[name], abs=1e-12)


def test_cross_entropy_at_the_optimal_discriminator() -> None:
    """At D* = p/(p + q) the loss is 2 log 2 − 2 JSD; for N(0, 1) and N(1, 1) it is 1.1634513968."""
    x = torch.linspace(-12, 13, 200_001, dtype=torch.float64)
    logit = 0.5 - x
    step = x[1] - x[0]
    p = torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi) * step
    q = torch.exp(-(x - 1).square() / 2) / math.sqrt(2 * math.pi) * step
    loss = (p * torch.nn.functional.softplus(-logit)).sum() + (q * torch.nn.functional.softplus(logit)).sum()
    assert loss.item() == pytest.approx(1.1634513968, abs=1e-8)
    minimax = bind("objective", {"name": "minimax"})
    drawn = torch.Generator().manual_seed(0)
    real = torch.randn(400_000, generator=drawn, dtype=torch.float64)
    fake = torch.randn(400_000, generator=drawn, dtype=torch.float64) + 1
    estimate = minimax(0.5 - real, 0.5 - fake).discriminator
    assert estimate.item() == pytest.approx(1.1634513968, abs=4 * 1.0 / math.sqrt(400_000))
