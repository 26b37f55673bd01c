"""PixelCNN against enumeration, Jacobians and naive sampling."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from genus.core.batch import Batch
from genus.core.errors import InputError, RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.autoregressive.pixelcnn import PixelCNN
from genus.networks.mlp import mlp
from genus.networks.pixelcnn import pixelcnn
from genus.networks.residual_mlp import residual_mlp

SMALL = partial(pixelcnn, width=12, blocks=2, first_radius=2, heads=1)


def image(*shape: int, classes: int = 0) -> DataSpec:
    names = tuple(str(c) for c in range(classes))
    return DataSpec(
        example=Space(kind="image", shape=shape, range=(0.0, 1.0), levels=256), condition=class_space(names)
    )


def build(spec: DataSpec, levels: int | None, *, conditional: bool = False, network=SMALL) -> PixelCNN:
    torch.manual_seed(0)
    model = PixelCNN(spec, network=network, levels=levels, conditional=conditional).double()
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and "embedding" not in name:
            nn.init.normal_(parameter, std=1.5 / parameter[0].numel() ** 0.5)
    return model


def naive(model: PixelCNN, n: int, noise: Noise, condition: Tensor | None = None) -> Tensor:
    """Run the whole network for every element: the definition of ancestral sampling."""
    uniform = noise.uniform(n, *model.shape).double()
    x = torch.zeros(n, *model.spec.shape, dtype=torch.float64)
    flat, draws = x.view(n, -1), uniform.view(n, -1)
    channels, height, width = model.shape
    order = torch.arange(channels * height * width).view(channels, -1).T.flatten()
    for i in order.tolist():
        with torch.no_grad():
            probabilities = model.logits(x, condition).softmax(1).flatten(2)[:, :, i]
        number = (draws[:, i, None] > probabilities.cumsum(1)[:, :-1]).sum(1)
        flat[:, i] = number.double() / (model.levels - 1)
    return x


def test_probabilities_of_all_tiny_binary_images_sum_to_one() -> None:
    model = build(image(1, 3, 3), 2)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 9).double().view(512, 1, 3, 3)
    total = model.log_prob(every, noise=Noise(0)).exp().sum()
    assert float(total.detach()) == pytest.approx(1, abs=1e-6)


def test_probabilities_of_all_tiny_colour_images_sum_to_one() -> None:
    model = build(image(3, 1, 2), 3)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 0.5, 1.0])] * 6).double().view(729, 3, 1, 2)
    assert float(model.log_prob(every, noise=Noise(0)).exp().sum()) == pytest.approx(1, abs=1e-6)


def visible(model: PixelCNN) -> Tensor:
    """Which inputs reach which predictions, both in raster order."""
    x = torch.rand(1, *model.shape, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: model.network(v)[0], x)
    channels, height, width = model.shape
    jacobian = jacobian.view(channels, -1, height * width, channels, height * width).abs().sum(1)
    size = channels * height * width
    return jacobian.permute(1, 0, 3, 2).reshape(size, size) > 0


@pytest.mark.parametrize("shape", [(1, 5, 6), (3, 3, 4)])
def test_nothing_sees_itself_or_what_follows(shape: tuple[int, ...]) -> None:
    seen = visible(build(image(*shape), 4))
    assert not seen.triu().any()
    assert seen.any(1)[1:].all()


def test_blind_spot_is_where_theory_says() -> None:
    """Kernels of side 3 climb one column to the right per row: (row − 1, column + 2) is never seen."""
    deep = partial(pixelcnn, width=12, blocks=8, first_radius=1, heads=1)
    seen = visible(build(image(1, 6, 7), 2, network=deep)).view(6, 7, 6, 7)
    for row in range(6):
        for column in range(7):
            for i in range(6):
                for j in range(7):
                    earlier = (i, j) < (row, column)
                    assert bool(seen[row, column, i, j]) == (earlier and j - column <= row - i)


def test_the_common_example_has_its_number_of_weights() -> None:
    net = pixelcnn((1, 28, 28), (1, 28, 28), width=128, blocks=5, bottleneck="late")
    assert sum(p.numel() for p in net.parameters()) == 532_673


@pytest.mark.parametrize(
    ("spec", "levels"),
    [
        (image(1, 7, 6), 2),
        (image(3, 4, 5), 4),
        (DataSpec(example=Space(kind="sequence", shape=(2, 9), range=(0.0, 1.0))), 3),
        (DataSpec(example=Space(kind="vector", shape=(7,), range=(0.0, 1.0))), 5),
    ],
)
def test_incremental_samples_equal_naive_ones(spec: DataSpec, levels: int) -> None:
    model = build(spec, levels)
    fast = model.sample(8, noise=Noise(0))
    assert torch.allclose(fast.double(), naive(model, 8, Noise(0)), atol=1e-6)
    assert len(fast.unique()) == levels


def test_conditional_samples_equal_naive_ones_and_follow_the_class() -> None:
    model = build(image(1, 5, 5, classes=3), 2, conditional=True)
    condition = torch.tensor([0, 1, 2] * 20)
    fast = model.sample(60, condition=condition, noise=Noise(0))
    assert torch.allclose(fast.double(), naive(model, 60, Noise(0), condition), atol=1e-6)
    with pytest.raises(InputError, match="pass the c"):
        model.log_prob(fast.double(), noise=Noise(0))
    first, second = (
        model.log_prob(fast.double(), condition=(condition + c) % 3, noise=Noise(0)) for c in (0, 1)
    )
    assert not torch.allclose(first, second)
    assert model.sample(4, noise=Noise(0)).shape == (4, 1, 5, 5)


def test_dilated_network_with_positions_samples_incrementally_too() -> None:
    far = partial(pixelcnn, width=12, blocks=3, first_radius=1, dilation_cycle=2, positions=True)
    for shape in [(1, 6, 7), (2, 4, 5)]:
        model = build(image(*shape), 3, network=far)
        fast = model.sample(6, noise=Noise(0))
        assert torch.allclose(fast.double(), naive(model, 6, Noise(0)), atol=1e-6)
        assert not visible(model).triu().any()


def test_sampling_computes_each_feature_about_once() -> None:
    """Twenty times fewer operations than the whole network per pixel, on twelve rows already."""
    model = build(image(1, 12, 12), 4)
    with FlopCounterMode(display=False) as whole:
        model.logits(torch.zeros(2, 1, 12, 12, dtype=torch.float64))
    with FlopCounterMode(display=False) as incremental:
        model.sample(2, noise=Noise(0))
    assert 20 * incremental.get_total_flops() < 12 * 12 * whole.get_total_flops()


def test_a_sample_depends_on_its_own_noise_only() -> None:
    model = build(image(1, 5, 5), 4)
    whole = model.sample(6, noise=Noise(0, block=1))
    assert torch.equal(model.sample(2, noise=Noise(0, start=3, block=1)), whole[3:5])


def test_data_are_rounded_to_the_nearest_level() -> None:
    model = build(image(1, 1, 4), 5)
    x = torch.tensor([0.0, 0.13, 0.49, 1.0]).view(1, 1, 1, 4)
    assert model.numbers(x).flatten().tolist() == [0, 1, 2, 4]
    near, exact = x.double(), torch.tensor([0.0, 0.25, 0.5, 1.0]).double().view(1, 1, 1, 4)
    assert torch.equal(model.log_prob(near, noise=Noise(0)), model.log_prob(exact, noise=Noise(0)))
    loss = model.loss(Batch(exact), Context(noise=Noise(0)))["cross_entropy"]
    assert float(loss.detach()) == pytest.approx(float(-model.log_prob(exact, noise=Noise(0))) / 4)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(RecipeError, match="range"):
        PixelCNN(DataSpec(example=Space(kind="vector", shape=(3,))), network=SMALL, levels=2)
    with pytest.raises(RecipeError, match="levels"):
        PixelCNN(DataSpec(example=Space(kind="vector", shape=(3,), range=(0.0, 1.0))), network=SMALL)
    with pytest.raises(RecipeError, match="classes"):
        PixelCNN(image(1, 4, 4), network=SMALL, conditional=True)
    with pytest.raises(RecipeError, match="causal"):
        PixelCNN(image(1, 4, 4), network=residual_mlp)
    with pytest.raises(RecipeError, match="causal"):
        PixelCNN(image(1, 4, 4), network=mlp)
    with pytest.raises(RecipeError, match="causal"):
        PixelCNN(image(1, 4, 4, classes=2), network=mlp, conditional=True)


def test_learns_stripes() -> None:
    """Two images only: their probabilities approach one half each."""
    torch.manual_seed(0)
    model = PixelCNN(image(1, 4, 4), network=SMALL, levels=2)
    stripes = torch.zeros(2, 1, 4, 4)
    stripes[0, :, ::2] = 1
    stripes[1, :, 1::2] = 1
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(100):
        optimizer.zero_grad()
        model.loss(Batch(stripes), Context(noise=Noise(0)))["cross_entropy"].backward()
        optimizer.step()
    found = model.log_prob(stripes, noise=Noise(0)).exp()
    assert torch.allclose(found, torch.full((2,), 0.5), atol=0.03)
