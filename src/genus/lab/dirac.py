"""The Dirac-GAN: the smallest game between a generator and a discriminator, and its ways to be played."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

from genus.core.components import Objective, Penalty
from genus.core.noise import Noise
from genus.objectives.adversarial import minimax, non_saturating, wasserstein
from genus.objectives.penalties import gradient_penalty, r1

Array = NDArray[np.float64]
Order = Literal["alternating", "simultaneous"]


@dataclass(frozen=True)
class Game:
    """A way to play the Dirac-GAN: data at 0, a generator at θ, a discriminator D(x) = ψx.

    Args:
        title: for the figure.
        objective: losses of generator and discriminator.
        penalty: added to the discriminator's loss.
        noise: standard deviation of noise on real and generated points.
        consensus: weight γ of ½‖v‖², which generator and discriminator also descend.
        discriminator_steps: per step of the generator.
        clip: largest |ψ|, or None.
        theory: eigenvalues at the equilibrium, or None where the field has a kink there.
    """

    title: str
    objective: Objective
    penalty: Penalty | None = None
    noise: float = 0.0
    consensus: float = 0.0
    discriminator_steps: int = 1
    clip: float | None = None
    theory: tuple[complex, complex] | None = None


def games(gamma: float, noise: float, clip: float, weight: float) -> dict[str, Game]:
    """The eight games of the lectures' figure, a to h.

    With f'(0) = ½ and f''(0) = −¼ for the logistic losses: no penalty ±i f'(0); consensus
    −γf'(0)² ± i f'(0); instance noise f''(0)σ² ± √(f''(0)²σ⁴ − f'(0)²); penalty on the slope at
    real points −γ/2 ± √(γ²/4 − f'(0)²), real from γ = 2f'(0) = 1 on.

    Args:
        gamma: γ of consensus optimisation and of the zero-centred penalty.
        noise: σ of instance noise.
        clip: largest |ψ| of the Wasserstein game.
        weight: λ of WGAN-GP's penalty.
    """
    half = 0.5j
    spread = noise**2 / 4
    return {
        "standard": Game("a  Standard GAN", minimax, theory=(half, -half)),
        "non-saturating": Game("b  Non-saturating GAN", non_saturating, theory=(half, -half)),
        "wgan": Game(
            "c  WGAN, 5 critic steps", wasserstein, discriminator_steps=5, clip=clip, theory=(1j, -1j)
        ),
        "wgan-gp": Game(
            "d  WGAN-GP, 5 critic steps",
            wasserstein,
            partial(gradient_penalty, weight=weight),
            discriminator_steps=5,
        ),
        "consensus": Game(
            "e  Consensus optimisation",
            non_saturating,
            consensus=gamma,
            theory=(-gamma / 4 + half, -gamma / 4 - half),
        ),
        "instance-noise": Game(
            "f  Instance noise", non_saturating, noise=noise, theory=_pair(-spread, spread**2 - 0.25)
        ),
        "zero-centred": Game(
            "g  Zero-centred penalty",
            non_saturating,
            partial(r1, weight=gamma),
            theory=_pair(-gamma / 2, gamma**2 / 4 - 0.25),
        ),
        "critical": Game(
            "h  The same, γ = 1: critical", non_saturating, partial(r1, weight=1.0), theory=(-0.5, -0.5)
        ),
    }


def _pair(middle: float, square: float) -> tuple[complex, complex]:
    root = cmath.sqrt(square)
    return middle + root, middle - root


def losses(game: Game, theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
    """Losses of discriminator and generator at one point of the game.

    Args:
        game: objective, penalty and updates.
        theta: place of the generated point, ``()``.
        psi: slope of the discriminator, ``()``.
    """
    # quantiles of a normal distribution, of variance exactly 1
    spots = torch.zeros(1, dtype=theta.dtype)
    if game.noise:
        grid = ndtri((np.arange(64) + 0.5) / 64)
        spots = torch.as_tensor(game.noise * grid / np.sqrt(np.mean(grid**2)), dtype=theta.dtype)
    real, fake = spots[:, None], (theta + spots)[:, None]
    players = game.objective(psi * real[:, 0], psi * fake[:, 0])
    discriminator = players.discriminator
    if game.penalty is not None:
        # the slope is ψ everywhere, so the points between real and fake may be drawn at random
        discriminator = discriminator + game.penalty(lambda x: psi * x[:, 0], real, fake, Noise(0))
    return discriminator, players.generator


def vector_field(game: Game, point: Tensor) -> Tensor:
    r"""Vector field of the game: :math:`v = (-\partial_\theta L_G, -\partial_\psi L_D)`.

    Consensus optimisation adds :math:`-\gamma \nabla \tfrac12 \|v\|^2`.

    Args:
        game: objective, penalty and updates.
        point: (θ, ψ), ``(2,)``; the result can be differentiated when it asks for gradients.

    Paper: arXiv:1801.04406; arXiv:1705.10461 for consensus optimisation.
    """
    where = point if point.requires_grad else point.detach().requires_grad_(True)
    theta, psi = where.unbind()
    discriminator, generator = losses(game, theta, psi)
    slopes = [torch.autograd.grad(loss, where, create_graph=True)[0] for loss in (generator, discriminator)]
    v = -torch.stack([slopes[0][0], slopes[1][1]])
    if game.consensus:
        (rise,) = torch.autograd.grad(v.square().sum() / 2, where, create_graph=True)
        v = v - game.consensus * rise
    return v if point.requires_grad else v.detach()


def field_jacobian(game: Game, point: Sequence[float]) -> Array:
    """Derivatives of the vector field, ``(2, 2)``."""
    where = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    v = vector_field(game, where)
    return torch.stack([torch.autograd.grad(v[i], where, retain_graph=True)[0] for i in range(2)]).numpy()


def eigenvalues(game: Game, point: Sequence[float] = (0.0, 0.0)) -> NDArray[np.complex128]:
    """Eigenvalues of the field's Jacobian, by default at the equilibrium; ``(2,)``.

    Real parts below 0: the game converges. Purely imaginary: it circles.
    """
    return np.linalg.eigvals(field_jacobian(game, point)).astype(np.complex128)


def play(
    game: Game,
    start: Sequence[float],
    steps: int,
    rate: float,
    order: Order = "alternating",
) -> Array:
    """Gradient steps of generator and discriminator; returns (θ, ψ) before each iteration and at the end.

    Args:
        game: what is played; critic steps and clipping are its own.
        start: (θ, ψ).
        steps: iterations.
        rate: learning rate of both.
        order: the discriminator first, or both at once.

    Returns:
        ``(steps + 1, 2)``.
    """
    theta, psi = start
    path = np.empty((steps + 1, 2))
    path[0] = start
    for t in range(steps):
        before = psi
        for _ in range(game.discriminator_steps):
            psi += rate * _velocity(game, theta, psi)[1]
            if game.clip is not None:
                psi = min(max(psi, -game.clip), game.clip)
        theta += rate * _velocity(game, theta, psi if order == "alternating" else before)[0]
        path[t + 1] = theta, psi
    return path


def _velocity(game: Game, theta: float, psi: float) -> list[float]:
    return vector_field(game, torch.tensor([theta, psi], dtype=torch.float64)).tolist()


def step_radius(game: Game, rate: float, order: Order) -> float:
    """Factor by which an iteration shrinks or stretches small deviations from the equilibrium.

    The spectral radius of the iteration's Jacobian: 1 + hJ at once, in turns the product of the
    discriminator's steps and the generator's.

    Args:
        game: a smooth one, without clipping in force.
        rate: h.
        order: as in :func:`play`.
    """
    jacobian = field_jacobian(game, (0.0, 0.0))
    generator, discriminator = np.eye(2), np.eye(2)
    generator[0] += rate * jacobian[0]
    discriminator[1] += rate * jacobian[1]
    critic = np.linalg.matrix_power(discriminator, game.discriminator_steps)
    whole = generator @ critic
    if order == "simultaneous":
        whole = critic + generator - np.eye(2)
    return float(np.abs(np.linalg.eigvals(whole)).max())
