"""Recipes by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from genus.core import recipe
from genus.core.errors import RecipeError
from genus.core.recipe import BOOK, load_recipe, recipe_files


def plug_in(folder: Path, name: str) -> Path:
    """A plug-in's folder with one recipe."""
    path = folder / "recipes" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("extends: rbm\ntrain: {batch: 7}\n", encoding="utf-8")
    return path


def test_plug_ins_add_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plug_in(tmp_path, "my-rbm")
    monkeypatch.setattr(recipe, "plugin_folders", lambda: [tmp_path])
    assert recipe_files()["my-rbm"] == path
    assert load_recipe("my-rbm").train.batch == 7


def test_a_plug_in_cannot_replace_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = recipe_files()["rbm"]
    assert ours.is_relative_to(BOOK)
    path = plug_in(tmp_path, "rbm")
    monkeypatch.setattr(recipe, "plugin_folders", lambda: [tmp_path])
    with pytest.raises(RecipeError, match="two recipes are named 'rbm'") as caught:
        load_recipe("rbm")
    assert str(ours) in str(caught.value)
    assert str(path) in str(caught.value)


def test_two_plug_ins_cannot_share_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    paths = [plug_in(folder, "mine") for folder in folders]
    monkeypatch.setattr(recipe, "plugin_folders", lambda: folders)
    with pytest.raises(RecipeError, match="rename one") as caught:
        recipe_files()
    assert all(str(path) in str(caught.value) for path in paths)
