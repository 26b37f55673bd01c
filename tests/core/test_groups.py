"""Groups of arguments: one key of a recipe, one frozen dataclass in the code."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from genus.cli.describe import setting_docs
from genus.core import source_files
from genus.core.binder import bind, resolve
from genus.core.errors import RecipeError
from genus.core.recipe import load_recipe
from genus.core.registry import catalogue, component, forget_components, group
from genus.objectives.augmentations import diffaugment

GROUPS = {"augmentation", "features", "regularisation"}


def gan(**changes: Any) -> dict[str, Any]:
    """A resolved GAN."""
    config = {"name": "gan", "generator": "mlp", "discriminator": "mlp", "objective": "hinge", **changes}
    return resolve("model", config, "model")


def test_a_group_is_a_frozen_dataclass_with_fields_by_name_only() -> None:
    @group
    class Options:
        size: int = 3

    assert Options(size=4).size == 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().size = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        Options(4)  # type: ignore[misc]


def test_every_field_is_read_from_source_with_its_default_and_docs() -> None:
    found = {p.name: p.group for p in component("model", "gan").parameters if p.group is not None}
    assert found.keys() == GROUPS
    features = {p.name: p for p in found["features"].parameters}
    assert list(features) == ["size", "matching", "minibatch_discrimination", "minibatch_deviation"]
    assert features["matching"].annotation == "Weight | None"
    assert all(p.default is None and not p.required and p.doc for p in features.values())
    clipped = {p.name for p in found["regularisation"].parameters if p.component_kind == "regulariser"}
    assert clipped == {"generator", "discriminator"}


def test_models_that_extend_another_have_its_groups() -> None:
    for name in ("infogan", "unrolled-gan", "style-gan", "progressive-gan"):
        assert {p.name for p in component("model", name).parameters if p.group is not None} == GROUPS


def test_defaults_are_written_out_and_components_inside_are_resolved() -> None:
    config = gan(augmentation={"transforms": "diffaugment"}, regularisation={"weight_clip": "0.5"})
    assert config["features"] == {
        "size": None, "matching": None, "minibatch_discrimination": None, "minibatch_deviation": None,
    }  # fmt: skip
    assert config["augmentation"]["transforms"][0]["policy"]
    assert config["augmentation"]["schedule"] is None
    assert config["regularisation"]["weight_clip"] == 0.5
    assert resolve("model", config, "model") == config


def test_the_code_receives_dataclasses_with_components_bound() -> None:
    arguments = bind("model", gan(augmentation={"transforms": ["diffaugment"]})).keywords
    (transform,) = arguments["augmentation"].transforms
    assert transform.func is diffaugment
    assert arguments["features"].size is None
    assert arguments["regularisation"].generator == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("model.features.siez=3", r"model\.features\.siez: .features. takes no .*did you mean .size."),
        (
            "model.features=128",
            r"model\.features: expected a mapping with any of size, matching, .*; got 128",
        ),
        ("model.augmentation=diffaugment", r"model\.augmentation: expected a mapping with .*transforms"),
        ("model.augmentation.transforms=difaugment", r"augmentation\.transforms\.0: .*mean 'diffaugment'"),
        ("model.augmentation.transforms.policy=3", r"model\.augmentation\.transforms\.0: expected the name"),
        ("model.features.size=0", r"model\.features\.size: Input should be greater"),
    ],
)
def test_what_is_wrong_in_a_group_is_refused_with_its_path(change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("default", [change])


def test_overrides_change_one_field() -> None:
    changes = ["model.features.size=5", "model.regularisation.generator=orthogonal"]
    model = load_recipe("wgan", changes).config["model"]
    assert model["features"]["size"] == 5
    assert model["regularisation"]["weight_clip"] == 0.05  # the recipe's own
    assert [term["name"] for term in model["regularisation"]["generator"]] == ["orthogonal"]


def test_every_leaf_of_a_group_is_shown_and_explained() -> None:
    recipe = load_recipe("ada-gan")
    docs, leaves = setting_docs(recipe.config), dict(recipe.leaves())
    for path in ("features.matching", "augmentation.transforms.0.policy", "augmentation.schedule.target"):
        assert f"model.{path}" in leaves
        assert docs[f"model.{path}"]
    for entry in catalogue().values():
        for parameter in entry.parameters:
            assert parameter.group is None or all(field.doc for field in parameter.group.parameters)


SOURCE = '''
from genus.core.registry import group, optimizer


@group
class Rates:
    """Rates.

    Args:
        first: the first.
        second: the second.
    """

    first: Positive
    second: Positive = {default}


@optimizer("two-rates")
def two_rates(parameters, *, rates: Rates):
    """Two rates."""
'''


def read(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a plug-in of one file be installed."""
    path = folder / "plugin.py"
    path.write_text(source, encoding="utf-8")
    monkeypatch.setattr(source_files, "plugins", cache(lambda: (("plugin", path),)))
    forget_components()


@pytest.fixture
def own_catalogue(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The catalogue is read again before and after."""
    yield monkeypatch
    monkeypatch.undo()
    forget_components()


def test_a_field_without_a_default_must_be_given(tmp_path: Path, own_catalogue: pytest.MonkeyPatch) -> None:
    read(SOURCE.format(default="2.0"), tmp_path, own_catalogue)
    with pytest.raises(RecipeError, match=r"optimizer\.rates\.first: 'rates' needs it \(the first\.\)"):
        resolve("optimizer", "two-rates", "optimizer")
    config = resolve("optimizer", {"name": "two-rates", "rates": {"first": 1}}, "optimizer")
    assert config["rates"] == {"first": 1.0, "second": 2.0}


def test_defaults_of_fields_are_literals(tmp_path: Path, own_catalogue: pytest.MonkeyPatch) -> None:
    read(SOURCE.format(default="sqrt(2)"), tmp_path, own_catalogue)
    reason = r"plug-in 'plugin' is left out: .*plugin\.Rates: the default of 'second' must be a literal"
    with pytest.warns(source_files.PluginWarning, match=reason):
        assert ("optimizer", "two-rates") not in catalogue()
