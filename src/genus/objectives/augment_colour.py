"""Augmentation of values, not of places: brightness, saturation, contrast, noise.

Functions ``(x, noise, strength)`` of examples ``(n, channels, *size)`` with any number of axes.
``strength`` is the probability with which each example is transformed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.noise import Noise
from genus.objectives.augment_blit import chosen


def brightness(x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """Add u − ½ to all values of an example, u uniform in [0, 1).

    Args:
        x: ``(n, channels, *size)`` on the scale [−1, 1].
        noise: random numbers.
        strength: share of changed examples, scalar in [0, 1].
    """
    amount = _uniform(x, noise) - 0.5
    return x + amount * chosen(x, noise, strength)


def saturation(x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """Scale the difference of each place's channels from their mean by 2u; one channel stays as it is.

    Args:
        x: ``(n, channels, *size)`` on the scale [−1, 1].
        noise: random numbers.
        strength: share of changed examples, scalar in [0, 1].
    """
    return _away_from(x, x.mean(1, keepdim=True), 2 * _uniform(x, noise), chosen(x, noise, strength))


def contrast(x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """Scale the difference of an example's values from their mean by u + ½.

    Args:
        x: ``(n, channels, *size)`` on the scale [−1, 1].
        noise: random numbers.
        strength: share of changed examples, scalar in [0, 1].
    """
    mean = x.mean(tuple(range(1, x.dim())), keepdim=True)
    return _away_from(x, mean, _uniform(x, noise) + 0.5, chosen(x, noise, strength))


def _away_from(x: Tensor, mean: Tensor, factor: Tensor, apply: Tensor) -> Tensor:
    """The mean plus the scaled difference from it, where it applies, and x itself elsewhere."""
    return torch.where(apply, mean + (x - mean) * factor, x)


def _uniform(x: Tensor, noise: Noise) -> Tensor:
    """One number for each example, ``(n, 1, …)``."""
    return noise.uniform(len(x), *(1,) * (x.dim() - 1)).to(x.dtype)
