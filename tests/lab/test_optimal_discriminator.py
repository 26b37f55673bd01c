"""D* and its loss against closed forms, and a discriminator trained to be it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genus.core.errors import InputError
from genus.lab.fit import fit
from genus.lab.normal import mixture
from genus.lab.optimal_discriminator import optimal_discriminator, optimal_loss, train_discriminator
from genus.objectives.adversarial import minimax
from tests.lab.helpers import run

P, Q = mixture([1], [0], [1]), mixture([1], [1], [1])


def test_logit_of_two_gaussians_is_a_line() -> None:
    x = np.linspace(-40, 40, 81)
    best = optimal_discriminator(P, Q, x)
    inside = best[np.abs(x) < 20]
    assert np.log(inside / (1 - inside)) == pytest.approx((0.5 - x)[np.abs(x) < 20], rel=1e-6)
    assert best == pytest.approx(1 / (1 + np.exp(x - 0.5)), rel=1e-9)


def test_loss_is_the_identity_and_the_objective_of_infinitely_many_examples() -> None:
    assert optimal_loss(P, Q) == pytest.approx(1.1634513968, abs=1e-9)
    assert optimal_loss(P, P) == pytest.approx(2 * math.log(2), abs=1e-9)
    rng = np.random.default_rng(0)
    real, fake = (torch.from_numpy(0.5 - part.sample(400_000, rng)) for part in (P, Q))
    assert float(minimax(real, fake).discriminator) == pytest.approx(1.16345, abs=0.005)


def test_no_discriminator_does_better() -> None:
    trained, losses = train_discriminator(P, Q, hidden=[8], iterations=60, seed=1)
    assert min(losses) >= 1.1634513968 - 1e-5
    assert losses == sorted(losses, reverse=True)
    assert trained(np.array([0.5]))[0] == pytest.approx(0.5, abs=0.02)


def test_fit_finds_a_known_minimum() -> None:
    layer = torch.nn.Linear(2, 1).double()
    x = torch.tensor([[1.0, 0], [0, 1], [1, 1]], dtype=torch.float64)
    y = torch.tensor([[3.0], [5], [7]], dtype=torch.float64)  # 2a + 4b + 1
    losses = fit(layer, lambda: (layer(x) - y).square().mean(), iterations=100)
    assert losses[-1] < 1e-12
    assert layer.weight.tolist()[0] == pytest.approx([2, 4], abs=1e-5)


def test_experiment() -> None:
    findings = run("optimal-discriminator")
    assert findings.numbers["loss"] == pytest.approx(1.1634513968, abs=1e-3)
    # data with two modes, a generator that covers both by one
    run(
        "optimal-discriminator", p_weights=[1, 1], p_means=[-2, 2], p_stds=[0.7, 0.7], q_means=[0], q_stds=[2]
    )
    with pytest.raises(InputError, match="1 or more"):
        run("optimal-discriminator", hidden=[0])
