"""Growing networks: the published size, levels that equal small networks, fading, any shape."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.layers.resampling import box_down, nearest_up
from genus.networks.progan import GrowingDiscriminator, GrowingGenerator, progan

SHAPES = [(2, 17), (3, 16, 16), (1, 28, 21), (1, 8, 9, 10)]


def pair(
    shape: tuple[int, ...], width: int = 4, condition: int = 0
) -> tuple[GrowingGenerator, GrowingDiscriminator]:
    torch.manual_seed(0)
    generator = progan((5,), shape, condition, width=width)
    discriminator = progan(shape, (1,), condition, width=width)
    assert isinstance(generator, GrowingGenerator)
    assert isinstance(discriminator, GrowingDiscriminator)
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        if parameter.dim() == 1:
            nn.init.normal_(parameter, std=0.1)
    return generator.double(), discriminator.double()


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_published_parameter_counts() -> None:
    # "Total trainable parameters 23.1M" for each network of table 2, without the 1×1
    # convolutions between images and features of the lower levels.
    with torch.device("meta"):
        generator, discriminator = (
            progan((512,), (3, 1024, 1024), width=16),
            progan((3, 1024, 1024), (1,), width=16),
        )
    for net, other in ((generator, "show"), (discriminator, "read")):
        total = sum(p.numel() for p in net.parameters())
        spare = sum(
            p.numel() for n, p in net.named_parameters() if n.startswith(other) and f"{other}.8" not in n
        )
        assert round((total - spare) / 1e6, 1) == 23.1


def test_widths_double_up_to_the_most() -> None:
    for net in (
        progan((4,), (1, 16, 16), width=8, channels=16),
        progan((1, 16, 16), (1,), width=8, channels=16),
    ):
        assert isinstance(net, GrowingGenerator | GrowingDiscriminator)
        assert net.widths == [16, 16, 8]
        assert [keep.weight.shape[0] for keep in net.keep] == [16, 8]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_any_shape_and_every_used_parameter_learns(shape: tuple[int, ...], share: float) -> None:
    generator, discriminator = pair(shape, condition=3)
    generator.fade(share)
    discriminator.fade(share)
    conditioned = rand(4, 3)
    x = generator(rand(4, 5), conditioned)
    assert x.shape == (4, *shape)
    score = discriminator(x, conditioned)
    assert score.shape == (4, 1)
    score.square().sum().backward()
    top = generator.num_levels - 1
    lowest = top if share == 1 else top - 1
    for net, images in ((generator, "show"), (discriminator, "read")):
        for name, parameter in net.named_parameters():
            unused = name.startswith(images) and int(name.split(".")[1]) < lowest
            assert (parameter.grad is None) == unused, name
            assert unused or bool(parameter.grad.abs().sum() > 0), name


@pytest.mark.parametrize("shape", [*SHAPES, (2, 16, 17, 18)])
def test_levels_fade_in_under_autocast(shape: tuple[int, ...]) -> None:
    generator, discriminator = (network.float() for network in pair(shape))
    for network in (generator, discriminator):
        network.fade(0.3)
    with torch.autocast("cpu", torch.bfloat16):
        x = generator(rand(4, 5).float())
        score = discriminator(x)
    assert (x.dtype, score.dtype) == (torch.bfloat16, torch.bfloat16)
    assert (score - discriminator(x.float())).abs().max() < 0.05


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_a_lower_level_is_the_small_network(shape: tuple[int, ...], share: float) -> None:
    generator, discriminator = pair(shape)
    level = generator.num_levels - 2
    small_shape = (shape[0], *generator.sizes[level])
    small = pair(small_shape, width=8)  # one halving doubles the width
    for net, other in zip((generator, discriminator), small, strict=True):
        state = net.state_dict()
        other.load_state_dict({name: state[name] for name in other.state_dict()})
        net.grow(level)
        other.grow(level)
        net.fade(share)
        other.fade(share)
    z = rand(4, 5)
    image = small[0](z)
    assert image.shape[1:] == small_shape
    assert torch.equal(generator(z), nearest_up(image, shape[1:]))
    assert (discriminator(nearest_up(image, shape[1:])) - small[1](image)).abs().max() < 1e-12
    full = rand(4, *shape)
    assert (discriminator(full) - small[1](box_down(full))).abs().max() < 1e-12


def test_the_newest_level_is_mixed_in() -> None:
    generator, discriminator = pair((1, 16, 16))
    z, x = rand(4, 5), rand(4, 1, 16, 16)
    generator.fade(0.0)
    mixed = generator(z)
    generator.fade(1.0)
    new = generator(z)
    generator.grow(1)
    old = generator(z)
    assert torch.equal(mixed, old)  # the image of the level before, enlarged
    generator.grow(2)
    generator.fade(0.25)
    assert (generator(z) - (0.75 * old + 0.25 * new)).abs().max() < 1e-12
    discriminator.fade(0.0)
    mixed = discriminator(x)
    discriminator.fade(1.0)
    assert not torch.allclose(mixed, discriminator(x))
    discriminator.grow(1)
    assert (mixed - discriminator(x)).abs().max() < 1e-12


def test_the_lowest_level_has_nothing_to_fade() -> None:
    generator, _ = pair((1, 16, 16))
    generator.grow(0)
    z = rand(2, 5)
    whole = generator(z)
    generator.fade(0.5)
    assert torch.equal(generator(z), whole)
    with pytest.raises(ValueError, match="level 3"):
        generator.grow(3)


def test_where_it_stands_is_saved() -> None:
    generator, _ = pair((1, 16, 16))
    generator.grow(1)
    generator.fade(0.5)
    other, _ = pair((1, 16, 16))
    other.load_state_dict(generator.state_dict())
    assert other.where() == (1, 0.5)


def test_lowest_level_by_hand() -> None:
    generator, _ = pair((1, 8, 8))
    generator.grow(0)
    z = rand(3, 5)
    unit = lambda v: v / (v.square().mean(1, keepdim=True) + 1e-8).sqrt()  # noqa: E731
    h = unit(z) @ generator.dense.weight.T * (2 / 16 / 5) ** 0.5
    h = unit(F.leaky_relu(h.view(3, 8, 4, 4) + generator.bias, 0.2))
    weight = generator.first.weight * (2 / (8 * 9)) ** 0.5
    h = unit(F.leaky_relu(F.conv2d(h, weight, generator.first.bias, padding=1), 0.2))
    image = F.conv2d(h, generator.show[0].weight / 8**0.5, generator.show[0].bias)
    wanted = image.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert (generator(z) - wanted).abs().max() < 1e-12


def test_options_and_refusals() -> None:
    _, two = pair((1, 8, 8))
    other = progan((1, 8, 8), (1,), width=4, group=2).double()
    other.load_state_dict(two.state_dict())
    x = rand(4, 1, 8, 8)
    assert not torch.allclose(two(x), other(x))
    with pytest.raises(RecipeError, match="group"):
        progan((4,), (1, 8, 8), group=2)
    with pytest.raises(RecipeError, match="'mlp'"):
        progan((4,), (1, 3, 8))
    with pytest.raises(RecipeError, match="'mlp'"):
        progan((4,), (4,))
    with pytest.raises(RecipeError, match="one output"):
        progan((1, 8, 8), (2,), 3)
