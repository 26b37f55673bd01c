"""Generators that map an image to an image, composed by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import genus
from genus.core.batch import Batch
from genus.core.binder import build, resolve
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.adversarial.gan import GAN
from tests.tiny import MASK_NAMES, conditions_for

IMAGE = Space(kind="image", shape=(3, 8, 8), range=(0.0, 1.0), levels=256)
MASK = Space(kind="labels", shape=(1, 8, 8), names=MASK_NAMES)
NETWORKS = {
    "generator": {"name": "unet", "width": 8, "multipliers": [1, 2]},
    "discriminator": {"name": "dcgan", "width": 4, "norm": "none"},
}


def make(example: Space, condition: Space | None, **conditioning: Any) -> GAN:
    """A small translator; networks see latents of two numbers."""
    config = {
        "name": "gan", **NETWORKS, "objective": "non-saturating", "latent": 2,
        "conditioning": {"name": "image-to-image", **conditioning},
    }  # fmt: skip
    torch.manual_seed(0)
    spec = DataSpec(example=example, condition=condition)
    return build("model", resolve("model", config, "model"), spec)


@pytest.mark.parametrize("condition", [IMAGE, MASK], ids=lambda space: space.kind)
def test_the_generator_maps_the_image_and_uses_its_latent(condition: Space) -> None:
    model = make(IMAGE, condition).eval()
    images = conditions_for(model, 4)
    assert isinstance(images, torch.Tensor)
    z = Noise(0).normal(4, 2)
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter.add_(0.1)
        one = model.generate_from(z, condition=images, noise=Noise(0))
        moved = model.generate_from(z, condition=images.roll(1, 0), noise=Noise(0))
        other = model.generate_from(z.roll(1, 0), condition=images, noise=Noise(0))
    assert one.shape == (4, 3, 8, 8)
    assert not torch.allclose(one, moved)
    assert not torch.allclose(one, other)


@pytest.mark.parametrize(("distance", "power"), [("l1", 1), ("l2", 2)])
def test_the_distance_is_that_of_the_pair_by_hand(distance: str, power: int) -> None:
    model = make(IMAGE, IMAGE, distance=distance, weight=7.0)
    images = torch.rand(4, 3, 8, 8)
    batch = Batch(torch.rand(4, 3, 8, 8), images)
    terms = model.generator_loss(batch, Context(noise=Noise(0)))
    fake = model.fakes(4, images, Context(noise=Noise(0)))
    by_hand = 7 * ((2 * batch.x - 1) - fake).abs().pow(power).mean()
    torch.testing.assert_close(terms["distance"], by_hand)
    assert "distance" not in make(IMAGE, IMAGE, weight=0).generator_loss(batch, Context(noise=Noise(0)))


def test_conditions_that_are_no_images_of_that_size_are_refused() -> None:
    with pytest.raises(RecipeError, match="cannot use 2 classes: the generator maps an image to an image"):
        make(IMAGE, class_space("ab"))
    with pytest.raises(RecipeError, match="same sides; they have 8×8"):
        make(IMAGE, Space(kind="image", shape=(1, 16, 16), range=(0.0, 1.0)))
    with pytest.raises(RecipeError, match="needs classes, or image"):
        make(IMAGE, None)


def test_halves_of_digits_become_whole_digits(tmp_path: Path) -> None:
    """A recipe alone: samples are nearer to the examples of their halves than those of other halves."""
    recipe = {
        "model": {
            "name": "gan", "generator": {"name": "unet", "width": 8, "multipliers": [1, 2]},
            "discriminator": {"name": "dcgan", "width": 8, "norm": "none"}, "objective": "non-saturating",
            "latent": 1, "conditioning": {"name": "image-to-image", "weight": 100.0},
        },
        "optimizer": {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.999]},
        "data": {"name": "digit-halves", "digits": "digits8"},
        "train": {"length": 200, "batch": 32, "device": "cpu", "doctor": "off"},
    }  # fmt: skip
    run = genus.train(recipe, out=tmp_path / "run")
    scores = genus.evaluate(run, metrics=["psnr"], n=100)
    psnr = scores["psnr"]
    assert psnr.baseline is not None
    assert psnr.low > psnr.baseline + 3
