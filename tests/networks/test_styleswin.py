"""StyleSwin: sizes, shapes, styles, and its wavelet discriminator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genus.core.errors import RecipeError
from genus.core.network import CouplesBatch, Styled
from genus.core.noise import Noise
from genus.layers.haar import haar
from genus.networks.styleswin import sinusoidal_places, styleswin
from genus.networks.styleswin_discriminator import styleswin_discriminator

SHAPES = [(1, 28, 28), (3, 9, 14), (2, 17), (1, 7, 9, 8)]


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def lively(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


@pytest.mark.parametrize("outputs", [*SHAPES, (2, 4, 11)])
@pytest.mark.parametrize("condition", [0, 3])
def test_generator_reaches_every_parameter(outputs: tuple[int, ...], condition: int) -> None:
    torch.manual_seed(0)
    net = lively(styleswin((6,), outputs, condition, width=4, channels=8, window=3, layers=2))
    conditioned = torch.randn(3, condition) if condition else None
    image = net(torch.randn(3, 6), conditioned, noise=Noise(0))
    assert image.shape == (3, *outputs)
    image.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("inputs", SHAPES)
@pytest.mark.parametrize("condition", [0, 3])
def test_discriminator_reaches_every_parameter(inputs: tuple[int, ...], condition: int) -> None:
    torch.manual_seed(0)
    net = lively(styleswin_discriminator(inputs, (5,), condition, width=4, channels=8))
    conditioned = torch.randn(4, condition) if condition else None
    scores = net(torch.randn(4, *inputs), conditioned)
    assert scores.shape == (4, 5)
    scores.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert any(isinstance(module, CouplesBatch) for module in net.modules())


def test_each_style_moves_the_image() -> None:
    torch.manual_seed(0)
    net = lively(styleswin((6,), (1, 16, 8), width=4, channels=8, blocks=3, window=2, layers=1))
    assert isinstance(net, Styled)
    w = net.mapping(torch.randn(1, 6)).detach()[:, None].repeat(1, net.num_styles, 1).requires_grad_()
    assert w.shape == (1, 6 * 1, 6) or w.shape == (1, 3 * 2, 6)
    net.synthesis(w, Noise(0)).square().sum().backward()
    assert w.grad is not None
    assert (w.grad.abs().sum(2) > 0).all()


def test_examples_do_not_depend_on_each_other() -> None:
    torch.manual_seed(0)
    net = lively(styleswin((6,), (1, 7, 8), width=4, channels=8, window=3, layers=1)).double()
    z = torch.randn(4, 6, dtype=torch.float64)
    assert torch.allclose(net(z, noise=Noise(0))[2:], net(z[2:], noise=Noise(0)), atol=1e-12)


def test_positions_are_waves_along_each_axis() -> None:
    places = sinusoidal_places((3, 4), 8)
    assert places.shape == (3, 4, 8)
    assert torch.allclose(places[1, :, 0], torch.tensor(2.0).sin().expand(4))
    assert torch.allclose(places[:, 2, 4], torch.tensor(3.0).sin().expand(3))
    assert torch.allclose(places[2, 1, [2, 6]], torch.tensor([3.0, 2.0]).cos())
    assert sinusoidal_places((2, 3, 4), 8).shape == (2, 3, 4, 8)


def test_discriminator_reads_wavelets_of_every_resolution() -> None:
    """The smallest network written out: h = read(haar(x)), down, plus read(haar(halved x))."""
    torch.manual_seed(0)
    net = lively(styleswin_discriminator((1, 16, 16), (2,), width=4, channels=4)).double()
    x = torch.randn(4, 1, 16, 16, dtype=torch.float64)
    line = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8
    small = nn.functional.conv2d(x, (line[:, None] * line)[None, None], stride=2, padding=1)
    h = net.down[0](net.read[0](haar(x))) + net.read[1](haar(small))
    assert h.shape == (4, 4, 4, 4)
    assert torch.allclose(net(x), net.head(h))


def test_options_change_the_networks() -> None:
    base = {"width": 4, "channels": 8}
    changes = ({}, {"width": 8}, {"channels": 12}, {"blocks": 1}, {"window": 3}, {"layers": 2})
    assert len({count(styleswin((6,), (1, 16, 16), **{**base, **change})) for change in changes}) == 6
    sizes = [(4, 4), (5, 4), (4, 5)]
    make = styleswin_discriminator
    assert len({count(make((1, 16, 16), (1,), width=w, channels=c)) for w, c in sizes}) == 3


def test_generator_has_the_published_parameters() -> None:
    """40.86 million at 1024², where the authors halve the channels of the finer resolutions."""
    with torch.device("meta"):
        found = count(styleswin((512,), (3, 1024, 1024), width=16))
    assert round(found / 1e6, 2) == 40.86


def test_says_what_it_cannot_do() -> None:
    with pytest.raises(RecipeError, match="multiples of 4"):
        styleswin((6,), (1, 8, 8), width=6)
    with pytest.raises(RecipeError, match="longer than every side"):
        styleswin((6,), (1, 8, 8), window=9)
    with pytest.raises(RecipeError, match="styleswin-discriminator"):
        styleswin((1, 8, 8), (1,))
    with pytest.raises(RecipeError, match="use 'styleswin'"):
        styleswin_discriminator((6,), (1, 8, 8))
    with pytest.raises(RecipeError, match="at least 7"):
        styleswin_discriminator((1, 6, 8), (1,))


def test_works_in_half_precision() -> None:
    torch.manual_seed(0)
    net = styleswin((6,), (1, 8, 8), width=4, channels=8, window=3, layers=1)
    score = styleswin_discriminator((1, 8, 8), (1,), width=4, channels=8)
    z = torch.randn(4, 6)
    exact = score(net(z, noise=Noise(0)))
    with torch.autocast("cpu", torch.bfloat16):
        half = score(net(z, noise=Noise(0)))
    half.sum().backward()
    assert torch.allclose(half.float(), exact, atol=0.05)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
