"""StyleGAN and StyleGAN2: published sizes, shapes, what styles, noise and conditions reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from genus.core.errors import RecipeError
from genus.core.network import CouplesBatch, Styled
from genus.core.noise import Noise
from genus.networks.stylegan import stylegan
from genus.networks.stylegan2 import stylegan2
from genus.networks.stylegan_discriminator import stylegan2_discriminator, stylegan_discriminator

SHAPES = [(1, 28, 28), (3, 9, 14), (2, 17), (1, 5, 6, 7), (2, 4, 9)]
GENERATORS = [stylegan, stylegan2]
DISCRIMINATORS = [stylegan_discriminator, stylegan2_discriminator]


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def lively(net: nn.Module) -> nn.Module:
    """Weights that start at zero, such as strengths of noise, are moved away from it."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


@pytest.mark.parametrize(
    ("side", "width", "generator", "discriminator"),
    [(1024, 32, 30_370_060, 29_012_513), (256, 128, 30_034_338, 28_864_129)],
)
def test_stylegan2_has_the_published_parameters(
    side: int, width: int, generator: int, discriminator: int
) -> None:
    with torch.device("meta"):
        assert count(stylegan2((512,), (3, side, side), width=width)) == generator
        assert count(stylegan2_discriminator((3, side, side), (1,), width=width)) == discriminator


def test_stylegan_has_the_published_parameters() -> None:
    """26,219,627 and 23,087,249 count image layers of the 8 lower resolutions, which growing needs."""
    lower = [512, 512, 512, 512, 256, 128, 64, 32]
    with torch.device("meta"):
        generator = count(stylegan((512,), (3, 1024, 1024)))
        discriminator = count(stylegan_discriminator((3, 1024, 1024), (1,)))
    assert generator + sum(3 * c + 3 for c in lower) == 26_219_627
    assert discriminator + sum(3 * c + c for c in lower) == 23_087_249


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize("outputs", SHAPES)
@pytest.mark.parametrize("condition", [0, 3])
def test_generators_reach_every_parameter(
    make: Callable[..., Styled], outputs: tuple[int, ...], condition: int
) -> None:
    torch.manual_seed(0)
    net = lively(make((6,), outputs, condition, width=4, layers=2))
    z = torch.randn(3, 6)
    conditioned = torch.randn(3, condition) if condition else None
    image = net(z, conditioned, noise=Noise(0))
    assert image.shape == (3, *outputs)
    image.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("make", DISCRIMINATORS)
@pytest.mark.parametrize("inputs", SHAPES)
@pytest.mark.parametrize("condition", [0, 3])
def test_discriminators_reach_every_parameter(
    make: Callable[..., nn.Module], inputs: tuple[int, ...], condition: int
) -> None:
    torch.manual_seed(0)
    net = lively(make(inputs, (5,), condition, width=4, channels=8))
    conditioned = torch.randn(4, condition) if condition else None
    scores = net(torch.randn(4, *inputs), conditioned)
    assert scores.shape == (4, 5)
    scores.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("make", GENERATORS)
def test_each_style_moves_the_image(make: Callable[..., Styled]) -> None:
    torch.manual_seed(0)
    net = lively(make((6,), (1, 16, 8), width=4, layers=1))
    w = net.mapping(torch.randn(1, 6)).detach()[:, None].repeat(1, net.num_styles, 1).requires_grad_()
    assert w.shape == (1, net.num_styles, net.style_size)
    net.synthesis(w, Noise(0)).square().sum().backward()
    assert w.grad is not None
    assert (w.grad.abs().sum(2) > 0).all()


@pytest.mark.parametrize("make", GENERATORS)
def test_noise_counts_only_once_its_strength_has_moved(make: Callable[..., Styled]) -> None:
    torch.manual_seed(0)
    net = make((6,), (1, 8, 8), width=4, layers=1)
    z = torch.randn(1, 6)
    assert torch.equal(net(z, noise=Noise(0)), net(z, noise=Noise(1)))
    lively(net)
    assert not torch.equal(net(z, noise=Noise(0)), net(z, noise=Noise(1)))
    assert torch.equal(net(z, noise=Noise(1)), net(z, noise=Noise(1)))


@pytest.mark.parametrize("make", GENERATORS)
def test_examples_do_not_depend_on_each_other(make: Callable[..., Styled]) -> None:
    torch.manual_seed(0)
    net = lively(make((6,), (1, 7, 8), width=4, layers=1)).double()
    z = torch.randn(4, 6, dtype=torch.float64)
    whole = net(z, noise=Noise(0, block=1))
    part = net(z[2:], noise=Noise(0, start=2, block=1))
    assert torch.allclose(whole[2:], part, atol=1e-12)
    assert torch.allclose(net.mapping(3 * z), net.mapping(z), atol=1e-7)  # latents have a fixed length


def test_forward_equals_the_paper_layer_by_layer() -> None:
    """The 8 × 8 generator of StyleGAN2 written out: y = √2 leaky(conv + noise + bias), images summed."""
    torch.manual_seed(0)
    net = lively(stylegan2((4,), (2, 8, 8), width=4, layers=2)).double()
    z = torch.randn(2, 4, dtype=torch.float64)
    w = z / z.square().mean(1, keepdim=True).add(1e-8).sqrt()
    for layer in net.map.layers:
        w = 2**0.5 * nn.functional.leaky_relu(
            w @ layer.weight.t() * (0.01 / w.shape[1] ** 0.5) + layer.bias * 0.01, 0.2
        )
    noise = Noise(3)

    def styled(layer: nn.Module, x: Tensor, size: tuple[int, int]) -> Tensor:
        y, factor = layer.convolution(x, w, size)
        y = y * factor + layer.strength * noise.normal(2, 1, *size) + layer.bias[:, None, None]
        return 2**0.5 * nn.functional.leaky_relu(y, 0.2)

    def shown(layer: nn.Module, x: Tensor) -> Tensor:
        scale = layer.convolution.affine(w)[:, :, None, None]
        weight = layer.convolution.weight / x.shape[1] ** 0.5
        return nn.functional.conv2d(x * scale, weight, layer.bias)

    x = styled(net.first, net.constant.expand(2, -1, -1, -1), (4, 4))
    image = shown(net.show[0], x)
    x = styled(net.keep[0], styled(net.up[0], x, (8, 8)), (8, 8))
    filtered = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 4
    kernel = (filtered[:, None] * filtered).expand(2, 1, 4, 4)
    image = nn.functional.conv_transpose2d(image, kernel, stride=2, padding=1, groups=2)
    assert torch.allclose(net(z, noise=Noise(3)), image + shown(net.show[1], x), atol=1e-12)


def test_residual_block_by_hand() -> None:
    torch.manual_seed(0)
    block = lively(stylegan2_discriminator((1, 8, 8), (1,), width=2).double()).blocks[0]
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    line = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8
    kernel = (line[:, None] * line).expand(2, 1, 4, 4)
    conv, leaky = nn.functional.conv2d, nn.functional.leaky_relu
    y = 2**0.5 * leaky(conv(x, block.keep.weight / 18**0.5, block.keep.bias, padding=1), 0.2)
    y = conv(conv(y, kernel, padding=2, groups=2), block.halve.weight / 18**0.5, block.halve.bias, 2)
    y = 2**0.5 * leaky(y, 0.2)
    skip = conv(conv(x, kernel, padding=1, groups=2)[:, :, ::2, ::2], block.skip.weight / 2**0.5)
    assert torch.allclose(block(x), (y + skip) / 2**0.5, atol=1e-12)


@pytest.mark.parametrize("make", DISCRIMINATORS)
def test_the_batch_counts_and_gradients_have_gradients(make: Callable[..., nn.Module]) -> None:
    torch.manual_seed(0)
    net = make((1, 8, 8), (1,), width=4, channels=8).double()
    assert any(isinstance(module, CouplesBatch) for module in net.modules())
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    assert not torch.allclose(net(x)[:1], net(x[:1]))
    (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.head.convolution.parameters())


@pytest.mark.parametrize("make", [*GENERATORS, *DISCRIMINATORS])
def test_options_change_the_network(make: Callable[..., nn.Module]) -> None:
    shapes = ((6,), (1, 16, 16)) if make in GENERATORS else ((1, 16, 16), (1,))
    plain = count(make(*shapes, width=4, channels=8))
    assert count(make(*shapes, width=5, channels=8)) != plain
    assert count(make(*shapes, width=4, channels=9)) != plain
    if make in GENERATORS:
        assert count(make(*shapes, width=4, channels=8, layers=3)) != plain


@pytest.mark.parametrize("make", GENERATORS)
def test_generators_say_what_they_cannot_do(make: Callable[..., nn.Module]) -> None:
    with pytest.raises(RecipeError, match="discriminator"):
        make((1, 8, 8), (1,))
    with pytest.raises(RecipeError, match="mlp"):
        make((4,), (2,))
    with pytest.raises(RecipeError, match="sides of at least 4"):
        make((4,), (1, 3, 8))
    with pytest.raises(ValueError, match="condition"):
        make((4,), (1, 8, 8), 2, width=4)(torch.randn(1, 4), noise=Noise(0))


@pytest.mark.parametrize("make", DISCRIMINATORS)
def test_discriminators_say_what_they_cannot_do(make: Callable[..., nn.Module]) -> None:
    with pytest.raises(RecipeError, match="use 'stylegan"):
        make((4,), (1, 8, 8))
    with pytest.raises(ValueError, match="condition"):
        make((1, 8, 8), (1,), 2, width=4)(torch.randn(1, 1, 8, 8))


@pytest.mark.parametrize(("make", "judge"), [*zip(GENERATORS, DISCRIMINATORS, strict=True)])
def test_work_in_half_precision(make: Callable[..., Styled], judge: Callable[..., nn.Module]) -> None:
    torch.manual_seed(0)
    net, score = lively(make((6,), (1, 8, 8), width=4, layers=1)), judge((1, 8, 8), (1,), width=4)
    z = torch.randn(4, 6)
    exact = score(net(z, noise=Noise(0)))
    with torch.autocast("cpu", torch.bfloat16):
        half = score(net(z, noise=Noise(0)))
    half.sum().backward()
    assert torch.allclose(half.float(), exact, rtol=0.1, atol=0.1)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
