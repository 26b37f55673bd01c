"""Residual GAN networks: published sizes, any shape, the sum over space, attention, conditions."""

from __future__ import annotations

import pytest
import torch

from genus.core.errors import RecipeError
from genus.networks.resnet_gan import ResidualGenerator, resnet

SHAPES = [(2, 17), (1, 28, 28), (3, 9, 14), (1, 8, 9, 10)]


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_parameter_counts_of_the_papers_networks_for_32() -> None:
    # Counted from tables 3 of appendix B.4; the same as those torch-mimicry prints.
    generator = resnet((128,), (3, 32, 32), width=256)
    assert count(generator) == 128 * 4096 + 4096 + 3 * 1_246_976 + 512 + 6_915 == 4_276_739
    discriminator = resnet((3, 32, 32), (1,), width=128, halvings=2, blocks=2, spectral=True)
    assert count(discriminator) == 151_680 + 311_680 + 2 * 295_168 + 129 == 1_053_825


def test_parameter_counts_for_64_agree_with_another_implementation() -> None:
    # torch-mimicry 0.1.16, SNGANGenerator64 and SNGANDiscriminator64.
    with torch.device("meta"):
        generator = resnet((128,), (3, 64, 64), width=64, widths="doubling")
        discriminator = resnet((3, 64, 64), (1,), width=64, widths="doubling", halvings=5)
    assert count(generator) == 12_220_675
    assert count(discriminator) == 10_141_441


def test_doubling_ends_at_sixteen_fold() -> None:
    generator = resnet((8,), (3, 128, 128), width=2, widths="doubling")
    assert isinstance(generator, ResidualGenerator)
    assert generator.start == (32, 4, 4)
    assert [b.conv2.weight.shape[0] for b in generator.body] == [32, 16, 8, 4, 2]
    net = resnet((3, 128, 128), (1,), width=2, widths="doubling", halvings=5, blocks=1)
    assert [b.shortcut.weight.shape[0] for b in net.body[:5]] == [2, 4, 8, 16, 32]
    assert net.read.linear.weight.shape == (1, 32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("norm", [None, "none", "layer"])
def test_any_shape_and_every_parameter_learns(
    shape: tuple[int, ...], spectral: bool, norm: str | None
) -> None:
    torch.manual_seed(0)
    options = {"width": 8, "spectral": spectral, "attention": 1, "norm": norm, "blocks": 1}
    generator = resnet((5,), shape, 3, **options)
    discriminator = resnet(shape, (1,), 3, **options)
    for net in (generator, discriminator):
        for name, parameter in net.named_parameters():
            if name.endswith("share"):
                torch.nn.init.ones_(parameter)
    z, condition = torch.randn(4, 5), torch.randn(4, 3)
    x = generator(z, condition)
    assert x.shape == (4, *shape)
    score = discriminator(x, condition)
    assert score.shape == (4, 1)
    (score**2).sum().backward()
    for net in (generator, discriminator):
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name


def test_the_discriminator_sums_over_space() -> None:
    torch.manual_seed(0)
    net = resnet((1, 8, 8), (1,), width=4, halvings=1).double()
    net.read.linear.bias.data.fill_(3.0)
    net.read.linear.weight.data.fill_(1.0)
    net.body[0].shortcut.bias.data.fill_(2.0)
    score = net(torch.zeros(1, 1, 8, 8, dtype=torch.float64))
    assert score.item() == pytest.approx(3 + 4 * 16 * 2.0)  # four channels, 4×4 places, each 2


def test_projection_by_hand() -> None:
    torch.manual_seed(0)
    net = resnet((1, 8, 8), (1,), 3, width=4).double()
    x, conditioned = torch.randn(2, 1, 8, 8, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    phi = torch.relu(net.body(x)).flatten(2).sum(2)
    wanted = net.read.linear(phi)[:, 0] + torch.einsum(
        "nc,dc,nd->n", conditioned, net.read.project.weight, phi
    )
    assert (net(x, conditioned)[:, 0] - wanted).abs().max() < 1e-12


def test_gains_start_equal_for_all_conditions_and_then_differ() -> None:
    torch.manual_seed(0)
    net = resnet((4,), (1, 8, 8), 3, width=4)
    z, conditioned = torch.randn(1, 4).expand(4, 4), torch.randn(4, 3)
    before = net(z, conditioned)
    assert torch.allclose(before[0], before[1], atol=1e-6)
    torch.nn.init.normal_(net.body[0].norm2.shift.weight)
    after = net(z, conditioned)
    assert not torch.allclose(after[0], after[1], atol=1e-3)


def test_attention_stands_where_it_is_asked_for() -> None:
    net = resnet((4,), (1, 32, 32), width=4, attention=1)
    sizes = {}
    for name, layer in net.named_modules():
        if type(layer).__name__ == "PooledAttention":
            layer.register_forward_hook(lambda _l, _x, y, name=name: sizes.update({name: tuple(y.shape[2:])}))
    net(torch.zeros(2, 4))
    assert list(sizes.values()) == [(16, 16)]
    with pytest.raises(RecipeError, match="halvings"):
        resnet((4,), (1, 32, 32), width=4, attention=4)
    with pytest.raises(RecipeError, match="halvings"):
        resnet((1, 32, 32), (1,), width=4, attention=0)


def test_options_change_the_networks() -> None:
    for build in (
        lambda **o: resnet((4,), (1, 16, 16), width=4, **o),
        lambda **o: resnet((1, 16, 16), (1,), width=4, **o),
    ):
        counts = [count(build()), count(build(widths="doubling")), count(build(blocks=1)),
                  count(build(halvings=1)), count(build(attention=1))]  # fmt: skip
        assert len(set(counts)) == 5
        assert not any("original" in name for name, _ in build().named_parameters())
        assert any("original" in name for name, _ in build(spectral=True).named_parameters())


def test_says_what_it_cannot_do() -> None:
    with pytest.raises(RecipeError, match="'mlp'"):
        resnet((2,), (2,))
    with pytest.raises(RecipeError, match="'mlp'"):
        resnet((4,), (1, 3, 3))
    with pytest.raises(RecipeError, match="fewer halvings"):
        resnet((1, 8, 8), (1,), halvings=4)
    with pytest.raises(RecipeError, match="one output"):
        resnet((1, 8, 8), (7,), 3)
