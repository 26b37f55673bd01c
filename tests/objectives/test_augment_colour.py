"""Changes of values against the formulas worked out by hand."""

from __future__ import annotations

import pytest
import torch

from genus.core.noise import Noise
from genus.objectives.augment_colour import brightness, contrast, saturation
from tests.objectives.scripted import Scripted

X = torch.tensor([[[1.0, 0.0], [0.0, -0.5]], [[0.5, 0.5], [0.1, 0.3]]], dtype=torch.float64)
"""Two examples of two channels and two places."""
HALF = torch.tensor(0.5)
DRAWS = [0.75, 0.25], [0.2, 0.9]
"""u = ¾ and ¼; only the first example is below a strength of ½."""


def test_brightness_by_hand() -> None:
    found = brightness(X, Scripted(*DRAWS), HALF)
    assert torch.allclose(found[0], X[0] + 0.25, atol=1e-12)
    assert torch.equal(found[1], X[1])


def test_saturation_by_hand() -> None:
    """Means of the places of the first example are 0.5 and −0.25; distances grow by 3/2."""
    found = saturation(X, Scripted(*DRAWS), HALF)
    expected = torch.tensor([[1.25, 0.125], [-0.25, -0.625]], dtype=torch.float64)
    assert torch.allclose(found[0], expected, atol=1e-12)
    assert torch.equal(found[1], X[1])


def test_contrast_by_hand() -> None:
    """The first example's mean is 0.125; distances grow by 5/4."""
    found = contrast(X, Scripted(*DRAWS), HALF)
    assert torch.allclose(found[0], 0.125 + 1.25 * (X[0] - 0.125), atol=1e-12)
    assert torch.equal(found[1], X[1])


def test_saturation_of_one_channel_is_the_identity() -> None:
    x = torch.randn(5, 1, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(saturation(x, Noise(0), torch.ones(())), x, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "low", "high"), [(brightness, -0.5, 0.5), (saturation, 0, 2), (contrast, 0.5, 1.5)]
)
def test_amounts_cover_their_range(change, low: float, high: float) -> None:
    """The amount is read off: channels ±1 around a mean of 0 keep the mean and are scaled."""
    x = torch.tensor([[1.0], [-1.0]]).double().expand(4000, 2, 1)
    found = change(x, Noise(0), torch.ones(()))
    amount = found.mean(1) if change is brightness else (found[:, 0] - found[:, 1]) / 2
    width = high - low
    assert low <= amount.min() < low + 0.01 * width
    assert high - 0.01 * width < amount.max() <= high
    assert amount.mean().item() == pytest.approx((low + high) / 2, abs=4 * width / (12 * 4000) ** 0.5)
