"""Augmentation that moves or drops whole elements of examples: flips, turns, shifts, cutout.

Functions ``(x, noise, strength, …)`` of examples ``(n, channels, *size)`` with one, two or three
spatial axes. ``strength`` is the probability with which each example is given a random
transformation of the kind at all; that random one may be the identity. All are linear in x.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from genus.core.noise import Noise

Edges = Literal["zero", "mirror"]


def chosen(x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """The examples that are transformed: true with probability ``strength``, ``(n, 1, …)`` as x has axes."""
    return noise.uniform(len(x), *(1,) * (x.dim() - 1)) < strength


def flip(x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """Mirror half of the chosen examples at their last axis.

    Args:
        x: ``(n, channels, *size)``.
        noise: random numbers.
        strength: share of chosen examples, scalar in [0, 1].
    """
    side = noise.integers(2, len(x), *(1,) * (x.dim() - 1)) == 1
    return torch.where(side & chosen(x, noise, strength), x.flip(-1), x)


def turn(x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """Turn the chosen examples by 0, 90, 180 or 270 degrees, each as likely, in a random plane.

    In a plane whose sides differ only 0 and 180 degrees fit, and are as likely.

    Args:
        x: ``(n, channels, *size)`` with two or three spatial axes.
        noise: random numbers.
        strength: share of chosen examples, scalar in [0, 1].
    """
    planes = [(2, 3)] if x.dim() == 4 else [(2, 3), (2, 4), (3, 4)]
    ones = (1,) * (x.dim() - 1)
    plane = noise.integers(len(planes), len(x), *ones)
    quarters = noise.integers(4, len(x), *ones)
    apply = chosen(x, noise, strength)
    turned = x
    for number, axes in enumerate(planes):
        fits = x.shape[axes[0]] == x.shape[axes[1]]
        wanted = quarters if fits else 2 * (quarters % 2)
        for count in (1, 2, 3) if fits else (2,):
            here = apply & (plane == number) & (wanted == count)
            turned = torch.where(here, x.rot90(count, axes), turned)
    return turned


def shift(
    x: Tensor, noise: Noise, strength: Tensor, *, share: float = 0.125, edges: Edges = "zero"
) -> Tensor:
    """Shift the chosen examples by whole elements, uniform up to a share of each side both ways.

    Args:
        x: ``(n, channels, *size)``.
        noise: random numbers.
        strength: share of chosen examples, scalar in [0, 1].
        share: furthest shift of an axis as a share of its side, rounded to elements; in [0, 1].
        edges: what moves in: zeros, or the example mirrored at its edge.
    """
    apply = chosen(x, noise, strength).flatten()
    for axis in range(2, x.dim()):
        furthest = int(x.shape[axis] * share + 0.5)
        step = noise.integers(2 * furthest + 1, len(x)) - furthest
        x = shift_axis(x, step * apply, axis, edges)
    return x


def shift_axis(x: Tensor, step: Tensor, axis: int, edges: Edges) -> Tensor:
    """Shift each example along one axis.

    Args:
        x: ``(n, channels, *size)``.
        step: int64 ``(n,)``, by how many elements; positive moves towards the end.
        axis: which, >= 2.
        edges: ``zero`` fills with zeros, ``mirror`` with the example, mirrored between elements.
    """
    length = x.shape[axis]
    source = torch.arange(length, device=x.device) - step[:, None]
    inside = (source >= 0) & (source < length)
    if edges == "mirror":
        source = source.remainder(2 * length)
        source = torch.minimum(source, 2 * length - 1 - source)
    shape = [len(x), *(1,) * (x.dim() - 1)]
    shape[axis] = length
    moved = x.gather(axis, source.clamp(0, length - 1).view(shape).expand(x.shape))
    return moved if edges == "mirror" else moved * inside.view(shape)


def cutout(x: Tensor, noise: Noise, strength: Tensor, *, share: float = 0.5) -> Tensor:
    """Zero a box in the chosen examples; its centre is uniform over the example.

    Args:
        x: ``(n, channels, *size)``.
        noise: random numbers.
        strength: share of chosen examples, scalar in [0, 1].
        share: side of the box as a share of each side, rounded to elements; in [0, 1].
    """
    inside = chosen(x, noise, strength)
    for axis in range(2, x.dim()):
        length = x.shape[axis]
        side = int(length * share + 0.5)
        # An even box has its centre between elements, so one more place is possible.
        first = noise.integers(length + 1 - side % 2, len(x))[:, None] - side // 2
        place = torch.arange(length, device=x.device)
        shape = [len(x), *(1,) * (x.dim() - 1)]
        shape[axis] = length
        inside = inside & ((place >= first) & (place < first + side)).view(shape)
    return x * ~inside
