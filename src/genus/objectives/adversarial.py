"""Adversarial objectives: the losses of discriminator and generator side by side, as papers print them.

Each is a function of the discriminator's scores (logits) of real and of generated examples, ``(n,)`` or
``(n, places)``. With places a loss is the mean over places of the losses at each, which is not the loss of
the mean score.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu, softplus

from genus.core.components import Losses
from genus.core.ranges import Positive, ShareBelow1
from genus.core.registry import objective


@objective("minimax", paper="arXiv:1406.2661")
def minimax(real: Tensor, fake: Tensor, *, smoothing: ShareBelow1 = 0.0) -> Losses:
    """The zero-sum game: D maximises E log D(x) + E log(1 − D(G(z))), G minimises it.

    Args:
        real: logits of real examples, ``(n,)``.
        fake: logits of generated examples, ``(n,)``.
        smoothing: the probability D is taught for real examples is 1 minus this, in [0, 1);
            for generated ones it stays 0 (arXiv:1606.03498).
    """
    return Losses(_cross_entropy(real, fake, smoothing), -softplus(fake).mean())


@objective("non-saturating", paper="arXiv:1406.2661")
def non_saturating(real: Tensor, fake: Tensor, *, smoothing: ShareBelow1 = 0.0) -> Losses:
    """As minimax, but G maximises E log D(G(z)), which does not saturate when D wins.

    Args:
        real: logits of real examples, ``(n,)``.
        fake: logits of generated examples, ``(n,)``.
        smoothing: the probability D is taught for real examples is 1 minus this, in [0, 1);
            for generated ones it stays 0 (arXiv:1606.03498).
    """
    return Losses(_cross_entropy(real, fake, smoothing), softplus(-fake).mean())


@objective("boundary-seeking", paper="arXiv:1702.08431")
def boundary_seeking(real: Tensor, fake: Tensor, *, smoothing: ShareBelow1 = 0.0) -> Losses:
    """G moves samples to the boundary D = ½: it minimises ½E(log D(G(z)) − log(1 − D(G(z))))².

    This is the paper's objective for continuous data; D plays minimax. The difference of
    logarithms is the logit, so G's loss is half its mean square.

    Args:
        real: logits of real examples, ``(n,)``.
        fake: logits of generated examples, ``(n,)``.
        smoothing: the probability D is taught for real examples is 1 minus this, in [0, 1);
            for generated ones it stays 0 (arXiv:1606.03498).
    """
    return Losses(_cross_entropy(real, fake, smoothing), fake.square().mean() / 2)


@objective("least-squares", paper="arXiv:1611.04076")
def least_squares(real: Tensor, fake: Tensor, *, smoothing: ShareBelow1 = 0.0) -> Losses:
    """Targets 1 for real, 0 for generated: ½E(D(x) − 1)² + ½E D(G(z))², and ½E(D(G(z)) − 1)².

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(n,)``.
        smoothing: D's target for real examples is 1 minus this, in [0, 1); G's target stays 1.
    """
    discriminator = (real - 1 + smoothing).square().mean() / 2 + fake.square().mean() / 2
    return Losses(discriminator, (fake - 1).square().mean() / 2)


@objective("wasserstein", paper="arXiv:1701.07875")
def wasserstein(real: Tensor, fake: Tensor) -> Losses:
    """Dual of the earth-mover distance: the critic maximises E D(x) − E D(G(z)).

    The critic must be kept Lipschitz, by a penalty or by spectral normalisation. Its scores have
    no target, so there are no labels to smooth.

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(n,)``.
    """
    return Losses(fake.mean() - real.mean(), -fake.mean())


@objective("hinge", paper="arXiv:1705.02894")
def hinge(real: Tensor, fake: Tensor) -> Losses:
    """Margins: E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))), and −E D(G(z)).

    Scores beyond the margin are equally good, so there are no labels to smooth.

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(n,)``.
    """
    return Losses(relu(1 - real).mean() + relu(1 + fake).mean(), -fake.mean())


@objective("energy-margin", paper="arXiv:1609.03126")
def energy_margin(real: Tensor, fake: Tensor, *, margin: Positive = 10.0) -> Losses:
    """Energies E = −D: D minimises E(x) + max(0, m − E(G(z))), G minimises E(G(z)).

    The energy must have a lower bound, as the reconstruction error of an auto-encoder has: D is
    free to lower that of real examples, by no margin. A discriminator whose scores are unbounded
    needs a penalty (``drift``, say) beside it.

    Args:
        real: minus the energies of real examples, ``(n,)``.
        fake: minus the energies of generated examples, ``(n,)``.
        margin: m > 0, energy from which generated examples are left alone.
    """
    return Losses(relu(margin + fake).mean() - real.mean(), -fake.mean())


@objective("absolute-error")
def absolute_error(real: Tensor, fake: Tensor) -> Losses:
    """Distance of probabilities from their targets: E(1 − σ(D(x))) + E σ(D(G(z))); G maximises it.

    Bounded, so it saturates on both sides: the first error function a lecture tries.

    Args:
        real: logits of real examples, ``(n,)``.
        fake: logits of generated examples, ``(n,)``.
    """
    return Losses((-real).sigmoid().mean() + fake.sigmoid().mean(), -fake.sigmoid().mean())


absolute_error.border = 0.0  # type: ignore[attr-defined]  # D = ½, but all equal scores cost the same


def _cross_entropy(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of D against targets 1 − s for real and 0 for generated examples."""
    on_real = softplus(-real).mean()
    if smoothing:
        on_real = (1 - smoothing) * on_real + smoothing * softplus(real).mean()
    return on_real + softplus(fake).mean()
