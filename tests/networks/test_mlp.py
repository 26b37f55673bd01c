"""Perceptrons: sizes of the lecture's pair, and weights divided by their largest singular value."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genus.core.recipe import load_recipe
from genus.networks.laplacian import laplacian_level
from genus.networks.mlp import mlp


def test_the_lectures_pair_has_its_parameters() -> None:
    """64 → 128 → 128 → 784 and 784 → 128 → 128 → 1, with biases."""
    model = load_recipe("vanilla-gan").config["model"]
    assert (model["latent"], model["generator"]["hidden"], model["discriminator"]["hidden"]) == (
        64, [128, 128], [128, 128],
    )  # fmt: skip
    generator = mlp((64,), (1, 28, 28), hidden=model["generator"]["hidden"])
    discriminator = mlp((1, 28, 28), (1,), hidden=model["discriminator"]["hidden"])
    counts = [sum(p.numel() for p in network.parameters()) for network in (generator, discriminator)]
    assert counts == [125_968, 117_121]


@pytest.mark.parametrize("condition", [0, 3])
def test_spectral_weights_have_largest_singular_value_one(condition: int) -> None:
    torch.manual_seed(0)
    plain = mlp((12,), (4,), condition, hidden=[9, 7])
    torch.manual_seed(0)
    network = mlp((12,), (4,), condition, hidden=[9, 7], spectral=True).train()
    conditioned = (torch.randn(5, 3),) if condition else ()
    for _ in range(100):
        network(torch.randn(5, 12), *conditioned)
    pairs = [
        (before, after) for before, after in zip(plain, network, strict=True) if isinstance(before, nn.Linear)
    ]
    assert len(pairs) == 3
    for before, after in pairs:
        largest = torch.linalg.matrix_norm(before.weight, 2)
        torch.testing.assert_close(after.weight, before.weight / largest, atol=1e-4, rtol=1e-3)


def test_a_level_of_lapgan_can_be_normalised_spectrally() -> None:
    network = laplacian_level((1, 16, 16), (1,), width=4, spectral=True).train()
    for _ in range(50):
        network(torch.randn(2, 1, 16, 16))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
            assert largest.item() == pytest.approx(1, abs=0.02)
