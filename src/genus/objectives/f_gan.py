"""f-GANs: any f-divergence, estimated from below by its convex conjugate and minimised."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from torch import Tensor
from torch.nn.functional import softplus

from genus.core.components import Losses
from genus.core.registry import objective


class Conjugate(NamedTuple):
    """An output activation g that keeps T = g(v) in the domain of f*, and f* after it.

    Args:
        activation: g, increasing.
        conjugate: v ↦ f*(g(v)), in closed form.
    """

    activation: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]


CONJUGATES = {
    "kl": Conjugate(lambda v: v, lambda v: (v - 1).exp()),
    "reverse-kl": Conjugate(lambda v: -(-v).exp(), lambda v: v - 1),
    "chi-squared": Conjugate(lambda v: v, lambda v: v.square() / 4 + v),
    "hellinger": Conjugate(lambda v: 1 - (-v).exp(), lambda v: v.exp() - 1),
    "total-variation": Conjugate(lambda v: v.tanh() / 2, lambda v: v.tanh() / 2),
    "jensen-shannon": Conjugate(lambda v: math.log(2) - softplus(-v), lambda v: softplus(v) - math.log(2)),
}
"""By divergence D_f(p‖q) = ∫ q f(p/q): f = u log u; −log u; (u − 1)²; (√u − 1)²; |u − 1|/2;
u log u − (u + 1) log((u + 1)/2)."""


@objective("f-gan", paper="arXiv:1606.00709")
def f_gan(
    real: Tensor,
    fake: Tensor,
    *,
    divergence: Literal[
        "kl", "reverse-kl", "chi-squared", "hellinger", "total-variation", "jensen-shannon"
    ] = "jensen-shannon",
    saturating: bool = False,
) -> Losses:
    """A variational bound on an f-divergence: D maximises E T(x) − E f*(T(G(z))), T = g(D).

    At the best D the bound is the divergence of data from samples (``jensen-shannon`` is twice
    the Jensen–Shannon divergence).

    Args:
        real: scores of real examples before g, ``(n,)``.
        fake: scores of generated examples before g, ``(n,)``.
        divergence: which f.
        saturating: G minimises the bound itself; otherwise it maximises E T(G(z)), as the paper's
            experiments do.
    """
    law = CONJUGATES[divergence]
    discriminator = law.conjugate(fake).mean() - law.activation(real).mean()
    generator = -law.conjugate(fake).mean() if saturating else -law.activation(fake).mean()
    return Losses(discriminator, generator)


# For total variation all equal scores cost the same; the paper's threshold T = f'(1) = 0 is where D = 0.
f_gan.border = 0.0  # type: ignore[attr-defined]
