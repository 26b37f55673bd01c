"""Adversarial objectives: both players' losses side by side, as papers print them.

Each is a function of the discriminator's scores (logits) of real and of generated examples.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu, softplus

from genus.core.components import Players
from genus.core.registry import objective


@objective("minimax", paper="arXiv:1406.2661")
def minimax(real: Tensor, fake: Tensor) -> Players:
    """The zero-sum game: D maximises E log D(x) + E log(1 − D(G(z))), G minimises it.

    Args:
        real: logits of real examples, ``(n,)``.
        fake: logits of generated examples, ``(n,)``.
    """
    discriminator = softplus(-real).mean() + softplus(fake).mean()
    return Players(discriminator, -softplus(fake).mean())


@objective("non-saturating", paper="arXiv:1406.2661")
def non_saturating(real: Tensor, fake: Tensor) -> Players:
    """As minimax, but G maximises E log D(G(z)), which does not saturate when D wins.

    Args:
        real: logits of real examples, ``(n,)``.
        fake: logits of generated examples, ``(n,)``.
    """
    discriminator = softplus(-real).mean() + softplus(fake).mean()
    return Players(discriminator, softplus(-fake).mean())


@objective("least-squares", paper="arXiv:1611.04076")
def least_squares(real: Tensor, fake: Tensor) -> Players:
    """Targets 1 for real, 0 for generated: ½E(D(x) − 1)² + ½E D(G(z))², and ½E(D(G(z)) − 1)².

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(n,)``.
    """
    discriminator = (real - 1).square().mean() / 2 + fake.square().mean() / 2
    return Players(discriminator, (fake - 1).square().mean() / 2)


@objective("wasserstein", paper="arXiv:1701.07875")
def wasserstein(real: Tensor, fake: Tensor) -> Players:
    """Dual of the earth-mover distance: the critic maximises E D(x) − E D(G(z)).

    The critic must be kept Lipschitz, by a penalty or by spectral normalisation.

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(n,)``.
    """
    return Players(fake.mean() - real.mean(), -fake.mean())


@objective("hinge", paper="arXiv:1705.02894")
def hinge(real: Tensor, fake: Tensor) -> Players:
    """Margins: E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))), and −E D(G(z)).

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(n,)``.
    """
    return Players(relu(1 - real).mean() + relu(1 + fake).mean(), -fake.mean())


@objective("absolute-error")
def absolute_error(real: Tensor, fake: Tensor) -> Players:
    """Distance of probabilities from their targets: E(1 − σ(D(x))) + E σ(D(G(z))); G maximises it.

    Bounded, so it saturates on both sides: the first error function a lecture tries.

    Args:
        real: logits of real examples, ``(n,)``.
        fake: logits of generated examples, ``(n,)``.
    """
    return Players((-real).sigmoid().mean() + fake.sigmoid().mean(), -fake.sigmoid().mean())
