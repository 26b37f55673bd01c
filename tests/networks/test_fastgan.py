"""FastGAN: shapes, reach, gates, and the task that its discriminator sets itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genus.core.errors import RecipeError
from genus.core.network import SelfSupervised, TakesNoise
from genus.core.noise import Noise
from genus.layers.excitation import SkipLayerExcitation
from genus.networks.fastgan import FastGAN, fastgan
from genus.networks.fastgan_discriminator import (
    FastGANDiscriminator,
    distance,
    fastgan_discriminator,
    quadrant,
)

SHAPES = [(1, 28, 28), (3, 17, 31), (2, 67), (1, 16, 17, 18), (1, 8, 8), (2, 7, 20)]


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def reaches_all(net: nn.Module) -> None:
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("outputs", [*SHAPES, (1, 4, 5)])
@pytest.mark.parametrize("condition", [0, 3])
@pytest.mark.parametrize("spectral", [True, False])
def test_generator_reaches_every_parameter(outputs: tuple[int, ...], condition: int, spectral: bool) -> None:
    torch.manual_seed(0)
    net = fastgan((6,), outputs, condition, width=4, spectral=spectral)
    assert isinstance(net, TakesNoise)
    conditioned = torch.randn(3, condition) if condition else None
    image = net(torch.randn(3, 6), conditioned, noise=Noise(0))
    assert image.shape == (3, *outputs)
    image.mul(torch.randn_like(image)).sum().backward()
    reaches_all(net)


@pytest.mark.parametrize("inputs", SHAPES)
@pytest.mark.parametrize("spectral", [True, False])
def test_discriminator_reaches_every_parameter(inputs: tuple[int, ...], spectral: bool) -> None:
    torch.manual_seed(0)
    net = fastgan_discriminator(inputs, (5,), width=4, spectral=spectral)
    assert isinstance(net, SelfSupervised)
    scores, loss = net.forward_with_loss(torch.randn(4, *inputs), Noise(0))
    assert scores.shape == (4, 5)
    assert loss.shape == ()
    (scores.mul(torch.randn_like(scores)).sum() + loss).backward()
    reaches_all(net)


def test_with_and_without_the_own_task_scores_are_the_same() -> None:
    torch.manual_seed(0)
    net = fastgan_discriminator((1, 16, 16), (1,), width=4).eval()
    x = torch.randn(3, 1, 16, 16)
    assert torch.equal(net(x), net.forward_with_loss(x, Noise(0))[0])


@pytest.mark.parametrize("norm", ["layer", "instance", "none"])
@pytest.mark.parametrize("inputs", [(1, 28, 28), (2, 67), (1, 16, 17, 18)])
def test_without_batch_norm_examples_are_judged_one_by_one(norm: str, inputs: tuple[int, ...]) -> None:
    """So that gradient penalties can be added."""
    torch.manual_seed(0)
    net = fastgan_discriminator(inputs, (1,), width=4, norm=norm)  # type: ignore[arg-type]
    with torch.no_grad():
        net(torch.randn(2, *inputs))  # spectral norms settle in training mode only
        net.eval()
        norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        assert not norms
    x = torch.randn(4, *inputs, requires_grad=True)
    (slopes,) = torch.autograd.grad(net(x)[0].sum(), x)
    assert slopes[0].abs().sum() > 0
    assert not slopes[1:].any()


def test_gates_stand_where_the_paper_has_them() -> None:
    """Generator: 4 → 64, 8 → 128, 16 → 256, 32 → 512; discriminator: 256 → 32, 128 → 16, 64 → 8."""
    with torch.device("meta"):
        generator = fastgan((256,), (3, 1024, 1024), spectral=False)
        discriminator = fastgan_discriminator((3, 1024, 1024), (1,), spectral=False)
    assert isinstance(generator, FastGAN)
    assert isinstance(discriminator, FastGANDiscriminator)
    gates = [m for m in generator.modules() if isinstance(m, SkipLayerExcitation)]
    assert generator.gap == 4
    assert [gate.excite.weight.shape[0] for gate in gates] == [128, 64, 32, 16]
    inner = [m for m in discriminator.modules() if isinstance(m, SkipLayerExcitation)]
    assert [gate.excite.weight.shape[0] for gate in inner] == [128, 128, 256]
    assert [up.keep.weight.shape[1] for up in generator.up if up.twice] == [512, 128, 64, 16]


def test_the_loss_by_hand() -> None:
    torch.manual_seed(0)
    net = fastgan_discriminator((1, 16, 16), (1,), width=4, spectral=False).double().eval()
    assert isinstance(net, FastGANDiscriminator)
    x = torch.randn(2, 1, 16, 16, dtype=torch.float64)
    before, last = net._features(x)
    assert before.shape[2:] == (16, 16)
    assert last.shape[2:] == (8, 8)
    corner = Noise(5).integers(2, 2, 2)
    rows = [[(0, 8), (8, 16)][int(side)] for side in corner[:, 0]]
    columns = [[(0, 8), (8, 16)][int(side)] for side in corner[:, 1]]

    def cut(maps: torch.Tensor) -> torch.Tensor:
        places = zip(maps, rows, columns, strict=True)
        return torch.stack([m[:, a:b, c:d] for m, (a, b), (c, d) in places])

    expected = (net.whole(last) - x).abs().mean() + (net.part(cut(before)) - cut(x)).abs().mean()
    assert net.forward_with_loss(x, Noise(5))[1].item() == pytest.approx(expected.item())


def test_reconstructions_have_at_most_16_times_the_sides_of_the_last_features() -> None:
    with torch.device("meta"):
        net = fastgan_discriminator((3, 512, 512), (1,), spectral=False)
        small = fastgan_discriminator((3, 64, 64), (1,), spectral=False)
    assert net.whole.up[-1].size == net.part.up[-1].size == (128, 128)
    assert small.whole.up[-1].size == (64, 64)
    assert small.part.up[-1].size == (32, 32)


def test_it_learns_to_reconstruct() -> None:
    torch.manual_seed(0)
    net = fastgan_discriminator((1, 8, 8), (1,), width=8)
    adam = torch.optim.Adam(net.parameters(), 0.01)
    x = torch.rand(8, 1, 1, 1).expand(8, 1, 8, 8) * 2 - 1
    losses = []
    for step in range(40):
        loss = net.forward_with_loss(x, Noise(step))[1]
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_quadrants_of_odd_sides_share_the_middle() -> None:
    x = torch.arange(15.0).view(1, 1, 3, 5)
    found = quadrant(x, torch.tensor([[1, 0]]))
    assert found.tolist() == [[[[5, 6, 7], [10, 11, 12]]]]
    both = quadrant(x.expand(2, 1, 3, 5), torch.tensor([[0, 1], [1, 1]]))
    assert both[:, 0].tolist() == [[[2, 3, 4], [7, 8, 9]], [[7, 8, 9], [12, 13, 14]]]


def test_distance_is_the_mean_absolute_difference() -> None:
    assert distance(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 1.0])).item() == 2


def test_noise_counts_only_once_its_strength_has_moved() -> None:
    torch.manual_seed(0)
    net = fastgan((6,), (1, 8, 8), width=4).eval()
    z = torch.randn(2, 6)
    assert torch.equal(net(z, noise=Noise(0)), net(z, noise=Noise(1)))
    for up in net.up:
        if up.twice:
            nn.init.ones_(up.strength)
    assert not torch.equal(net(z, noise=Noise(0)), net(z, noise=Noise(1)))


def test_options_change_the_networks() -> None:
    for make, shapes in ((fastgan, ((6,), (1, 8, 8))), (fastgan_discriminator, ((1, 8, 8), (1,)))):
        assert len({count(make(*shapes, width=width)) for width in (4, 5, 6)}) == 3
        names = [
            {name for name, _ in make(*shapes, width=4, spectral=spectral).named_parameters()}
            for spectral in (True, False)
        ]
        assert names[0] != names[1]


def test_says_what_it_cannot_do() -> None:
    with pytest.raises(RecipeError, match="use 'mlp'"):
        fastgan_discriminator((1, 6, 6), (1,))
    with pytest.raises(RecipeError, match="use 'fastgan'"):
        fastgan_discriminator((6,), (1, 8, 8))
    with pytest.raises(RecipeError, match="fastgan-discriminator"):
        fastgan((1, 8, 8), (1,))
    with pytest.raises(RecipeError, match="stylegan2-discriminator"):
        fastgan_discriminator((1, 8, 8), (1,), 3)
    with pytest.raises(ValueError, match="condition"):
        fastgan((6,), (1, 8, 8), 3, width=4)(torch.randn(2, 6), noise=Noise(0))


def test_work_in_half_precision() -> None:
    torch.manual_seed(0)
    net = fastgan((6,), (1, 16, 16), width=4)
    judge = fastgan_discriminator((1, 16, 16), (1,), width=4)
    assert isinstance(judge, FastGANDiscriminator)
    with torch.autocast("cpu", torch.bfloat16):
        score, loss = judge.forward_with_loss(net(torch.randn(4, 6), noise=Noise(0)), Noise(1))
    (score.sum() + loss).backward()
    assert loss.dtype == torch.float32
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
