"""Pairs of examples and noise by optimal transport within a batch."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genus.core.errors import InputError


def transport_order(x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
    """The order of ``noise`` in which the sum of squared distances to ``x`` is smallest (arXiv:2302.00482).

    An exact assignment of equal weights; nothing is drawn.

    Args:
        x: ``(n, …)``.
        noise: ``(n, …)``.
        labels: classes ``(n,)``, within each of which pairs are formed; None for one class. Pairs across
            classes would make the noise depend on the class, while samples of a class start from all of it.

    Returns:
        int64 ``(n,)``: ``noise[order[i]]`` belongs to ``x[i]``.

    Raises:
        InputError: for unequal numbers of rows.

    >>> transport_order(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [-1.0]])).tolist()
    [1, 0]
    """
    if len(x) != len(noise):
        raise InputError(f"optimal transport pairs equal numbers of rows, not {len(x)} and {len(noise)}")
    order = torch.arange(len(x), device=x.device)
    for label in [None] if labels is None else labels.unique():
        rows = order.clone() if label is None else (labels == label).nonzero()[:, 0]
        order[rows] = rows[_assigned(x[rows], noise[rows])]
    return order


def _assigned(x: Tensor, noise: Tensor) -> Tensor:
    cost = torch.cdist(x.flatten(1).double(), noise.flatten(1).double()).square()
    columns = linear_sum_assignment(cost.cpu().numpy())[1]
    return torch.as_tensor(columns, device=x.device)
