"""BigGAN: published parameter counts, pieces of the latent, orthogonal starts, any shape."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genus.core.errors import RecipeError
from genus.networks.biggan import HierarchicalGenerator, biggan

SHAPES = [(2, 17), (3, 16, 16), (1, 9, 14), (1, 8, 9, 10)]


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_published_parameter_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # 70,433,988 and 87,982,370 with the shared embedding (1000 × 128) and the projection
    # (1000 × 1536), which the conditioning holds here.
    monkeypatch.setattr("genus.networks.biggan.initialise", lambda *_: None)
    monkeypatch.setattr("genus.networks.biggan.normalise_spectrally", lambda *_, **__: None)
    with torch.device("meta"):
        generator = biggan((120,), (3, 128, 128), 128, width=96, attention=1)
        discriminator = biggan((3, 128, 128), (1,), width=96, attention=1)
        conditioned = biggan((3, 128, 128), (1,), 1000, width=96, attention=1)
    assert count(generator) + 128_000 == 70_433_988
    assert count(discriminator) + 1_536_000 == count(conditioned) == 87_982_370


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("condition", [0, 3])
def test_any_shape_and_every_parameter_learns(shape: tuple[int, ...], condition: int) -> None:
    torch.manual_seed(0)
    generator = biggan((9,), shape, condition, width=4, attention=1, blocks=1)
    discriminator = biggan(shape, (1,), condition, width=4, attention=1)
    conditioned = torch.randn(4, condition) if condition else None
    x = generator(torch.randn(4, 9), conditioned)
    assert x.shape == (4, *shape)
    score = discriminator(x, conditioned)
    assert score.shape == (4, 1)
    (score**2).sum().backward()
    for net in (generator, discriminator):
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name


def test_each_block_sees_its_own_piece() -> None:
    torch.manual_seed(0)
    net = biggan((7,), (1, 16, 16), width=4)
    assert isinstance(net, HierarchicalGenerator)
    assert net.pieces == [3, 2, 2]
    conditioned: list[torch.Tensor] = []
    for layer in net.body:
        layer.norm1.gain.register_forward_hook(lambda _layer, inputs, _output: conditioned.append(inputs[0]))
    z = torch.randn(2, 7)
    net(z)
    assert torch.equal(conditioned[0], z[:, 3:5])
    assert torch.equal(conditioned[1], z[:, 5:])


def test_weights_start_orthogonal_with_norm_one() -> None:
    torch.manual_seed(0)
    net = biggan((8,), (1, 16, 16), 2, width=8)
    weight = net.body[0].conv2.weight.flatten(1)
    assert (weight @ weight.T - torch.eye(len(weight))).abs().max() < 1e-5
    gain = net.body[0].norm1.gain.weight
    assert torch.linalg.svdvals(gain)[0].item() == pytest.approx(1, abs=1e-4)


def test_options_change_the_networks() -> None:
    for build in (
        lambda **o: biggan((9,), (1, 16, 16), width=4, **o),
        lambda **o: biggan((1, 16, 16), (1,), width=4, **o),
    ):
        counts = [count(build()), count(build(widths="constant")), count(build(blocks=1)),
                  count(build(halvings=1)), count(build(attention=1))]  # fmt: skip
        assert len(set(counts)) == 5


def test_says_what_it_cannot_do() -> None:
    with pytest.raises(RecipeError, match="latent of 3 or more"):
        biggan((2,), (1, 16, 16), width=4)
    with pytest.raises(RecipeError, match="'mlp'"):
        biggan((2,), (2,))
    with pytest.raises(RecipeError, match="one output"):
        biggan((1, 16, 16), (7,), 3, width=4)
