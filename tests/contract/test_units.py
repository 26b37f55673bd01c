"""Units do not matter: densities follow an affine change of them, and every model undoes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.capabilities import Density
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Progress
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.measured import Standardise
from genus.layers.scaling import Scaling
from genus.metrics.baseline import EMMixture
from genus.models.autoencoder.vae import VAE
from genus.models.diffusion.ddpm import DDPM
from genus.models.diffusion.guidance import GuidanceOptions
from genus.models.energy.rbm import RBM
from genus.models.flow.realnvp import RealNVP
from genus.models.mixture.gmm import GaussianMixture
from genus.networks.mlp import mlp
from genus.networks.residual_mlp import residual_mlp
from genus.sampling.samplers.stochastic import ancestral
from tests.tiny import tiny_config, tiny_engine

SPEC = DataSpec(example=Space(kind="vector", shape=(3,)))
NETWORK = partial(mlp, hidden=[8])
UNITS = torch.tensor([2.0**-18, 1.0, 2.0**12])
"""Powers of two, by which float32 multiplies exactly, from 4e-6 to 4096."""
OFFSETS = torch.tensor([2.0**-16, 293.0, -(2.0**14)])
SMALL_DATA = torch.randn(400, 3, generator=torch.Generator().manual_seed(0)).mul(256).round().div(
    256
) @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, -0.25, 1.0]])


def prepared(model: Model, x: Tensor, passes: int = 1) -> Model:
    """Run the stages that look at the data alone, and those of closed forms, on two batches each."""
    half = len(x) // 2
    for stage in model.stages():
        if stage.enter is not None:
            stage.enter()
        for phase in stage.phases:
            for epoch in range(passes if phase.step is not None else 0):
                for number, rows in enumerate((slice(0, half), slice(half, None))):
                    progress = Progress(stage_iteration=2 * epoch + number, ends_epoch=number == 1)
                    phase.step(Batch(x)[rows], Context(noise=Noise(7), progress=progress))  # type: ignore[misc]
    return model.eval()


def shaken(model: Model) -> Model:
    """Away from the start, where flows are the identity."""
    chance = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=chance)
    return model


def build(make: Callable[[], Model]) -> Model:
    torch.manual_seed(3)
    return shaken(make())


VAE_OF = partial(VAE, SPEC, encoder=NETWORK, decoder=NETWORK, latent=2, likelihood="gaussian")
DENSITIES: dict[str, Callable[[], Model]] = {
    "realnvp-elements": partial(RealNVP, SPEC, network=NETWORK),
    "realnvp-correlations": partial(RealNVP, SPEC, network=NETWORK, first="correlations"),
    "gmm": partial(GaussianMixture, SPEC, components=3),
    "gmm-residual": partial(GaussianMixture, SPEC, components=3, axes=2),
    "rbm": partial(RBM, SPEC, visible="gaussian", hidden=4),
    "vae": partial(VAE_OF, importance_samples=2),
    "ddpm": partial(
        DDPM,
        SPEC,
        network=partial(residual_mlp, width=8, blocks=1),
        num_steps=20,
        sampling_steps=5,
        bound_steps=5,
        sampler=ancestral,
        guidance=GuidanceOptions(),
    ),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_follow_a_change_of_units(name: str) -> None:
    values = []
    for x in (SMALL_DATA, SMALL_DATA * UNITS + OFFSETS):
        passes = 2 if name.startswith("gmm") else 1
        model = prepared(build(DENSITIES[name]), x, passes)
        assert isinstance(model, Density)
        with torch.no_grad():
            values.append(-model.log_prob(x.double() if "gmm" in name else x, noise=Noise(1)).double())
    expected = float(UNITS.double().log().sum())
    # the bound of the untrained network reaches 1e4 nats, of which float32 has seven digits
    tolerance = 1e-4 if name == "ddpm" else 1e-6
    assert float((values[1] - values[0]).mean()) == pytest.approx(expected, abs=tolerance)
    assert torch.allclose(values[1] - expected, values[0], atol=1e-4, rtol=1e-6)


def test_the_baseline_follows_a_change_of_units() -> None:
    values = []
    for x in (SMALL_DATA.double(), (SMALL_DATA * UNITS + OFFSETS).double()):
        found = EMMixture(x, SPEC).log_prob(x)
        assert found is not None
        values.append(-found)
    expected = float(UNITS.double().log().sum())
    assert float(np.mean(values[1] - values[0])) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", DENSITIES)
def test_samples_follow_a_change_of_units(name: str) -> None:
    drawn = []
    for x in (SMALL_DATA, SMALL_DATA * UNITS + OFFSETS):
        model = prepared(build(DENSITIES[name]), x, 2 if name.startswith("gmm") else 1)
        with torch.no_grad():
            drawn.append(model.sample(20, noise=Noise(2)))  # type: ignore[operator]
    back = (drawn[1] - OFFSETS) / UNITS
    assert torch.allclose(back, drawn[0], atol=1e-2, rtol=1e-3)


def test_deviations_are_those_of_float64() -> None:
    """Pressures in pascal: sums of squares in float32 gave 26.2 for 29.7."""
    x = 101325 + 29.7 * torch.randn(5000, 1, generator=torch.Generator().manual_seed(0))
    layer = Standardise((1,), smallest=None)
    for part in x.split(100):
        layer.add(layer.statistics(part, None, 0), 0)
    layer.settle(0)
    assert float(layer.spread) == pytest.approx(float(x.double().std(correction=0)), rel=1e-7)
    y = layer(x)[0].double()
    assert float(y.mean()) == pytest.approx(0, abs=1e-6)
    assert torch.allclose(layer.inverse(layer(x)[0]), x)


def test_small_spreads_stay_and_constant_elements_are_finite() -> None:
    x = torch.stack([2e-5 + 5e-6 * torch.linspace(-1, 1, 50), torch.full((50,), 7.1)], 1)
    layer = Standardise((2,), smallest=None)
    layer.add(layer.statistics(x, None, 0), 0)
    layer.settle(0)
    assert float(layer.spread[0]) == pytest.approx(float(x[:, 0].double().std(correction=0)), rel=1e-6)
    assert float(layer.spread[1]) == 1


@pytest.mark.parametrize("kind", ["image", "sequence"])
def test_channels_of_what_has_places_share_a_scale(kind: str) -> None:
    shape = (2, 4, 5) if kind == "image" else (2, 9)
    scaling = Scaling(DataSpec(example=Space(kind=kind, shape=shape)))  # type: ignore[arg-type]
    x = torch.randn(300, *shape, generator=torch.Generator().manual_seed(0))
    x[:, 0] = 293 + 0.5 * x[:, 0]
    (stage,) = scaling.preparation()
    stage.phases[0].step(Batch(x), Context(noise=Noise(0)))  # type: ignore[misc]
    y = scaling.inward(x)
    axes = [0, *range(2, y.dim())]
    assert torch.allclose(y.mean(axes), torch.zeros(2), atol=1e-4)
    assert torch.allclose(y.std(axes), torch.ones(2), atol=1e-2)
    assert torch.allclose(scaling.outward(y), x, atol=1e-4)
    one = torch.zeros_like(x[0])
    jacobian = torch.autograd.functional.jacobian(
        lambda v: scaling.inward(v[None])[0].flatten(), one.double()
    )
    slope = torch.linalg.slogdet(jacobian.reshape(one.numel(), -1))[1]
    assert float(scaling.log_volume) == pytest.approx(float(slope), rel=1e-9)


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_bounded_data_need_no_pass(low: float) -> None:
    scaling = Scaling(DataSpec(example=Space(kind="vector", shape=(4,), range=(-10.0, 30.0))), low)
    assert scaling.preparation() == []
    assert scaling.inward(torch.tensor([-10.0, 30.0])).tolist() == [low, 1.0]
    assert scaling.outward(torch.tensor([low, 1.0])).tolist() == [-10.0, 30.0]
    assert float(scaling.log_volume) == pytest.approx(4 * math.log((1 - low) / 40))


@pytest.mark.parametrize("name", ["packed-gan", "ddpm-toy", "consensus-gan"])
def test_a_training_measures_first_and_publishes_what_it_measured(name: str, tmp_path: Path) -> None:
    engine = tiny_engine(tiny_config(name), tmp_path / "run")
    engine.fit()
    for model in (engine.model, engine.published):
        (scaling,) = (part for part in model.modules() if isinstance(part, Scaling))
        assert scaling.measured is not None
        assert float(scaling.measured.count) == len(engine.source)
        x = engine.source.batch(np.arange(len(engine.source))).x
        assert torch.allclose(scaling.measured.mean.float(), x.mean(0), atol=1e-5)


def test_an_untrained_generator_draws_where_the_data_are() -> None:
    """293 ± .5 was drawn as 103 ± 10."""
    model = prepared(build(DENSITIES["vae"]), 293 + 0.5 * SMALL_DATA)
    drawn = model.sample(200, noise=Noise(0))  # type: ignore[operator]
    assert bool(((drawn - 293).abs() < 10).all())
    assert isinstance(model, nn.Module)
