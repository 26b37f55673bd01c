"""GANs that are conditioned on tables, text, images, label maps or several of these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genus.assembly import open_data
from genus.core.batch import Batch
from genus.core.binder import build, resolve
from genus.core.components import Readout
from genus.core.drawing import Drawing
from genus.core.errors import CapabilityError, RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import AnySpace, Composite, Space
from genus.core.spec import DataSpec
from genus.data.conditioned_digits import slant, thickness
from genus.data.paired import conditions_in_turn
from genus.layers.condition_encoder import Standardised, TableEncoder, TextEncoder
from genus.models.adversarial.gan import GAN
from genus.sampling.draw import draw
from tests.tiny import MASK_NAMES, conditions_for, table, tiny_config, tiny_engine

IMAGES = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0), levels=17))
KINDS = {
    "table": table(("age", 50.0, 10.0), ("size", 2.0, 0.5)),
    "text": Space(kind="tokens", shape=(3,), names=("a", "red", "sun")),
    "image": Space(kind="image", shape=(3, 8, 8), range=(0.0, 1.0), levels=256),
    "mask": Space(kind="labels", shape=(1, 8, 8), names=MASK_NAMES),
    "labels": Space(kind="labels", shape=(1, 8, 8), names=("sky", "sea", "land")),
    "parts": Composite.of(**{
        "class": Space(kind="class", names=("a", "b", "c")),
        "image": Space(kind="image", shape=(3, 8, 8), range=(0.0, 1.0), levels=256),
    }),
}  # fmt: skip
WAYS = {"concatenation": list(KINDS), "projection": list(KINDS), "embedding": ["table", "text"]}
COMPOSED = [(way, kind) for way, kinds in WAYS.items() for kind in kinds]
REFUSED = [
    ("embedding", "image"),
    *(("auxiliary", kind) for kind in ("text", "image", "mask", "parts")),
    *(("one-hot", kind) for kind in KINDS),
]


def make(condition: AnySpace, spec: DataSpec = IMAGES, **model: Any) -> GAN:
    """A small GAN for data with a condition."""
    network = {"name": "mlp", "hidden": [8]} if spec.kind == "vector" else {"name": "dcgan", "width": 4}
    config = {
        "name": "gan", "generator": network, "discriminator": network, "objective": "hinge", "latent": 4,
        **model,
    }  # fmt: skip
    torch.manual_seed(0)
    return build("model", resolve("model", config, "model"), replace(spec, condition=condition))


@pytest.mark.parametrize(("way", "kind"), COMPOSED)
def test_the_condition_reaches_both_players(way: str, kind: str) -> None:
    model = make(KINDS[kind], conditioning=way).eval()
    assert model.conditional
    x, z, noise = torch.rand(4, 1, 8, 8), Noise(0).normal(4, 4), Noise(0)
    first = conditions_for(model, 4)
    assert first is not None
    other = first[torch.tensor([3, 0, 1, 2])]
    assert not torch.allclose(model.generator(z, first, noise), model.generator(z, other, noise))
    assert not torch.allclose(model.discriminator(x, first).score, model.discriminator(x, other).score)


@pytest.mark.parametrize("way", ["concatenation", "norm"])
def test_attributes_are_read_out_of_the_discriminator(way: str) -> None:
    """Both players lose what a Gaussian around the standardised attributes that are told says, by hand."""
    conditioned = {"name": "auxiliary", "features": 8, "generator": way, "weight": 3.0, "fakes": 0.5}
    model = make(KINDS["table"], conditioning=conditioned)
    attributes = torch.tensor([[60.0, 2.0], [50.0, 1.0]])  # standardised (1, 0) and (0, -2)
    said = Readout(torch.zeros(2), None, torch.tensor([[0.5, 1.0], [0.0, 0.0]]))
    by_hand = ((0.5**2 + 1.0**2) / 2 + 2.0**2 / 2) / 2
    batch, conditions = Batch(torch.rand(2, 1, 8, 8), attributes), model.conditioning
    terms = conditions.discriminator_terms(batch, batch.x, said, said, attributes)
    assert terms["attributes of real"].item() == pytest.approx(3 * by_hand)
    assert terms["attributes of fake"].item() == pytest.approx(1.5 * by_hand)
    (term,) = conditions.generator_terms(batch, batch.x, said, attributes).values()
    assert term.item() == pytest.approx(3 * by_hand)
    for name, loss in (("discriminator", model.discriminator_loss), ("generator", model.generator_loss)):
        terms = loss(batch, Context(noise=Noise(0)))
        last = terms["attributes" if name == "generator" else "attributes of real"]
        found = torch.autograd.grad(last, list(getattr(model, name).network.parameters()), allow_unused=True)
        assert any(slope is not None and slope.any() for slope in found)
    with pytest.raises(RecipeError, match=r"needs classes; .* model 'gan'"):
        make(KINDS["table"], name="classifying-gan", conditioning=conditioned)


@pytest.mark.parametrize("kind", ["table", "text"])
def test_points_are_told_too(kind: str) -> None:
    points = DataSpec(example=Space(kind="vector", shape=(2,)))
    model = make(KINDS[kind], points, conditioning="concatenation")
    assert model.generate_from(
        torch.zeros(3, 4), condition=conditions_for(model, 3), noise=Noise(0)
    ).shape == (3, 2)


@pytest.mark.parametrize(("way", "kind"), REFUSED)
def test_what_makes_no_sense_is_refused_by_name(way: str, kind: str) -> None:
    model = "classifying-gan" if way == "auxiliary" else "gan"
    with pytest.raises(RecipeError, match=f"conditioning '{way}' cannot use {KINDS[kind].describe()}: "):
        make(KINDS[kind], name=model, conditioning=way)


def test_images_beside_examples_are_of_their_size_and_not_left_behind() -> None:
    large = replace(KINDS["mask"], shape=(1, 16, 16))
    with pytest.raises(
        RecipeError, match=r"a map 1×16×16 of 2 labels beside examples of the same sides; they have 8×8"
    ):
        make(large, conditioning="concatenation")
    make(large, conditioning="projection")
    with pytest.raises(RecipeError, match="moves the example and not the image"):
        make(KINDS["mask"], conditioning="concatenation", augmentation={"transforms": "diffaugment"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_spec_with_a_condition_survives_json(kind: str) -> None:
    import json

    spec = replace(IMAGES, condition=KINDS[kind])
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_attributes_are_standardised() -> None:
    attributes = torch.tensor([[60.0, 2.0], [50.0, 1.0]])  # one deviation above; two below
    assert Standardised(KINDS["table"])(attributes).tolist() == [[1.0, 0.0], [0.0, -2.0]]
    encoder = TableEncoder(KINDS["table"], 5)
    assert encoder(attributes).shape == (2, 5)


def test_text_is_the_mean_of_its_words_and_filling_does_not_count() -> None:
    encoder = TextEncoder(KINDS["text"], 4)
    encoder.body = torch.nn.Identity()
    found = encoder(torch.tensor([[2, 3, 0], [3, 2, 0], [2, 0, 0], [0, 0, 0]]))
    words = encoder.words.weight
    torch.testing.assert_close(found[0], (words[2] + words[3]) / 2)
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[2], words[2])
    assert not found[3].any()


def test_the_mean_style_is_refused_where_conditions_are_unknown() -> None:
    network = {"name": "stylegan2", "width": 8}
    model = make(
        KINDS["table"], name="style-gan", generator=network, conditioning="projection",
    )  # fmt: skip
    with pytest.raises(CapabilityError, match="leave truncation out"):
        draw(model, 2, condition=conditions_for(model, 2), drawing=Drawing(truncation=0.5))


def trained(data: str, tmp_path: Path) -> tuple[GAN, torch.Tensor]:
    """Small perceptrons after a short training, and the conditions of 300 training digits."""
    config = tiny_config("attribute-gan", length=700, batch=64, ema=None, log_every=100)
    for player, activation in (("generator", "relu"), ("discriminator", "leaky-relu")):
        config["model"][player] = {"name": "mlp", "hidden": [128], "activation": activation}
    config["model"]["conditioning"] = {"name": "concatenation", "embedding": 32}
    config["model"]["latent"] = 8
    config["data"] = {"name": data, "digits": "digits8"}
    config["model"]["penalties"] = [{"name": "r1", "weight": 0.1}]  # without it, half of all seeds collapse
    config["optimizer"] = {"name": "adam", "lr": 2e-3, "betas": [0.0, 0.99]}
    engine = tiny_engine(config, tmp_path / "run")
    engine.fit()
    return engine.published, conditions_in_turn(open_data(engine.run.recipe).train, 300)


def test_attributes_are_obeyed_after_a_short_training(tmp_path: Path) -> None:
    model, wanted = trained("digit-attributes", tmp_path)
    x = draw(model, 300, condition=wanted, seed=1).numpy()
    assert np.corrcoef(slant(x), wanted[:, 0])[0, 1] > 0.7
    assert np.corrcoef(thickness(x), wanted[:, 1])[0, 1] > 0.25


def test_an_image_is_obeyed_after_a_short_training(tmp_path: Path) -> None:
    model, wanted = trained("digit-halves", tmp_path)
    x = draw(model, 300, condition=wanted, seed=1)
    requested_condition = (x - wanted)[:, :, 4:].square().mean()
    others = (x - wanted.roll(1, 0))[:, :, 4:].square().mean()
    assert requested_condition < 0.3 * others


@pytest.mark.parametrize(
    "network",
    [
        {"name": "resnet", "width": 4},
        {"name": "dcgan", "width": 4},
        {"name": "dcgan", "width": 4, "norm": "none"},
        {"name": "mlp", "hidden": [8, 8]},
        {"name": "mlp", "hidden": [8, 8], "norm": "batch"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["mask", "table"])
def test_norms_of_the_generator_are_set_by_the_condition(kind: str, network: dict[str, Any]) -> None:
    """Away from the initial weights, at which a conditional norm does nothing by design."""
    if kind == "mask":
        condition = Space(kind="labels", shape=(1, 16, 16), names=MASK_NAMES)
    else:
        condition = table(("a", 0.0, 1.0), ("b", 0.0, 1.0))
    spec = DataSpec(
        example=Space(kind="image", shape=(1, 16, 16), range=(0.0, 1.0), levels=256), condition=condition
    )
    config = {
        "name": "gan", "generator": network, "objective": "hinge", "latent": 4,
        "discriminator": {"name": "resnet", "width": 4},
        "conditioning": {"name": "projection", "generator": "norm"},
    }  # fmt: skip
    model = build("model", resolve("model", config, "model"), spec).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.generator.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
        z = torch.randn(2, 4, generator=generator)
        one, other = (
            model.generate_from(z, condition=torch.full((2, *condition.shape), value), noise=Noise(0))
            for value in ((0, 1) if kind == "mask" else (0.0, 1.0))
        )
    assert (one - other).abs().max() > 0.05
