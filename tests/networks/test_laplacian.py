"""Networks of a level of LAPGAN: sizes of the authors' code, any shape, conditions."""

from __future__ import annotations

import pytest
import torch

from genus.core.errors import RecipeError
from genus.networks.laplacian import laplacian_level

SHAPES = [(2, 17), (1, 28, 28), (3, 9, 14), (1, 8, 9, 10)]


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_parameter_counts_of_the_authors_networks_for_32() -> None:
    # Layer by layer: 7×7 4→128, 7×7 128→128, 5×5 128→3; 5×5 3→128, 5×5 128→128, 128·12² → 1.
    assert count(laplacian_level((4, 32, 32), (3, 32, 32))) == 25_216 + 802_944 + 9_603
    assert count(laplacian_level((3, 32, 32), (1,))) == 9_728 + 409_728 + 18_433


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("condition", [0, 3])
def test_any_shape_and_every_parameter_learns(shape: tuple[int, ...], condition: int) -> None:
    torch.manual_seed(0)
    channels, *size = shape
    generator = laplacian_level((channels + 1, *size), shape, condition, width=4)
    discriminator = laplacian_level((2 * channels, *size), (2,), condition, width=4)
    conditioned = torch.randn(3, condition) if condition else None
    low = torch.randn(3, *shape)
    detail = generator(torch.cat([torch.randn(3, 1, *size), low], 1), conditioned)
    assert detail.shape == (3, *shape)
    score = discriminator(torch.cat([low + detail, low], 1), conditioned)
    assert score.shape == (3, 2)
    score.square().sum().backward()
    for net in (generator, discriminator):
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name
            assert bool(parameter.grad.any()), name


def test_a_generator_without_condition_serves_any_size() -> None:
    net = laplacian_level((2, 16, 16), (1, 16, 16), width=4)
    assert net(torch.zeros(1, 2, 21, 9)).shape == (1, 1, 21, 9)


def test_options_and_refusals() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 1, 16, 16)
    one, two = (
        laplacian_level((1, 16, 16), (1,), width=4),
        laplacian_level((1, 16, 16), (1,), width=4, dropout=0.0),
    )
    assert not torch.equal(one(x), one(x))
    assert torch.equal(two(x), two(x))
    with pytest.raises(RecipeError, match="dropout"):
        laplacian_level((2, 16, 16), (1, 16, 16), dropout=0.5)
    with pytest.raises(RecipeError, match="'mlp'"):
        laplacian_level((5,), (1, 16, 16))
    with pytest.raises(RecipeError, match="'dcgan'"):
        laplacian_level((1, 8, 8), (1, 16, 16))
