"""Glow: determinants, its first batch, and what it refuses."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.activation_norm import activation_norms
from genus.models.flow.glow import Glow
from genus.networks.coupling_resnet import coupling_resnet
from genus.networks.mlp import mlp
from tests.bijections import check_bijection, shaken

MLP = partial(mlp, hidden=(16,), activation="tanh")
RESNET = partial(coupling_resnet, width=4)


def examples(*shape: int) -> DataSpec:
    kind = {1: "vector", 2: "sequence", 3: "image", 4: "volume"}[len(shape)]
    return DataSpec(example=Space(kind=kind, shape=shape))


@pytest.mark.parametrize(
    ("shape", "scales", "network"),
    [((3,), 1, MLP), ((1, 4, 4), 1, RESNET), ((1, 4, 4), 2, RESNET), ((1, 8, 4), 3, RESNET),
     ((3, 3, 5), 2, RESNET), ((1, 8), 2, RESNET), ((1, 2, 4, 2), 2, RESNET)],
)  # fmt: skip
@pytest.mark.parametrize("squeeze", ["plain", "haar"])
def test_log_determinant_and_round_trip(shape, scales, network, squeeze) -> None:
    spec = examples(*shape)
    model = shaken(Glow(spec, network=network, couplings=2, scales=scales, squeeze=squeeze))
    assert isinstance(model, Glow)
    check_bijection(model.flow, shape)


def test_the_first_batch_is_standardised_before_the_likelihood() -> None:
    model = Glow(examples(1, 4, 4), network=RESNET, couplings=2, scales=2, measured=0)
    x = 3 + 2 * torch.randn(50, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    begin, likelihood = model.stages()
    assert begin.prepares
    assert str(begin.length) == "1 iterations"
    assert likelihood.phases[0].loss is not None
    step = begin.phases[0].step
    assert step is not None
    step(Batch(x), Context(noise=Noise(0)))
    assert all(bool(norm.initialised) for norm in activation_norms(model.flow))
    z = model.encode(x).mean
    assert abs(float(z.mean())) < 0.2
    assert float(z.std()) == pytest.approx(1, abs=0.2)
    saved = {name: value.clone() for name, value in model.state_dict().items()}
    step(Batch(5 * x), Context(noise=Noise(1)))  # a resumed run would come here again
    assert all(torch.equal(saved[name], value) for name, value in model.state_dict().items())


def test_images_of_one_channel_and_odd_sides_are_refused() -> None:
    with pytest.raises(RecipeError, match="realnvp"):
        Glow(examples(1, 3, 3), network=RESNET)
    with pytest.raises(RecipeError, match="two"):
        Glow(examples(1), network=MLP)


def test_samples_do_not_depend_on_the_batch() -> None:
    space = Space(kind="image", shape=(1, 4, 4), range=(0.0, 1.0), levels=256)
    model = shaken(Glow(DataSpec(example=space), network=RESNET, couplings=2, scales=2))
    assert isinstance(model, Glow)
    whole = model.sample(6, noise=Noise(0, block=1))
    assert torch.allclose(model.sample(2, noise=Noise(0, start=3, block=1)), whole[3:5], atol=1e-6)
    assert torch.allclose(model.decode(model.encode(whole).mean), whole, atol=1e-6)
