"""BEGAN: its balance by hand, the pulling-away term against closed forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from genus.core.batch import Batch
from genus.core.binder import build, resolve
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.adversarial.autoencoding import pulling_away
from tests.tiny import tiny_config, tiny_engine

IMAGES = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0)))


def test_pulling_away_by_hand() -> None:
    assert pulling_away(torch.tensor([[1.0, 0.0], [3.0, 0.0]])).item() == pytest.approx(1.0)
    assert pulling_away(torch.tensor([[1.0, 0.0], [-3.0, 0.0]])).item() == pytest.approx(1.0)
    sixty = torch.tensor([[1.0, 0.0], [0.5, 0.75**0.5]])
    assert pulling_away(sixty).item() == pytest.approx(0.25)


def test_pulling_away_of_random_codes_is_one_over_d() -> None:
    code = torch.randn(3000, 20, generator=torch.Generator().manual_seed(0))
    assert pulling_away(code).item() == pytest.approx(1 / 20, rel=0.02)


def test_information_is_the_weighted_distance_of_latents_and_their_codes() -> None:
    """By hand: the encoder's codes of G(z) for the latents that the same seed draws; in both losses."""
    config = {
        "name": "began", "generator": {"name": "dcgan", "width": 4}, "encoder": {"name": "dcgan", "width": 4},
        "decoder": {"name": "dcgan", "width": 4}, "latent": 4, "information": 0.5,
    }  # fmt: skip
    model = build("model", resolve("model", config, "model"), IMAGES).eval()
    batch = Batch(torch.rand(6, 1, 8, 8))
    noise = Noise(0)
    z = noise.normal(len(batch), 4)
    expected = 0.5 * (z - model.encoder(model.generate(z, None, noise))).square().mean().item()
    for loss in (model.discriminator_loss, model.generator_loss):
        terms = loss(batch, Context(noise=Noise(0)))
        assert terms["information"].item() == pytest.approx(expected, rel=1e-5)


def test_energies_of_samples_count_up_to_the_margin_only() -> None:
    """By hand, for errors on both sides of the margin; and the energy itself, a mean square."""
    config = {
        "name": "ebgan", "generator": {"name": "dcgan", "width": 4}, "encoder": {"name": "dcgan", "width": 4},
        "decoder": {"name": "dcgan", "width": 4}, "latent": 4, "margin": 0.5,
    }  # fmt: skip
    model = build("model", resolve("model", config, "model"), IMAGES)
    context = Context(noise=Noise(0))
    real, fake = torch.tensor([0.1, 0.3]), torch.tensor([0.4, 0.9])
    assert model.weigh(real, fake, context).item() == pytest.approx(0.2 + (0.1 + 0) / 2)
    x, copy = torch.zeros(2, 1, 2, 2), torch.tensor([[2.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    assert model.distance(x, copy.view(2, 1, 2, 2)).tolist() == [1.0, 1.0]
    batch = Batch(torch.rand(6, 1, 8, 8))
    terms = model.generator_loss(batch, Context(noise=Noise(0)))
    with torch.no_grad():
        model.train()
        noise = Noise(0)
        fakes = model.generate(noise.normal(6, 4), None, noise)
        copies = model.scaling.squash(model.decoder(model.encoder(fakes), None, noise))
    assert terms["loss"].item() == pytest.approx((fakes - copies).square().mean().item(), rel=1e-4)


@pytest.mark.parametrize("name", ["began", "ebgan"])
def test_what_an_auto_encoder_cannot_use_is_refused(name: str) -> None:
    network = {"name": "dcgan", "width": 4}
    config = {"name": name, "generator": network, "encoder": network, "decoder": network, "latent": 4}
    conditioned = DataSpec(
        example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0)), condition=class_space(("a", "b"))
    )

    def built(**changes: object) -> Any:
        return build("model", resolve("model", {**config, **changes}, "model"), conditioned)

    for conditioning in (
        "auxiliary",
        "k-plus-one",
        "style-ambiguity",
        "information",
        "projection",
        "embedding",
    ):
        with pytest.raises(RecipeError, match="conditioning=concatenation"):
            built(conditioning=conditioning)
    with pytest.raises(RecipeError, match="norm=layer"):
        built(encoder={"name": "mlp", "hidden": [8], "norm": "virtual"})
    assert built(conditioning="concatenation").conditional
    assert not built().conditional


@pytest.mark.parametrize("name", ["began", "ebgan"])
def test_samples_are_held_apart_from_others_only(name: str, tmp_path: Path) -> None:
    for weight in (0.0, 0.1):
        config = tiny_config(name, batch=1, length=1)
        config["model"]["pulling_away"] = weight
        if weight:
            with pytest.raises(RecipeError, match=r"needs 2 \(model\.pulling_away\): raise train"):
                tiny_engine(config, tmp_path / f"{name}{weight}")
        else:
            tiny_engine(config, tmp_path / f"{name}{weight}").fit()
