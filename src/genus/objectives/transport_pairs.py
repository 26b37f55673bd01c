"""Pairs of examples and noise by optimal transport within a batch."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genus.core.errors import InputError


def transport_order(x: Tensor, noise: Tensor) -> Tensor:
    """The order of ``noise`` in which the sum of squared distances to ``x`` is smallest (arXiv:2302.00482).

    An exact assignment of equal weights; nothing is drawn.

    Args:
        x: ``(n, …)``.
        noise: ``(n, …)``.

    Returns:
        int64 ``(n,)``: ``noise[order[i]]`` belongs to ``x[i]``.

    Raises:
        InputError: for unequal numbers of rows.

    >>> transport_order(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [-1.0]])).tolist()
    [1, 0]
    """
    if len(x) != len(noise):
        raise InputError(f"optimal transport pairs equal numbers of rows, not {len(x)} and {len(noise)}")
    cost = torch.cdist(x.flatten(1).double(), noise.flatten(1).double()).square()
    columns = linear_sum_assignment(cost.cpu().numpy())[1]
    return torch.as_tensor(columns, device=x.device)
