"""Recipes that fit themselves to the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from genus.assembly import build_model
from genus.core.errors import RecipeError
from genus.core.recipe import RecipeNote, load_recipe
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec

PICTURE = Space(kind="image", shape=(1, 32, 32), range=(0.0, 1.0), levels=256)
UNLABELLED = DataSpec(example=PICTURE)
LABELLED = DataSpec(example=PICTURE, condition=class_space("ab"))
POINTS = DataSpec(example=Space(kind="vector", shape=(5,)))

ABOUT_CLASSES = ["acgan", "can", "cgan", "classifier", "improved-gan", "projection-gan"]
"""Recipes that would not be themselves without classes."""


@pytest.mark.parametrize("name", ["default", "dcgan", "wgan-gp", "sagan", "stylegan2", "biggan", "progan"])
def test_conditional_recipes_build_without_classes(name: str) -> None:
    recipe = load_recipe(name)
    assert not build_model(recipe.fitted(UNLABELLED.traits), UNLABELLED).conditional
    assert recipe.fitted(LABELLED.traits) is recipe
    assert build_model(recipe, LABELLED).conditional


@pytest.mark.parametrize("name", ["ddpm", "pixelcnn", "realnvp"])
def test_conditional_densities_build_without_classes(name: str) -> None:
    recipe = load_recipe(name).fitted(UNLABELLED.traits)
    assert recipe.config["model"]["conditional"] is False
    build_model(recipe, UNLABELLED)


@pytest.mark.parametrize("name", ABOUT_CLASSES)
def test_recipes_about_classes_refuse_data_without_them(name: str) -> None:
    with pytest.raises(RecipeError, match=r"needs (classes|labels)"):
        build_model(load_recipe(name).fitted(UNLABELLED.traits), UNLABELLED)


@pytest.mark.parametrize("name", ["default", "wgan-gp", "wgan", "lsgan", "ddpm", "realnvp", "gmm", "vae"])
def test_recipes_take_networks_for_vectors(name: str) -> None:
    build_model(load_recipe(name).fitted(POINTS.traits), POINTS)


def test_overrides_and_named_variants_win_over_what_fits() -> None:
    recipe = load_recipe("default", ["model.conditioning=projection"]).fitted(UNLABELLED.traits)
    assert recipe.config["model"]["conditioning"]["name"] == "projection"
    mixed = load_recipe("wgan-gp@gpu", ["model.latent=3"]).fitted(UNLABELLED.traits)
    assert mixed.config["model"]["latent"] == 3
    assert mixed.config["model"]["discriminator_steps"] == 5


def test_a_null_variant_of_a_child_stops_that_of_its_parent() -> None:
    assert load_recipe("ada-gan").fitted(["vectors"]).config["model"]["generator"]["name"] == "dcgan"
    with pytest.raises(RecipeError, match="has no variant 'vectors'"):
        load_recipe("ada-gan@vectors")


def test_what_a_recipe_changes_is_said_in_one_line(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: default\n", encoding="utf-8")
    recipe = load_recipe(str(own))
    with pytest.warns(RecipeNote, match=r"own is fitted to the data: model.conditioning=null$"):
        recipe.note_changes(recipe.fitted(UNLABELLED.traits))


def test_saved_recipes_are_fitted_already() -> None:
    saved = load_recipe(dict(load_recipe("default").config))
    assert saved.fitted(UNLABELLED.traits) is saved
