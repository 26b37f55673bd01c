"""Path-length regularisation: equal steps of the style move the image equally far."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genus.core.noise import Noise


def path_lengths(images: Tensor, styles: Tensor, noise: Noise) -> Tensor:
    r"""Movement of images, per example, in a random direction y of unit deviation per place.

    .. math:: \ell = \sqrt{\frac{1}{L} \sum_{l=1}^L \lVert J_{w_l}^T y \rVert^2},
        \quad y \sim N(0, I) / \sqrt{\text{places}}

    Args:
        images: ``(n, channels, *sides)``, what a generator made of ``styles``.
        styles: ``(n, layers, style)``, with gradients; one row for each of L layers.
        noise: y is drawn from it.

    Returns:
        ``(n,)``, itself differentiable.
    """
    places = math.prod(images.shape[2:])
    direction = noise.normal(*images.shape).to(images) / math.sqrt(places)
    (pulled,) = torch.autograd.grad((images * direction).sum(), styles, create_graph=True)
    return pulled.square().sum(2).mean(1).sqrt()


def path_length_penalty(
    images: Tensor, styles: Tensor, mean: Tensor | float, noise: Noise
) -> tuple[Tensor, Tensor]:
    r"""E(ℓ − a)², the deviation of path lengths from a constant a.

    The caller keeps a as a running mean of the lengths returned (the paper moves it by 0.01 of
    the way) and weighs the penalty (2 there, every 8th step and so 16 times as much then).

    Args:
        images: ``(n, channels, *sides)``, what a generator made of ``styles``.
        styles: ``(n, layers, style)``, with gradients.
        mean: a, ≥ 0.
        noise: the direction is drawn from it.

    Returns:
        the penalty, a scalar, and the detached lengths ``(n,)``.

    Paper: arXiv:1912.04958, equation 4; the mean over layers is that of its code.

    >>> w = torch.ones(2, 1, 3, requires_grad=True)
    >>> penalty, lengths = path_length_penalty(w.sum(2, keepdim=True), w, 0.0, Noise(0))
    >>> bool((penalty == lengths.square().mean()).all())
    True
    """
    lengths = path_lengths(images, styles, noise)
    return (lengths - mean).square().mean(), lengths.detach()
