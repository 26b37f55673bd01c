"""Values and gradients at hand-computed points, and identities at the optimal discriminator."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from genus.core.binder import bind, resolve
from genus.core.components import Losses, couples_batch
from genus.core.registry import components

LOG2 = math.log(2)
REAL, FAKE = [0.0, 2.0], [0.0, -1.0]
SOFT = math.log1p(math.exp(-2.0)), math.log1p(math.exp(-1.0))  # softplus(-2), softplus(-1)

SIGMA = 1 / (1 + math.exp(2.0)), 1 / (1 + math.exp(1.0))  # sigmoid(-2), sigmoid(-1)
CROSS_ENTROPY = (LOG2 + SOFT[0]) / 2 + (LOG2 + SOFT[1]) / 2
Z = 2 + math.exp(2.0) + math.exp(-1.0)


def soft(x: float) -> float:
    return math.log1p(math.exp(x))


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


# Scores minus the mean of the other side: REAL + 0.5 = (0.5, 2.5), FAKE - 1 = (-1, -2).
VALUES = {
    # name: (discriminator, generator) for logits REAL and FAKE
    "minimax": (CROSS_ENTROPY, -(LOG2 + SOFT[1]) / 2),
    "non-saturating": (CROSS_ENTROPY, (LOG2 + 1 + SOFT[1]) / 2),
    "boundary-seeking": (CROSS_ENTROPY, (0 + 1) / 4),
    "least-squares": ((1 + 1) / 4 + (0 + 1) / 4, (1 + 4) / 4),
    "wasserstein": (-0.5 - 1.0, 0.5),
    "hinge": ((1 + 0) / 2 + (1 + 0) / 2, 0.5),
    "energy-margin": ((10 + 9) / 2 - 1, 0.5),
    "absolute-error": ((0.5 + SIGMA[0]) / 2 + (0.5 + SIGMA[1]) / 2, -(0.5 + SIGMA[1]) / 2),
    "f-gan": (CROSS_ENTROPY - 2 * LOG2, (LOG2 + 1 + SOFT[1]) / 2 - LOG2),
    "softmax": (math.log(Z) - 1, math.log(Z) - 1 / 4),
    "relativistic": ((LOG2 + soft(-3)) / 2, (LOG2 + soft(3)) / 2),
    "relativistic-standard": (
        (soft(-0.5) + soft(-2.5)) / 2 + (soft(-1) + soft(-2)) / 2,
        (soft(0.5) + soft(2.5)) / 2 + (soft(1) + soft(2)) / 2,
    ),
    "relativistic-least-squares": ((0.25 + 2.25) / 2 + (0 + 1) / 2, (2.25 + 12.25) / 2 + (4 + 9) / 2),
    "relativistic-hinge": ((0.5 + 0) / 2, (1.5 + 3.5) / 2 + (2 + 3) / 2),
}
SLOPES = {
    # name: derivatives, times 2, of the discriminator's loss with respect to REAL[0] = 0 and of the
    # generator's with respect to FAKE[0] = 0
    "minimax": (-0.5, -0.5),
    "non-saturating": (-0.5, -0.5),
    "boundary-seeking": (-0.5, 0.0),
    "least-squares": (-1.0, -1.0),
    "wasserstein": (-1.0, -1.0),
    "hinge": (-1.0, -1.0),
    "energy-margin": (-1.0, -1.0),
    "absolute-error": (-0.25, -0.25),
    "f-gan": (-0.5, -0.5),
    "softmax": (2 / Z - 1, 2 / Z - 1 / 2),
    "relativistic": (-0.5, -0.5),
    "relativistic-standard": (
        -sigma(-0.5) - (sigma(-1) + sigma(-2)) / 2,
        -sigma(1) - (sigma(0.5) + sigma(2.5)) / 2,
    ),
    "relativistic-least-squares": (2 * (0.5 - 1) - (0 - 1), 2 * (-1 - 1) - (1.5 + 3.5)),
    "relativistic-hinge": (-1.0, -2.0),
}


def test_every_objective_has_values_here() -> None:
    assert set(components("objective")) == set(VALUES) == set(SLOPES)


@pytest.mark.parametrize("name", VALUES)
def test_values_and_gradients(name: str) -> None:
    objective = bind("objective", resolve("objective", name, "objective"))
    real = torch.tensor(REAL, dtype=torch.float64, requires_grad=True)
    fake = torch.tensor(FAKE, dtype=torch.float64, requires_grad=True)
    players = objective(real, fake)
    assert players.discriminator.item() == pytest.approx(VALUES[name][0], abs=1e-12)
    assert players.generator.item() == pytest.approx(VALUES[name][1], abs=1e-12)
    (of_discriminator,) = torch.autograd.grad(players.discriminator, real, retain_graph=True)
    (of_generator,) = torch.autograd.grad(players.generator, fake)
    assert 2 * of_discriminator[0].item() == pytest.approx(SLOPES[name][0], abs=1e-12)
    assert 2 * of_generator[0].item() == pytest.approx(SLOPES[name][1], abs=1e-12)


@pytest.mark.parametrize("name", VALUES)
def test_what_couples_the_batch_says_so(name: str) -> None:
    """Otherwise the losses of two halves average to the loss of the whole."""
    objective = bind("objective", resolve("objective", name, "objective"))
    drawn = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 8, dtype=torch.float64, generator=drawn)
    halves = [objective(real[rows], fake[rows]) for rows in (slice(0, 4), slice(4, 8))]
    whole = objective(real, fake)
    means = [(a + b).item() / 2 for a, b in zip(*halves, strict=True)]
    same = means == pytest.approx([loss.item() for loss in whole], abs=1e-12)
    assert same != couples_batch(objective)


@pytest.mark.parametrize("name", ["minimax", "non-saturating", "boundary-seeking"])
def test_smoothing_is_cross_entropy_with_a_lower_target_for_real_examples_only(name: str) -> None:
    real, fake = torch.tensor(REAL, dtype=torch.float64), torch.tensor(FAKE, dtype=torch.float64)
    plain, smooth = (bind("objective", {"name": name, "smoothing": s})(real, fake) for s in (0.0, 0.1))
    expected = cross_entropy(real, torch.full_like(real, 0.9)) + cross_entropy(fake, torch.zeros_like(fake))
    assert smooth.discriminator.item() == pytest.approx(expected.item(), abs=1e-12)
    assert smooth.generator.item() == plain.generator.item()


def test_smoothed_least_squares_by_hand() -> None:
    real, fake = torch.tensor(REAL, dtype=torch.float64), torch.tensor(FAKE, dtype=torch.float64)
    players = bind("objective", {"name": "least-squares", "smoothing": 0.1})(real, fake)
    assert players.discriminator.item() == pytest.approx((0.81 + 1.21) / 4 + (0 + 1) / 4, abs=1e-12)
    assert players.generator.item() == pytest.approx((1 + 4) / 4, abs=1e-12)


def test_generated_examples_beyond_the_margin_are_left_alone() -> None:
    fake = torch.tensor([-3.0, -1.0], dtype=torch.float64, requires_grad=True)
    players = bind("objective", {"name": "energy-margin", "margin": 2.0})(torch.zeros(2).double(), fake)
    (slope,) = torch.autograd.grad(players.discriminator, fake)
    assert slope.tolist() == [0.0, 0.5]


P, Q = [1, 2, 3, 4], [4, 3, 1, 2]
"""How often four outcomes occur among ten: means over these are exact expectations."""


def best_scores(name: str, smoothing: float) -> tuple[Tensor, Losses]:
    """Scores of four outcomes that minimise the discriminator's loss, and both losses there."""
    objective = bind("objective", {"name": name, "smoothing": smoothing})
    scores = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [scores], max_iter=300, line_search_fn="strong_wolfe", tolerance_grad=1e-12, tolerance_change=1e-16
    )
    p, q = torch.tensor(P), torch.tensor(Q)

    def players() -> Losses:
        return objective(scores.repeat_interleave(p), scores.repeat_interleave(q))

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = players().discriminator
        value.backward()
        return value

    optimizer.step(loss)
    return scores.detach(), Losses(*(loss.detach() for loss in players()))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", ["minimax", "non-saturating", "boundary-seeking", "least-squares"])
def test_the_best_discriminator_is_the_share_of_real_examples(name: str, smoothing: float) -> None:
    """D* = (1 − s) p/(p + q)."""
    scores, _ = best_scores(name, smoothing)
    found = scores if name == "least-squares" else scores.sigmoid()
    p, q = torch.tensor(P, dtype=torch.float64), torch.tensor(Q, dtype=torch.float64)
    assert torch.allclose(found, (1 - smoothing) * p / (p + q), atol=1e-6)


def test_losses_at_the_best_discriminator() -> None:
    """Minimax: 2 log 2 − 2 JSD; boundary seeking: half the mean square of log p/q under q."""
    p, q = torch.tensor(P, dtype=torch.float64) / 10, torch.tensor(Q, dtype=torch.float64) / 10
    middle = (p + q) / 2
    jsd = (p * (p / middle).log()).sum() / 2 + (q * (q / middle).log()).sum() / 2
    _, minimax = best_scores("minimax", 0.0)
    assert minimax.discriminator.item() == pytest.approx(2 * LOG2 - 2 * jsd.item(), abs=1e-10)
    _, boundary = best_scores("boundary-seeking", 0.0)
    assert boundary.generator.item() == pytest.approx((q * (p / q).log().square()).sum().item() / 2, abs=1e-6)


def test_cross_entropy_at_the_optimal_discriminator() -> None:
    """At D* = p/(p + q) the loss is 2 log 2 − 2 JSD; for N(0, 1) and N(1, 1) it is 1.1634513968."""
    x = torch.linspace(-12, 13, 200_001, dtype=torch.float64)
    logit = 0.5 - x
    step = x[1] - x[0]
    p = torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi) * step
    q = torch.exp(-(x - 1).square() / 2) / math.sqrt(2 * math.pi) * step
    loss = (p * torch.nn.functional.softplus(-logit)).sum() + (q * torch.nn.functional.softplus(logit)).sum()
    assert loss.item() == pytest.approx(1.1634513968, abs=1e-8)
    minimax = bind("objective", {"name": "minimax", "smoothing": 0.0})
    drawn = torch.Generator().manual_seed(0)
    real = torch.randn(400_000, generator=drawn, dtype=torch.float64)
    fake = torch.randn(400_000, generator=drawn, dtype=torch.float64) + 1
    estimate = minimax(0.5 - real, 0.5 - fake).discriminator
    assert estimate.item() == pytest.approx(1.1634513968, abs=4 * 1.0 / math.sqrt(400_000))
