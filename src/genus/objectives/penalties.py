"""Penalties on the gradient of a discriminator with respect to its input.

A penalty receives the critic with its condition bound, real and generated examples
``(n, *shape)`` of equal size, and the source of random numbers; it returns a weighted scalar.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.components import Critic
from genus.core.noise import Noise
from genus.core.registry import penalty


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of each example's score with respect to that example, ``(n, elements)``.

    In float32 at least: squares of 16-bit gradients would lose their small parts.

    Args:
        critic: scores ``(n,)`` of examples.
        x: where, ``(n, *shape)``.
    """
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1).to(torch.promote_types(gradient.dtype, torch.float32))


@penalty("gradient-penalty", paper="arXiv:1704.00028")
def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    noise: Noise,
    *,
    weight: float = 10.0,
    one_sided: bool = False,
) -> Tensor:
    """Slope 1 between real and generated examples: λ E(‖∇D(x̂)‖ − 1)², x̂ = ux + (1 − u)G(z).

    Args:
        weight: λ, >= 0.
        one_sided: penalise slopes above 1 only.
    """
    share = noise.uniform(len(real), *(1,) * (real.dim() - 1)).to(real.dtype)
    slope = input_gradient(critic, share * real + (1 - share) * fake).norm(dim=1)
    excess = (slope - 1).clamp_min(0) if one_sided else slope - 1
    return weight * excess.square().mean()


@penalty("r1", paper="arXiv:1801.04406")
def r1(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, *, weight: float = 1.0) -> Tensor:
    """Flat at real examples: γ/2 E‖∇D(x)‖².

    Args:
        weight: γ, >= 0.
    """
    del fake, noise
    return weight / 2 * input_gradient(critic, real).square().sum(1).mean()


@penalty("r2", paper="arXiv:1801.04406")
def r2(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, *, weight: float = 1.0) -> Tensor:
    """Flat at generated examples: γ/2 E‖∇D(G(z))‖².

    Args:
        weight: γ, >= 0.
    """
    del real, noise
    return weight / 2 * input_gradient(critic, fake).square().sum(1).mean()
