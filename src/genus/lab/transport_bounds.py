"""Bounds of the Wasserstein distance from samples: exact plans, random lines, critics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import gammaln
from torch import Tensor, nn

from genus.core.noise import Noise
from genus.lab.fit import fit
from genus.metrics.sliced import sliced_wasserstein
from genus.metrics.transport import wasserstein_distance
from genus.networks.mlp import mlp
from genus.objectives.adversarial import wasserstein
from genus.objectives.penalties import gradient_penalty, input_gradient

Array = NDArray[np.float64]


def mean_norm(n: int) -> float:
    """E‖x‖ of x ~ N(0, I_n), √2 Γ((n + 1)/2) / Γ(n/2)."""
    return math.sqrt(2) * math.exp(gammaln((n + 1) / 2) - gammaln(n / 2))


def mean_cosine(n: int) -> float:
    """E|u·v| of a random direction u and a fixed v of length 1 in n dimensions, Γ(n/2)/(√π Γ((n + 1)/2)).

    At most 1/√n, and about √(2/(πn)): lines see so much of a distance.

    >>> mean_cosine(1), round(mean_cosine(2) * math.pi / 2, 12)
    (1.0, 1.0)
    """
    return round(math.exp(gammaln(n / 2) - gammaln((n + 1) / 2)) / math.sqrt(math.pi), 15)


class Bounds(NamedTuple):
    """Estimates from finite samples; in the mean the first is at least W, the others at most.

    Args:
        upper: W_N(P, Q), the exact distance of two samples.
        exact: W_N(P, Q) − min(W_N(P, P'), W_N(Q, Q')).
        lines: √n (W¹_N(P, Q) − min(W¹_N(P, P'), W¹_N(Q, Q'))), W¹ the mean over random lines.
        sharp: the same with 1/E|u·v| in the place of √n, which is larger.
    """

    upper: float
    exact: float
    lines: float
    sharp: float


def sample_bounds(p: Array, p_again: Array, q: Array, q_again: Array, *, lines: int, seed: int) -> Bounds:
    r"""Bounds of W(P, Q) from two samples of each.

    Transport of a sample P_N to Q_N is at most transport to another sample of P, and from there,
    point by point, along the best plan of the distributions: W_N(P, Q) ≤ W_N(P, P') + W(P, Q).
    On lines likewise; and a line shows E|u·v| ≤ 1/√n of every move.

    Args:
        p: ``(N, n)``, drawn from P.
        p_again: as many, drawn anew.
        q: ``(N, n)``, drawn from Q.
        q_again: as many, drawn anew.
        lines: random directions.
        seed: of the directions.
    """

    def on_lines(x: Array, y: Array) -> float:
        return sliced_wasserstein(x, y, order=1, projections=lines, seed=seed)

    upper = wasserstein_distance(p, q)
    exact = upper - min(wasserstein_distance(p, p_again), wasserstein_distance(q, q_again))
    projected = on_lines(p, q) - min(on_lines(p, p_again), on_lines(q, q_again))
    n = p.shape[1]
    return Bounds(upper, exact, math.sqrt(n) * projected, projected / mean_cosine(n))


class CriticBound(NamedTuple):
    """Bounds of W by a trained critic.

    Args:
        value: E f(P) − E f(Q) on examples it was not trained on.
        certified: value over the product of the layers' spectral norms, a lower bound of W in the mean.
        measured: value over the largest slope found at and between examples; no bound, as slopes
            elsewhere may be larger.
    """

    value: float
    certified: float
    measured: float


def critic_bound(
    p: Array,
    p_again: Array,
    q: Array,
    q_again: Array,
    *,
    hidden: Sequence[int],
    iterations: int,
    seed: int,
    clip: float | None = None,
) -> CriticBound:
    """Train a WGAN's critic on two samples and read its bound off two others.

    Args:
        p: training sample of P, ``(N, n)``.
        p_again: held-out sample of P.
        q: training sample of Q.
        q_again: held-out sample of Q.
        hidden: widths of its layers.
        iterations: of the optimiser.
        seed: of its weights and of the points between examples.
        clip: largest weight, as in the first WGAN; None for the gradient penalty of WGAN-GP.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = mlp((p.shape[1],), (1,), hidden=hidden, activation="leaky-relu").double()
        mix_seed = int(torch.randint(2**31, ()))

    def critic(x: Tensor) -> Tensor:
        return network(x)[:, 0]

    real, fake, held_real, held_fake = (torch.from_numpy(x) for x in (p, q, p_again, q_again))

    def loss() -> Tensor:
        value = wasserstein(critic(real), critic(fake)).discriminator
        return value if clip is not None else value + gradient_penalty(critic, real, fake, Noise(mix_seed))

    fit(network, loss, iterations=iterations, clip=clip)
    with torch.no_grad():
        value = float(critic(held_real).mean() - critic(held_fake).mean())
    mix = Noise(mix_seed).uniform(len(p), 1).double()
    middle = mix * held_real + (1 - mix) * held_fake
    slope = max(
        float(input_gradient(critic, x).norm(dim=1).max().detach()) for x in (held_real, held_fake, middle)
    )
    return CriticBound(value, value / lipschitz(network), value / max(slope, 1e-300))


def lipschitz(network: nn.Module) -> float:
    """Product of the spectral norms of the linear layers, a bound of every slope of a perceptron.

    Its activations must not be steeper than 1.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    norms = [float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) for layer in layers]
    return math.prod(norms)
