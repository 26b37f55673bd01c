"""The Dirac-GAN against its theory (arXiv:1801.04406) and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genus.core.errors import InputError
from genus.lab.dirac import eigenvalues, games, losses, play, step_radius, vector_field
from tests.lab.helpers import run

GAMES = games(0.4, 1.0, 1.0, 0.25)


def _point(theta: float, psi: float) -> torch.Tensor:
    return torch.tensor([theta, psi], dtype=torch.float64)


def test_standard_field_is_the_one_on_paper() -> None:
    theta, psi = 0.7, -1.2
    share = 1 / (1 + math.exp(-psi * theta))
    v = vector_field(GAMES["standard"], _point(theta, psi))
    assert v.tolist() == pytest.approx([psi * share, -theta * share])
    v = vector_field(GAMES["non-saturating"], _point(theta, psi))
    assert v.tolist() == pytest.approx([psi * (1 - share), -theta * share])
    v = vector_field(GAMES["wgan"], _point(theta, psi))
    assert v.tolist() == pytest.approx([psi, -theta])
    v = vector_field(GAMES["wgan-gp"], _point(theta, psi))
    assert v.tolist() == pytest.approx([psi, -theta - 0.5 * (abs(psi) - 1) * math.copysign(1, psi)])
    v = vector_field(GAMES["critical"], _point(theta, psi))
    assert v.tolist() == pytest.approx([psi * (1 - share), -theta * share - psi])


@pytest.mark.parametrize("name", GAMES)
def test_field_is_the_descent_of_the_losses(name: str) -> None:
    game = GAMES[name]
    theta, psi, h = 0.4, 0.6, 1e-5

    def both(a: float, b: float) -> np.ndarray:
        return np.array([float(x) for x in losses(game, *_point(a, b))])

    slopes = [
        -(both(theta + h, psi) - both(theta - h, psi))[1] / (2 * h),
        -(both(theta, psi + h) - both(theta, psi - h))[0] / (2 * h),
    ]
    if game.consensus:
        plain = GAMES["non-saturating"]

        def square(a: float, b: float) -> float:
            return float(vector_field(plain, _point(a, b)).square().sum()) / 2

        slopes[0] -= game.consensus * (square(theta + h, psi) - square(theta - h, psi)) / (2 * h)
        slopes[1] -= game.consensus * (square(theta, psi + h) - square(theta, psi - h)) / (2 * h)
    assert vector_field(game, _point(theta, psi)).tolist() == pytest.approx(slopes, abs=1e-7)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_eigenvalues_are_those_of_theory(gamma: float, noise: float) -> None:
    for game in games(gamma, noise, 1.0, 1.0).values():
        if game.theory is not None:
            found = np.sort_complex(eigenvalues(game).round(7))
            assert found == pytest.approx(np.sort_complex(np.array(game.theory).round(7)), abs=1e-6)


def test_alternating_steps_keep_what_simultaneous_ones_lose() -> None:
    standard = GAMES["standard"]
    assert step_radius(standard, 0.2, "alternating") == pytest.approx(1, abs=1e-12)
    assert step_radius(standard, 0.2, "simultaneous") == pytest.approx(math.sqrt(1 + 0.2**2 / 4))
    small = [1e-4, 0.0]
    path = play(standard, small, 200, 0.2, "simultaneous")
    assert np.linalg.norm(path[-1]) / 1e-4 == pytest.approx((1 + 0.01) ** 100, rel=1e-4)


def test_clipping_and_critic_steps() -> None:
    path = play(GAMES["wgan"], [1.0, 1.0], 50, 0.2)
    assert np.abs(path[:, 1]).max() == 1
    assert path[1].tolist() == pytest.approx([1.0, 0.0])  # five steps of −0.2 each, then the generator's


def test_experiment() -> None:
    run("game", steps=300)
    run("game", steps=200, rate=0.1, order="simultaneous", gamma=1.5, noise=1.8)
    for wrong in ({"start": [0, 0]}, {"steps": 3}, {"rate": 0}, {"gamma": 0}):
        with pytest.raises(InputError):
            run("game", **wrong)
