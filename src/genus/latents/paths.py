"""Ways from one latent to another."""

from __future__ import annotations

import torch
from torch import Tensor

_NEARLY_PARALLEL = 1e-4


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight way, (1 − t)a + tb.

    Args:
        a: ``(n, d)``.
        b: ``(n, d)``.
        t: shares of the way ``(k,)``.

    Returns:
        ``(n, k, d)``.

    >>> lerp(torch.tensor([[0.0, 2.0]]), torch.tensor([[4.0, 2.0]]), torch.tensor([0.0, 0.5]))
    tensor([[[0., 2.],
             [2., 2.]]])
    """
    return a[:, None] + t[:, None] * (b - a)[:, None]


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    r"""The way along a great circle, on which standard normal latents keep their usual length.

    .. math:: \frac{\sin((1-t)\omega)}{\sin\omega} a + \frac{\sin(t\omega)}{\sin\omega} b,
       \quad \cos\omega = \frac{a \cdot b}{|a||b|}

    Where directions are the same or opposite there is no single circle, and the way is straight.

    Args:
        a: ``(n, d)``.
        b: ``(n, d)``.
        t: shares of the way ``(k,)``.

    Returns:
        ``(n, k, d)``.

    Paper: arXiv:1609.04468.

    >>> slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([0.5]))
    tensor([[[0.7071, 0.7071]]])
    """
    cosine = torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=1).clamp(-1, 1)
    angle = cosine.acos()[:, None]
    sine = angle.sin()
    straight = sine < _NEARLY_PARALLEL
    safe = sine.where(~straight, torch.ones_like(sine))
    first = torch.where(straight, 1 - t, ((1 - t) * angle).sin() / safe)
    second = torch.where(straight, t, (t * angle).sin() / safe)
    return (first[:, :, None] * a[:, None] + second[:, :, None] * b[:, None]).to(a.dtype)
