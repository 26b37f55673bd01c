"""Recipes by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from genus.core import recipe_text
from genus.core.errors import RecipeError
from genus.core.recipe import load_recipe
from genus.core.recipe_text import BOOK, recipe_files

VARIANTS = [
    (name, variant)
    for name, path in sorted(recipe_files().items())
    for variant, changes in (yaml.safe_load(path.read_text(encoding="utf-8")).get("variants") or {}).items()
    if changes is not None
]


def plug_in(folder: Path, name: str) -> Path:
    """A plug-in's folder with one recipe."""
    path = folder / "recipes" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("extends: rbm\ntrain: {batch: 7}\n", encoding="utf-8")
    return path


def test_plug_ins_add_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plug_in(tmp_path, "my-rbm")
    monkeypatch.setattr(recipe_text, "plugin_folders", lambda: [tmp_path])
    assert recipe_files()["my-rbm"] == path
    assert load_recipe("my-rbm").train.batch == 7


def test_a_recipe_does_not_claim_the_paper_of_the_one_it_extends(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: rbm\ndeviations: none\n", encoding="utf-8")
    config = load_recipe(path).config
    assert [config[key] for key in ("paper", "equation", "deviations")] == ["", "", "none"]
    assert config["expects"] == {"cost": "", "numbers": {}}
    assert config["model"] == load_recipe("rbm").config["model"]


def test_a_plug_in_cannot_replace_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = recipe_files()["rbm"]
    assert ours.is_relative_to(BOOK)
    path = plug_in(tmp_path, "rbm")
    monkeypatch.setattr(recipe_text, "plugin_folders", lambda: [tmp_path])
    with pytest.raises(RecipeError, match="two recipes are named 'rbm'") as caught:
        load_recipe("rbm")
    assert str(ours) in str(caught.value)
    assert str(path) in str(caught.value)


def test_two_plug_ins_cannot_share_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    paths = [plug_in(folder, "mine") for folder in folders]
    monkeypatch.setattr(recipe_text, "plugin_folders", lambda: folders)
    with pytest.raises(RecipeError, match="rename one") as caught:
        recipe_files()
    assert all(str(path) in str(caught.value) for path in paths)


BASE = """
extends: rbm
train: {batch: 7}
variants:
  large: {train.batch: 70, model.hidden: 9, optimizer.lr: 5e-5}
  long: {train.length: 9000 iterations}
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A recipe file with two variants."""
    path = tmp_path / "mine.yaml"
    path.write_text(BASE, encoding="utf-8")
    return str(path)


def test_variants_lay_their_numbers_over_the_recipe(own: str) -> None:
    plain, large, long = (load_recipe(own + end) for end in ("", "@large", "@long"))
    assert [r.name for r in (plain, large, long)] == ["mine", "mine-large", "mine-long"]
    assert [r.train.batch for r in (plain, large, long)] == [7, 70, 7]
    assert large.config["model"]["hidden"] == 9 != plain.config["model"]["hidden"]
    assert large.config["optimizer"]["lr"] == 5e-5
    assert long.train.length == "9000 iterations"
    assert "variants" not in large.config  # a run keeps what was chosen


def test_overrides_come_after_the_variant(own: str) -> None:
    assert load_recipe(f"{own}@large", ["train.batch=3"]).train.batch == 3


def test_unknown_variants_name_the_nearest_or_say_that_there_is_none(own: str) -> None:
    with pytest.raises(RecipeError, match="no variant 'larg'; did you mean 'large'"):
        load_recipe(f"{own}@larg")
    with pytest.raises(RecipeError, match="'dbn' has no variant 'gpu'; it has none"):
        load_recipe("dbn@gpu")
    with pytest.raises(RecipeError, match="unknown recipe 'snggan'; did you mean 'sngan'"):
        load_recipe("snggan@gpu")


def test_recipes_inherit_variants_and_may_change_them(tmp_path: Path) -> None:
    path = tmp_path / "child.yaml"
    path.write_text("extends: sngan\nvariants: {gpu: {train.batch: 5}, small: {train.batch: 2}}\n")
    parent, child = load_recipe("sngan@gpu"), load_recipe(f"{path}@gpu")
    assert child.train.batch == 5 != parent.train.batch
    assert child.config["model"] == parent.config["model"] != load_recipe("sngan").config["model"]
    assert load_recipe(f"{path}@small").train.batch == 2


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_variant_of_the_book_binds_and_changes_its_recipe(name: str, variant: str) -> None:
    recipe, plain = load_recipe(f"{name}@{variant}"), load_recipe(name)
    assert recipe.name == f"{name}-{variant}"
    assert dict(recipe.leaves()) != dict(plain.leaves())
    assert load_recipe(yaml.safe_load(recipe.to_yaml())).config == recipe.config


def test_what_is_expected_of_a_recipe_is_not_expected_of_a_changed_one(tmp_path: Path) -> None:
    path = tmp_path / "child.yaml"
    path.write_text("extends: dcgan\nvariants: {wide: {model.generator.width: 64}}\n")
    assert load_recipe("dcgan").config["expects"]["numbers"]
    assert not load_recipe(path).config["expects"]["numbers"]
    own = "expects: {cost: little, numbers: {frechet: '1'}}"
    path.write_text(f"extends: dcgan\n{own}\nvariants: {{wide: {{train.batch: 9}}}}\n")
    assert load_recipe(path).config["expects"] == {"cost": "little", "numbers": {"frechet": "1"}}
    assert not load_recipe(f"{path}@wide").config["expects"]["numbers"]


def test_every_adversarial_recipe_has_a_variant_for_a_gpu() -> None:
    names = [name for name, path in recipe_files().items() if path.parent.name == "adversarial"]
    assert len(names) > 30
    for name in ("default", *names):
        assert load_recipe(f"{name}@gpu").config != load_recipe(name).config, name


@pytest.mark.parametrize(
    "override",
    [
        "model.latent=" + "[" * 900 + "]" * 900,
        "model.latent=" + "{a: " * 3000 + "1" + "}" * 3000,
        "expects.numbers" + ".a" * 3000 + "=1",
        "data" + ".path" * 3000 + "=1",
        "model.latent=[&a 1, *a]",
    ],
    ids=["lists", "mappings", "keys", "data", "aliases"],
)
def test_overrides_that_exhaust_the_interpreter_are_refused(override: str) -> None:
    with pytest.raises(RecipeError, match=r"nested more than 50 deep|aliases are not allowed") as caught:
        load_recipe("default", [override])
    assert len(str(caught.value)) < 300


def test_recipes_that_exhaust_the_interpreter_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("extends: default\nmodel: {latent: " + "[" * 900 + "]" * 900 + "}\n")
    with pytest.raises(RecipeError, match=r"deep\.yaml: values are nested more than 50 deep"):
        load_recipe(str(path))


@pytest.mark.parametrize("word", ["NO", "off", "010", "12:30", "2020-01-01"])
def test_a_column_may_be_called_what_old_yaml_takes_for_something_else(word: str) -> None:
    asked = ["data.path=a.csv", f"data.label={word}", f"data.columns=[NO2, {word}, 3]"]
    recipe = load_recipe("gmm", ["data={name: csv}", *asked])
    assert recipe.config["data"]["label"] == word
    assert recipe.config["data"]["columns"] == ["NO2", word, 3]
    again = load_recipe(yaml.safe_load(recipe.to_yaml()))
    assert again.config["data"] == recipe.config["data"]


@pytest.mark.parametrize(
    "override",
    [
        "train.batch=yes", "train.batch=true", "train.length=true", "train.clip=true",
        "train.save_every=true",
        "model.hidden=true", "optimizer.lr=true", "train.doctor=false",
        "data={name: csv, path: a.csv, label: true}", "data={name: csv, path: a.csv, columns: [true]}",
    ],
)  # fmt: skip
def test_a_truth_value_is_no_number_and_no_name(override: str) -> None:
    with pytest.raises(RecipeError):
        load_recipe("rbm", [override])


@pytest.mark.parametrize("word", ["yes", "true", "on"])
def test_where_a_truth_value_is_wanted_yes_is_one(word: str) -> None:
    assert load_recipe("rbm", [f"train.channels_last={word}"]).train.channels_last is True
    config = load_recipe("gmm", [f"data={{name: csv, path: a.csv, header: {word}}}"]).config
    assert config["data"]["header"] is True
