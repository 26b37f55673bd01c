"""Relativistic objectives: real examples score higher than generated ones, not high as such.

The paired one compares the scores of example i and of sample i, so it is a mean over pairs. The
average ones compare with the mean over the other batch and so see a batch as a whole. Scores ``(n, places)``
are compared at one place only: with the pair's score, or with the other batch's mean, at the same place.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus

from genus.core.components import Losses
from genus.core.registry import objective


@objective("relativistic", paper="arXiv:1807.00734")
def relativistic(real: Tensor, fake: Tensor) -> Losses:
    """Pairs: D minimises −E log σ(D(x) − D(G(z))), G minimises −E log σ(D(G(z)) − D(x)).

    With penalties on the slope at real and at generated examples it is R3GAN's (arXiv:2501.05441).

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of as many generated examples, ``(n,)``.
    """
    return Losses(softplus(fake - real).mean(), softplus(real - fake).mean())


@objective("relativistic-standard", paper="arXiv:1807.00734")
def relativistic_standard(real: Tensor, fake: Tensor) -> Losses:
    """Cross-entropy of scores relative to the other side's mean, C̃(x) = D(x) − E D(G(z)).

    D minimises −E log σ(C̃(x)) − E log(1 − σ(C̃(G(z)))) with C̃(G(z)) = D(G(z)) − E D(x); G the
    same with both sides exchanged.

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(m,)``.
    """
    return _against_means(real, fake, lambda gap: softplus(-gap))


@objective("relativistic-least-squares", paper="arXiv:1807.00734")
def relativistic_least_squares(real: Tensor, fake: Tensor) -> Losses:
    """Squares of relative scores: D minimises E(C̃(x) − 1)² + E(C̃(G(z)) + 1)², G the exchange.

    C̃ is the score minus the mean of the other side's.

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(m,)``.
    """
    return _against_means(real, fake, lambda gap: (gap - 1).square())


@objective("relativistic-hinge", paper="arXiv:1807.00734")
def relativistic_hinge(real: Tensor, fake: Tensor) -> Losses:
    """Margins of relative scores: D minimises E max(0, 1 − C̃(x)) + E max(0, 1 + C̃(G(z))), G the exchange.

    C̃ is the score minus the mean of the other side's.

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(m,)``.
    """
    return _against_means(real, fake, lambda gap: relu(1 - gap))


relativistic_standard.couples_batch = True  # type: ignore[attr-defined]
relativistic_least_squares.couples_batch = True  # type: ignore[attr-defined]
relativistic_hinge.couples_batch = True  # type: ignore[attr-defined]


def _against_means(real: Tensor, fake: Tensor, loss: Callable[[Tensor], Tensor]) -> Losses:
    """Sum of ``loss`` of both sides' leads over the other's mean; the generator's leads are negative."""
    above, below = real - fake.mean(0), fake - real.mean(0)
    return Losses(
        loss(above).mean() + loss(-below).mean(),
        loss(-above).mean() + loss(below).mean(),
    )
