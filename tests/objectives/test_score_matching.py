"""Losses of score matching against closed forms of Gaussians and mixtures."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genus.objectives.score_matching import denoising, explicit, sliced


def quadratic(x: Tensor) -> Tensor:
    """A score that is no gradient, with divergence −3.5 + 0.9 cos."""
    a = torch.tensor([[-1.0, 0.4, 0.0], [0.0, -2.0, 0.3], [0.5, 0.0, -0.5]], dtype=x.dtype)
    return x @ a.T + 0.3 * (3 * x).sin()


def test_explicit_by_hand() -> None:
    x = torch.tensor([[0.2, -1.0, 0.7], [1.0, 0.0, 0.5]], dtype=torch.float64)
    expected = 0.5 * quadratic(x).square().sum(1) - 3.5 + 0.9 * (3 * x).cos().sum(1)
    assert torch.allclose(explicit(quadratic, x), expected)


def test_sliced_is_explicit_on_average() -> None:
    """Over all eight directions of ±1 the average is exact where the cross terms cancel."""
    x = torch.tensor([[0.2, -1.0, 0.7]], dtype=torch.float64)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * 3)
    found = torch.stack([sliced(quadratic, x, sign[None]) for sign in signs]).mean().detach()
    assert float(found) == pytest.approx(float(explicit(quadratic, x).detach()), rel=1e-9)


def test_denoising_has_the_gradient_of_explicit_on_smoothed_data() -> None:
    """For data N(0, ¼) and a score −k x: k ½ E x² … both have their minimum at 1/(¼ + σ²)."""
    sigma, n = 0.6, 400_000
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, n, 1, dtype=torch.float64, generator=generator)
    x = 0.5 * x
    gradients = []
    for loss in (
        lambda s: denoising(s, x, noise, sigma).mean(),
        lambda s: explicit(s, x + sigma * noise).mean(),
        lambda s: sliced(s, x + sigma * noise, torch.ones_like(x)).mean(),
    ):
        k = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
        gradients.append(float(torch.autograd.grad(loss(lambda y, k=k: -k * y), k)[0]))
    exact = 0.9 * (0.25 + sigma**2) - 1
    assert gradients == pytest.approx([exact] * 3, abs=4 * 3 / math.sqrt(n))
