"""Score matching: a score is learned without a normalising constant."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]
"""From examples ``(n, *shape)`` to ∇ log p of each, likewise."""


def explicit(score: Score, x: Tensor) -> Tensor:
    """E[½ ‖s(x)‖² + ∇·s(x)], up to a constant half the Fisher divergence (Hyvärinen 2005).

    Costs as many derivatives as an example has elements.

    Args:
        score: s.
        x: examples ``(n, *shape)``.

    Returns:
        ``(n,)``.

    >>> x = torch.tensor([[1.0, 2.0]])
    >>> explicit(lambda y: -y, x).detach()
    tensor([0.5000])
    """
    x = x.detach().requires_grad_()
    found = score(x).flatten(1)
    divergence = found.new_zeros(len(x))
    for i in range(found.shape[1]):
        (slope,) = torch.autograd.grad(found[:, i].sum(), x, create_graph=True, materialize_grads=True)
        divergence = divergence + slope.flatten(1)[:, i]
    return 0.5 * found.square().sum(1) + divergence


def sliced(score: Score, x: Tensor, directions: Tensor) -> Tensor:
    """E[½ ‖s(x)‖² + vᵀ ∇(vᵀ s(x))], with the variance reduced: ‖s‖² in place of (vᵀs)² (arXiv:1905.07088).

    Its expectation over v is :func:`explicit`.

    Args:
        score: s.
        x: examples ``(n, *shape)``.
        directions: v, of zero mean and unit covariance, like ``x``.

    Returns:
        ``(n,)``.
    """
    x = x.detach().requires_grad_()
    found = score(x)
    along = (found * directions).sum()
    (slope,) = torch.autograd.grad(along, x, create_graph=True, materialize_grads=True)
    return 0.5 * found.flatten(1).square().sum(1) + (slope * directions).flatten(1).sum(1)


def denoising(score: Score, x: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """½ ‖s(x + σ ε) + ε/σ‖², whose minimum is the score of the data smoothed by N(0, σ² I) (Vincent 2011).

    Args:
        score: s.
        x: examples ``(n, *shape)``.
        noise: ε, standard normal, like ``x``.
        sigma: σ > 0.

    Returns:
        ``(n,)``.
    """
    return 0.5 * (score(x + sigma * noise) + noise / sigma).flatten(1).square().sum(1)
