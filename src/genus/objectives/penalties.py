"""Penalties on the gradient of a discriminator with respect to its input.

A penalty receives the critic with its condition bound, real and generated examples
``(n, *shape)`` of equal size, and the source of random numbers; it returns a weighted scalar.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.components import Critic
from genus.core.noise import Noise
from genus.core.ranges import Exponent, Positive, Weight
from genus.core.registry import penalty
from genus.layers.precision import wide, wide_on_processors


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of each example's score with respect to that example, ``(n, elements)``.

    In float32 at least: squares of 16-bit gradients would lose their small parts. Differentiable in the
    weights of the critic, and in what ``x`` was computed from.

    Args:
        critic: scores ``(n,)`` of examples.
        x: where, ``(n, *shape)``.
    """
    x = wide(x) if x.requires_grad else wide(x.detach()).requires_grad_(True)
    with wide_on_processors(x.device):
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return wide(gradient.flatten(1))


@penalty("gradient-penalty", paper="arXiv:1704.00028")
def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    noise: Noise,
    *,
    weight: Weight = 10.0,
    one_sided: bool = False,
) -> Tensor:
    """Slope 1 between real and generated examples: λ E(‖∇D(x̂)‖ − 1)², x̂ = ux + (1 − u)G(z).

    Args:
        weight: λ, >= 0.
        one_sided: penalise slopes above 1 only.
    """
    slope = input_gradient(critic, between(real, fake, noise)).norm(dim=1)
    excess = (slope - 1).clamp_min(0) if one_sided else slope - 1
    return weight * excess.square().mean()


@penalty("gradient-penalty-places", paper="arXiv:1905.01164")
def gradient_penalty_places(
    critic: Critic, real: Tensor, fake: Tensor, noise: Noise, *, weight: Weight = 0.1
) -> Tensor:
    """Slope 1 at each place between real and generated: λ E(P‖∇_p D(x̂)‖ − 1)², x̂ = ux + (1 − u)G(z).

    ∇_p is the gradient with respect to the channels of one of the P places. For critics whose score
    is a mean over patches: there each place moves it by about 1/P of what it moves its own patches.
    The mean is over examples and places, as in the authors' experiments.

    Args:
        weight: λ, >= 0.
    """
    mixed = between(real, fake, noise)
    gradient = input_gradient(critic, mixed).view(*mixed.shape[:2], -1)
    slope = gradient.shape[2] * gradient.norm(dim=1)
    return weight * (slope - 1).square().mean()


@penalty("r1", paper="arXiv:1801.04406")
def r1(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, *, weight: Weight = 1.0) -> Tensor:
    """Flat at real examples: γ/2 E‖∇D(x)‖².

    Args:
        weight: γ, >= 0.
    """
    del fake, noise
    return weight / 2 * input_gradient(critic, real).square().sum(1).mean()


@penalty("r2", paper="arXiv:1801.04406")
def r2(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, *, weight: Weight = 1.0) -> Tensor:
    """Flat at generated examples: γ/2 E‖∇D(G(z))‖².

    Args:
        weight: γ, >= 0.
    """
    del real, noise
    return weight / 2 * input_gradient(critic, fake).square().sum(1).mean()


@penalty("zero-centred", paper="arXiv:1902.03984")
def zero_centred(
    critic: Critic, real: Tensor, fake: Tensor, noise: Noise, *, weight: Weight = 10.0
) -> Tensor:
    """Flat between real and generated examples: λ E‖∇D(x̂)‖², x̂ = ux + (1 − u)G(z).

    Args:
        weight: λ, >= 0.
    """
    return weight * input_gradient(critic, between(real, fake, noise)).square().sum(1).mean()


@penalty("wasserstein-divergence", paper="arXiv:1712.01026")
def wasserstein_divergence(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    noise: Noise,
    *,
    weight: Weight = 2.0,
    power: Exponent = 6.0,
) -> Tensor:
    """A power of the slope between real and generated examples: k E‖∇D(x̂)‖^p, x̂ = ux + (1 − u)G(z).

    Beside the objective ``wasserstein`` it makes the Wasserstein divergence, which needs no bound
    on the slope.

    Args:
        weight: k, >= 0.
        power: p, >= 2.
    """
    square = input_gradient(critic, between(real, fake, noise)).square().sum(1)
    return weight * square.pow(power / 2).mean()


@penalty("dragan", paper="arXiv:1705.07215")
def dragan(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    noise: Noise,
    *,
    weight: Weight = 10.0,
    spread: Positive = 0.5,
) -> Tensor:
    """Slope 1 around real examples: λ E(‖∇D(x + uδ)‖ − 1)², δ uniform in [0, c·std(x)] for each element.

    The perturbation is that of the authors' experiments, which the paper writes as a normal one
    of fixed size: std is taken over all elements of the batch, u is uniform in [0, 1).

    Args:
        weight: λ, >= 0.
        spread: c, largest perturbation in standard deviations of the batch, > 0.
    """
    del fake
    delta = noise.uniform(*real.shape).to(real.dtype) * (spread * real.std(correction=0))
    slope = input_gradient(critic, real + _shares(real, noise) * delta).norm(dim=1)
    return weight * (slope - 1).square().mean()


dragan.couples_batch = True  # type: ignore[attr-defined]


SLOPES = (
    gradient_penalty, gradient_penalty_places, r1, r2, zero_centred, wasserstein_divergence, dragan
)  # fmt: skip
"""Penalties on the slope of each example's score, which must not depend on other examples."""


def between(real: Tensor, fake: Tensor, noise: Noise) -> Tensor:
    """Points ux + (1 − u)G(z) on the lines between examples and samples, one u for each pair."""
    share = _shares(real, noise)
    return share * real + (1 - share) * fake


def _shares(like: Tensor, noise: Noise) -> Tensor:
    """One uniform number for each example, ``(n, 1, …)``."""
    return noise.uniform(len(like), *(1,) * (like.dim() - 1)).to(like.dtype)
