"""Virtual and reference batch normalisation inside a GAN: where the reference comes from, and stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.adversarial.reference_batches import REFERENCES
from genus.sampling.draw import draw
from tests.models.adversarial.test_gan import SPECS, batch_of, check_losses, make

POINTS = SPECS[4]
WIDE = DataSpec(example=Space(kind="image", shape=(1, 17, 20), range=(0.0, 1.0)))
LABELLED = replace(WIDE, condition=class_space(("a", "b")))
DEEP = DataSpec(example=Space(kind="volume", shape=(1, 16, 17, 18), range=(0.0, 1.0)))
NETWORKS: dict[str, dict[str, Any]] = {
    "dcgan": {"name": "dcgan", "width": 4},
    "mlp": {"name": "mlp", "hidden": [8]},
}
CASES = [
    pytest.param(network, norm, spec, id=f"{network}-{norm}-{spec.kind}")
    for network, spec in (("dcgan", WIDE), ("dcgan", SPECS[2]), ("dcgan", DEEP), ("mlp", POINTS))
    for norm in ("virtual", "reference")
]


def normed(network: str, norm: str, spec: DataSpec, **changes: Any) -> Any:
    torch.manual_seed(0)
    both = {**NETWORKS[network], "norm": norm}
    return make(spec, **{"generator": both, "discriminator": both, **changes})


@pytest.mark.parametrize(("network", "norm", "spec"), CASES)
def test_the_first_real_batch_is_the_reference_and_stays(network: str, norm: str, spec: DataSpec) -> None:
    model = normed(network, norm, spec)
    held = model.discriminator.network.reference
    assert held.shape == (REFERENCES, *spec.shape)
    assert not model.reference_held
    first, second = batch_of(spec, 6), Batch(batch_of(spec, 6).x.flip(0) * 0.5)
    model.discriminator_loss(first, Context(noise=Noise(0)))
    assert model.reference_held
    expected = model.scaling.inward(first.x)[torch.arange(REFERENCES) % 6]
    assert torch.equal(held, expected)
    model.discriminator_loss(second, Context(noise=Noise(1)))
    assert torch.equal(held, expected)
    assert all(phase.whole_batch for phase in model.phases())  # a micro-batch would be another reference


@pytest.mark.parametrize(("network", "norm", "spec"), CASES)
def test_it_is_kept_on_reload(network: str, norm: str, spec: DataSpec) -> None:
    model = normed(network, norm, spec)
    model.discriminator_loss(batch_of(spec), Context(noise=Noise(0)))
    other = normed(network, norm, spec)
    other.load_state_dict(model.state_dict())
    assert other.reference_held
    later = Batch(batch_of(spec).x * 0.5)
    losses = [m.discriminator_loss(later, Context(noise=Noise(1)))["loss"].item() for m in (model, other)]
    assert losses[0] == losses[1]
    assert torch.equal(draw(model, 4, seed=0), draw(other, 4, seed=0))


@pytest.mark.parametrize(("network", "norm", "spec"), CASES)
def test_examples_do_not_depend_on_each_other(network: str, norm: str, spec: DataSpec) -> None:
    model = normed(network, norm, spec)
    model.discriminator_loss(batch_of(spec), Context(noise=Noise(0)))
    torch.testing.assert_close(draw(model, 5, seed=0, batch=2), draw(model, 5, seed=0), rtol=0, atol=1e-5)
    x = model.scaling.inward(batch_of(spec).x)
    together, alone = model.discriminator(x).score, model.discriminator(x[:1]).score
    torch.testing.assert_close(alone, together[:1], rtol=0, atol=1e-5)


def test_one_player_may_have_it_alone() -> None:
    generator = normed("mlp", "virtual", POINTS, discriminator=NETWORKS["mlp"])
    assert hasattr(generator.generator.network, "reference")
    assert not hasattr(generator.discriminator.network, "reference")
    assert not any(phase.whole_batch for phase in generator.phases())
    generator.discriminator_loss(batch_of(POINTS), Context(noise=Noise(0)))
    discriminator = normed("mlp", "virtual", POINTS, generator=NETWORKS["mlp"])
    assert not hasattr(discriminator.generator.network, "reference")
    discriminator.discriminator_loss(batch_of(POINTS), Context(noise=Noise(0)))
    assert discriminator.reference_held


def test_packs_are_referred_to_packs() -> None:
    model = normed("mlp", "reference", POINTS, packing=2)
    model.discriminator_loss(batch_of(POINTS, 6), Context(noise=Noise(0)))
    packs = batch_of(POINTS, 6).x.reshape(3, 4)
    assert torch.equal(model.discriminator.network.reference, packs[torch.arange(REFERENCES) % 3])


@pytest.mark.parametrize("norm", ["virtual", "reference"])
def test_networks_that_are_told_conditions_beside_their_input_are_refused(norm: str) -> None:
    for conditioning in ("projection", "information"):
        with pytest.raises(RecipeError, match="norm in the generator"):
            normed("dcgan", norm, LABELLED, conditioning=conditioning)
    plain = {"name": "dcgan", "width": 4}
    with pytest.raises(RecipeError, match="norm in the discriminator"):
        normed("dcgan", norm, LABELLED, conditioning="concatenation", generator=plain)


@pytest.mark.parametrize("norm", ["virtual", "reference"])
def test_conditions_at_the_features_leave_the_reference_alone(norm: str) -> None:
    plain = {"name": "dcgan", "width": 4}
    for conditioning, changes in (("k-plus-one", {}), ("projection", {"generator": plain})):
        model = normed("dcgan", norm, LABELLED, conditioning=conditioning, **changes)
        check_losses(model, LABELLED)
        assert model.reference_held
