"""The best discriminator is known: D* = p/(p + q), and its loss is 2 log 2 − 2 JSD."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from genus.core.registry import lab
from genus.lab.f_divergences import js_divergence
from genus.lab.findings import Check, Findings, require
from genus.lab.fit import fit
from genus.lab.normal import Mixture, mixture
from genus.lab.style import BLACK, BLUE, GREY, ORANGE, VERMILION, label
from genus.networks.mlp import mlp

Array = NDArray[np.float64]

SEEN = 1e-3
"""Where neither density exceeds this, no discriminator has anything to learn from."""


def optimal_discriminator(p: Mixture, q: Mixture, x: Array) -> Array:
    """D*(x) = p(x) / (p(x) + q(x)), from log densities, so that it holds far away, too.

    >>> one, two = (mixture([1], [m], [1]) for m in (0.0, 1.0))
    >>> bool(np.isclose(optimal_discriminator(one, two, np.array(0.0)), 1 / (1 + np.exp(-0.5))))
    True
    """
    return 1 / (1 + np.exp(np.clip(q.log_density(x) - p.log_density(x), -700, 700)))


def optimal_loss(p: Mixture, q: Mixture, points: int = 20001) -> float:
    """E(D*, G) = −E_p log D* − E_q log(1 − D*) = 2 log 2 − 2 JSD(p, q), in nats.

    >>> one, two = (mixture([1], [m], [1]) for m in (0.0, 1.0))
    >>> round(optimal_loss(one, two), 10)
    1.1634513968
    """
    x, step = _grid(p, q, 12, points)
    return 2 * math.log(2) - 2 * js_divergence(p.density(x), q.density(x), step=step)


def train_discriminator(
    p: Mixture, q: Mixture, *, hidden: Sequence[int], iterations: int, seed: int
) -> tuple[Callable[[Array], Array], list[float]]:
    r"""Fit a network to the discriminator's loss under the densities themselves.

    .. math:: \int -p(x) \log D(x) - q(x) \log(1 - D(x)) \, dx

    That is the loss of :func:`genus.objectives.adversarial.minimax` for infinitely many examples,
    so nothing can be learnt by heart.

    Args:
        p: of real examples.
        q: of generated ones.
        hidden: widths of the hidden layers.
        iterations: of the optimiser, at most.
        seed: of the initial weights.

    Returns:
        D as a function from points ``(n,)`` to probabilities ``(n,)``, and the loss after each
        iteration.
    """
    x, step = _grid(p, q, 5, 801)
    real, fake = (torch.from_numpy(part.density(x) * step) for part in (p, q))
    centre, scale = (p.mean + q.mean) / 2, max(p.std, q.std)
    inputs = torch.from_numpy((x - centre) / scale)[:, None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = mlp((1,), (1,), hidden=hidden, activation="tanh").double()

    def loss() -> Tensor:
        logits = network(inputs)[:, 0]
        return real @ softplus(-logits) + fake @ softplus(logits)

    losses = fit(network, loss, iterations=iterations)

    def probabilities(x: Array) -> Array:
        with torch.no_grad():
            return network(torch.from_numpy((x - centre) / scale)[:, None])[:, 0].sigmoid().numpy()

    return probabilities, losses


@lab("optimal-discriminator", paper="arXiv:1406.2661")
def optimal_discriminator_lab(
    *,
    p_weights: Sequence[float] = (1.0,),
    p_means: Sequence[float] = (0.0,),
    p_stds: Sequence[float] = (1.0,),
    q_weights: Sequence[float] = (1.0,),
    q_means: Sequence[float] = (1.0,),
    q_stds: Sequence[float] = (1.0,),
    hidden: Sequence[int] = (32, 32),
    iterations: int = 1000,
    seed: int = 0,
) -> Findings:
    """A discriminator trained to convergence on known densities beside p/(p + q), its loss beside the JSD.

    Args:
        p_weights: weights of the Gaussians that make up the data, > 0.
        p_means: their means.
        p_stds: their standard deviations, > 0.
        q_weights: weights of the Gaussians that the generator makes, > 0.
        q_means: their means.
        q_stds: their standard deviations, > 0.
        hidden: widths of the discriminator's hidden layers.
        iterations: of the optimiser, at most.
        seed: of the initial weights.
    """
    p, q = mixture(p_weights, p_means, p_stds), mixture(q_weights, q_means, q_stds)
    require(iterations >= 1 and min(hidden, default=0) >= 1, "iterations and widths must be 1 or more")
    trained, losses = train_discriminator(p, q, hidden=hidden, iterations=iterations, seed=seed)
    x, step = _grid(p, q, 6, 4001)
    a, b = p.density(x), q.density(x)
    best, found = optimal_discriminator(p, q, x), trained(x)
    seen = np.maximum(a, b) > SEEN
    confident = np.clip(found, 1e-15, 1 - 1e-15)
    loss = -step * float((a * np.log(confident) + b * np.log1p(-confident)).sum())
    known = optimal_loss(p, q)
    return Findings(
        numbers={
            "loss": loss,
            "best loss": known,
            "JSD": math.log(2) - known / 2,
            "iterations": len(losses),
            "x": x,
            "D": found,
            "D*": best,
            "losses": losses,
        },
        checks=_checks(p, q, float(np.abs(found - best)[seen].max()), loss, known),
        draw=_draw(x, a, b, best, found, seen, losses, known),
        size=(13.5, 4.6),
    )


def _checks(p: Mixture, q: Mixture, gap: float, loss: float, known: float) -> list[Check]:
    checks = [
        Check(name="largest |D − D*| where a density exceeds 0.001", value=gap, expected=0.0, tolerance=0.02),
        Check(name="loss, 2 log 2 − 2 JSD", value=loss, expected=known, tolerance=0.01),
        Check(name="loss is no less than the best", value=loss, expected=known, tolerance=1e-6, relation="≥"),
    ]
    if (p, q) == (mixture([1], [0], [1]), mixture([1], [1], [1])):
        middle = np.array([0.5 - math.log(0.75 / 0.25)])  # there the logit ½ − x is log 3
        at = float(optimal_discriminator(p, q, middle)[0])
        checks.append(Check(name="D* where ½ − x = log 3", value=at, expected=0.75, tolerance=1e-9))
        checks.append(Check(name="2 log 2 − 2 JSD", value=known, expected=1.1634513968, tolerance=1e-9))
    return checks


def _grid(p: Mixture, q: Mixture, reach: float, points: int) -> tuple[Array, float]:
    ends = [
        m + side * reach * s
        for part in (p, q)
        for m, s in zip(part.means, part.stds, strict=True)
        for side in (-1, 1)
    ]
    x = np.linspace(min(ends), max(ends), points)
    return x, float(x[1] - x[0])


def _draw(
    x: Array,
    a: Array,
    b: Array,
    best: Array,
    found: Array,
    seen: NDArray[np.bool_],
    losses: list[float],
    known: float,
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        densities, decision, descent = figure.subplots(1, 3)
        densities.plot(x, a, color=BLUE, label="data p")
        densities.plot(x, b, "--", color=VERMILION, label="generator q")
        densities.set_ylim(0, 1.3 * max(a.max(), b.max()))
        densities.legend(loc="upper right")
        label(densities, "Densities to be distinguished", "x", "density")
        inside = np.where(seen, found, np.nan)
        decision.plot(x, best, color=ORANGE, lw=5, alpha=0.6, label="D* = p/(p + q)")
        decision.plot(x, inside, color=BLACK, lw=1.6, label="trained D")
        decision.plot(
            x, np.where(seen, np.nan, found), ":", color=GREY, lw=1.6, label="trained D, no data here"
        )
        decision.set_ylim(-0.03, 1.4)
        decision.legend(loc="upper right")
        label(decision, f"Largest gap {np.nanmax(np.abs(inside - best)):.2g}", "x", "probability of data")
        above = np.maximum(np.array(losses) - known, 1e-9)
        descent.loglog(np.arange(1, len(losses) + 1), above, color=BLUE, label="loss − (2 log 2 − 2 JSD)")
        descent.axhline(0.01, color=GREY, ls=":", label="0.01")
        descent.legend(loc="lower left")
        label(descent, f"Loss {losses[-1]:.4f}, best {known:.4f}", "iterations", "nats above the best")

    return draw
