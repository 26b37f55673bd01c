"""Penalties on the scores of a discriminator: that they stay small, or where they were."""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.components import Critic
from genus.core.noise import Noise
from genus.core.ranges import ShareAbove0, Weight
from genus.core.registry import penalty
from genus.objectives.augment_blit import flip, shift


@penalty("drift", paper="arXiv:1710.10196, appendix A.1")
def drift(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, *, weight: Weight = 0.001) -> Tensor:
    """Scores of real examples stay near 0: ε E D(x)².

    Args:
        weight: ε, >= 0.
    """
    del fake, noise
    return weight * critic(real).square().mean()


@penalty("consistency", paper="arXiv:1910.12027")
def consistency(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    noise: Noise,
    *,
    weight: Weight = 10.0,
    displacement: ShareAbove0 = 0.125,
    mirrored: bool = True,
) -> Tensor:
    """The same score for a real example shifted and mirrored at random: λ E(D(x) − D(T(x)))².

    Vectors, which have no places to shift, are moved by a uniform number in each coordinate.

    Args:
        weight: λ, >= 0.
        displacement: furthest shift as a share of each side; of a vector, furthest move of each
            coordinate; in (0, 1].
        mirrored: whether T mirrors half of the examples at their last axis.
    """
    del fake
    return weight * _change(critic, real, noise, displacement, mirrored)


@penalty("balanced-consistency", paper="arXiv:2002.04724")
def balanced_consistency(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    noise: Noise,
    *,
    weight: Weight = 10.0,
    weight_generated: Weight = 10.0,
    displacement: ShareAbove0 = 0.125,
    mirrored: bool = True,
) -> Tensor:
    """Consistency of generated examples, too: λ E(D(x) − D(T(x)))² + μ E(D(G(z)) − D(T(G(z))))².

    Vectors, which have no places to shift, are moved by a uniform number in each coordinate.

    Args:
        weight: λ for real examples, >= 0.
        weight_generated: μ for generated ones, >= 0.
        displacement: furthest shift as a share of each side; of a vector, furthest move of each
            coordinate; in (0, 1].
        mirrored: whether T mirrors half of the examples at their last axis.
    """
    on_real = _change(critic, real, noise, displacement, mirrored)
    on_fake = _change(critic, fake, noise, displacement, mirrored)
    return weight * on_real + weight_generated * on_fake


def _change(critic: Critic, x: Tensor, noise: Noise, displacement: float, mirrored: bool) -> Tensor:
    """Mean squared difference of scores between examples and what T makes of them."""
    if x.dim() < 3:
        moved = x + displacement * (2 * noise.uniform(*x.shape).to(x.dtype) - 1)
    else:
        always = torch.ones((), device=x.device)
        moved = shift(x, noise, always, share=displacement, edges="mirror")
        moved = flip(moved, noise, always) if mirrored else moved
    return (critic(x) - critic(moved)).square().mean()
