"""Parts of residual GANs: fused convolutions, conditional norms, pooled attention, initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from genus.layers.conditional_norm import AffineMap, ConditionalNorm
from genus.layers.gan_blocks import DownBlock, UpBlock, initialise, normalise_spectrally
from genus.layers.pooled_attention import PooledAttention
from genus.layers.resized_convolution import DownConvolution, UpConvolution, sums_of_neighbours

POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_sums_of_neighbours_by_hand() -> None:
    assert sums_of_neighbours(torch.tensor([[[1.0, 2.0, 4.0]]])).tolist() == [[[1.0, 3.0, 6.0, 4.0]]]
    both = sums_of_neighbours(torch.ones(1, 1, 3, 3))[0, 0]
    line = torch.tensor([1.0, 2.0, 2.0, 1.0])
    assert torch.equal(both, line[:, None] * line)


@pytest.mark.parametrize("places", [0, 10**9])
@pytest.mark.parametrize(("small", "large"), [((9,), (17,)), ((4, 5), (8, 9)), ((2, 3, 4), (4, 6, 7))])
def test_fused_or_not_the_values_are_the_same(
    places: int, small: tuple[int, ...], large: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genus.layers.resized_convolution._PLACES", places)
    torch.manual_seed(0)
    dims = len(small)
    x = rand(2, 3, *small)
    up = UpConvolution(dims, 3, 4, large).double()
    wanted = up.conv(F.interpolate(x, scale_factor=2.0))[(..., *(slice(side) for side in large))]
    assert up(x).shape == (2, 4, *large)
    assert (up(x) - wanted).abs().max() < 1e-12
    x = rand(2, 3, *large)
    down = DownConvolution(dims, 3, 4).double()
    assert down(x).shape == (2, 4, *(side // 2 for side in large))
    assert (down(x) - POOL[dims](down.conv(x), 2)).abs().max() < 1e-12


@pytest.mark.parametrize("spectral", [False, True])
def test_blocks_follow_their_definition(spectral: bool) -> None:
    torch.manual_seed(0)
    up, down = UpBlock(2, 4, 3, (16, 15), 0, "batch"), DownBlock(2, 4, 3, down=True)
    for block in (up, down):
        initialise(block, "xavier")
        if spectral:
            normalise_spectrally(block, affine=False)
        block.double().eval()
    x = rand(2, 4, 8, 8)
    double = lambda v: F.interpolate(v, scale_factor=2.0)  # noqa: E731
    h = up.conv1.conv(double(F.relu(up.norm1(x))))[..., :15]
    wanted = up.conv2(F.relu(up.norm2(h))) + up.shortcut(double(x))[..., :15]
    assert (up(x) - wanted).abs().max() < 1e-12
    x = rand(2, 4, 16, 16)
    h = down.conv2.conv(F.relu(down.conv1(F.relu(x))))
    wanted = F.avg_pool2d(h, 2) + F.avg_pool2d(down.shortcut(x), 2)
    assert (down(x) - wanted).abs().max() < 1e-12


def test_the_first_block_sees_negative_values() -> None:
    torch.manual_seed(0)
    block = DownBlock(1, 1, 2, down=True, first=True)
    x = -torch.rand(1, 1, 8)
    assert not torch.equal(block(x), block(F.relu(x)))


@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "none"])
@pytest.mark.parametrize("dims", [0, 1, 2, 3])
def test_conditional_norm_by_hand(norm: str, dims: int) -> None:
    if dims == 0 and norm == "instance":
        return  # one value has no variance
    torch.manual_seed(0)
    layer = ConditionalNorm(3, 5, dims, norm).double()
    x, conditioned = rand(4, 3, *(6,) * dims) * 2 + 1, rand(4, 5)
    axes = {"batch": (0, *range(2, dims + 2)), "layer": tuple(range(1, dims + 2)),
            "instance": tuple(range(2, dims + 2)), "none": ()}[norm]  # fmt: skip
    h = x
    if axes:
        h = (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + 1e-5).sqrt()
    assert (layer(x, conditioned) - h).abs().max() < 1e-10  # maps are zero at first
    nn.init.normal_(layer.gain.weight)
    nn.init.normal_(layer.shift.weight)
    gain = (1 + conditioned @ layer.gain.weight.T).view(4, 3, *(1,) * dims)
    shift = (conditioned @ layer.shift.weight.T).view(4, 3, *(1,) * dims)
    assert (layer(x, conditioned) - (gain * h + shift)).abs().max() < 1e-10
    assert {name for name, _ in layer.named_parameters()} == {"gain.weight", "shift.weight"}


def test_without_a_condition_it_is_the_plain_norm() -> None:
    layer = ConditionalNorm(3, 0, 2)
    assert {name for name, _ in layer.named_parameters()} == {"norm.weight", "norm.bias"}


@pytest.mark.parametrize("size", [(7,), (4, 5), (3, 2, 4)])
def test_attention_is_the_identity_at_first_and_follows_its_definition(size: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = PooledAttention(len(size), 16).double()
    x = rand(2, 16, *size)
    assert torch.equal(layer(x), x)
    nn.init.constant_(layer.share, 0.5)
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(size)]
    f = layer.query(x).flatten(2)
    g = pool(layer.key(x), 2, ceil_mode=True).flatten(2)
    h = pool(layer.value(x), 2, ceil_mode=True).flatten(2)
    weights = torch.einsum("ncp,ncq->npq", f, g).exp()
    weights = weights / weights.sum(2, keepdim=True)
    mixed = torch.einsum("npq,ncq->ncp", weights, h).view(2, 8, *size)
    assert (layer(x) - (x + 0.5 * layer.merge(mixed))).abs().max() < 1e-12
    assert (layer.weights(x) - weights).abs().max() < 1e-12


def test_initial_weights_and_which_layers_are_normalised() -> None:
    torch.manual_seed(0)
    block = UpBlock(2, 64, 64, (8, 8), 4, "batch")
    initialise(block, "xavier")
    bound = (6 / (2 * 64 * 9)) ** 0.5
    assert block.conv2.weight.abs().max().item() == pytest.approx(bound * 2**0.5, rel=0.01)
    assert block.shortcut.weight.abs().max().item() == pytest.approx((6 / 128) ** 0.5, rel=0.01)
    assert not block.conv2.bias.any()
    assert not block.norm1.gain.weight.any()
    normalise_spectrally(block, affine=False)
    names = [name for name, _ in block.named_parameters() if "original" in name]
    assert len(names) == 3
    initialise(gain := AffineMap(4, 8), "orthogonal")
    assert (gain.weight.T @ gain.weight - torch.eye(4)).abs().max() < 1e-5
