"""Optimisers a recipe can name; fused kernels, which are exact and faster at small batch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn import Parameter

from genus.core.ranges import Positive, ShareBelow1, Weight
from genus.core.registry import optimizer


@optimizer("adam", paper="arXiv:1412.6980")
def adam(
    parameters: Iterable[Parameter],
    *,
    lr: Positive = 2e-4,
    betas: tuple[ShareBelow1, ShareBelow1] = (0.9, 0.999),
    eps: Weight = 1e-8,
) -> torch.optim.Optimizer:
    """Adam: steps scaled by running moments of the gradient.

    Args:
        lr: learning rate, > 0.
        betas: decay of the first and second moments, in [0, 1).
        eps: added to the root of the second moment.
    """
    first, second = betas
    return torch.optim.Adam(parameters, lr=lr, betas=(first, second), eps=eps, fused=True)


@optimizer("adamw", paper="arXiv:1711.05101")
def adamw(
    parameters: Iterable[Parameter],
    *,
    lr: Positive = 1e-3,
    betas: tuple[ShareBelow1, ShareBelow1] = (0.9, 0.999),
    eps: Weight = 1e-8,
    weight_decay: Weight = 0.01,
) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay.

    Args:
        lr: learning rate, > 0.
        betas: decay of the first and second moments, in [0, 1).
        eps: added to the root of the second moment.
        weight_decay: share of a weight removed per step, times lr.
    """
    first, second = betas
    return torch.optim.AdamW(
        parameters, lr=lr, betas=(first, second), eps=eps, weight_decay=weight_decay, fused=True
    )


@optimizer("rmsprop")
def rmsprop(
    parameters: Iterable[Parameter],
    *,
    lr: Positive = 5e-5,
    alpha: ShareBelow1 = 0.99,
    eps: Weight = 1e-8,
    momentum: ShareBelow1 = 0.0,
) -> torch.optim.Optimizer:
    """RMSProp: steps divided by a running root mean square of the gradient.

    Args:
        lr: learning rate, > 0.
        alpha: decay of the mean square, in [0, 1).
        eps: added to the root.
        momentum: share of the last step that is repeated.
    """
    return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha, eps=eps, momentum=momentum)


@optimizer("sgd")
def sgd(
    parameters: Iterable[Parameter],
    *,
    lr: Positive = 1e-2,
    momentum: ShareBelow1 = 0.0,
    weight_decay: Weight = 0.0,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent.

    Args:
        lr: learning rate, > 0.
        momentum: share of the last step that is repeated, in [0, 1).
        weight_decay: coefficient of the squared norm of the weights.
    """
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, fused=True)
