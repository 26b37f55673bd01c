"""``genus show`` and ``genus train RECIPE --help``: every setting."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import genus
from genus.cli.describe import setting_docs
from genus.core.recipe_text import recipe_files
from tests.terminal import Result

Says = Callable[..., Result]


def test_show(genus_says: Says) -> None:
    said = genus_says("show", "wgan-gp", "model.penalties.0.weight=5").out
    config = genus.show("wgan-gp").config
    assert said.startswith(f"wgan-gp: {config['summary']}\n")
    assert config["paper"] in said
    assert config["equation"] in said
    [line] = [line for line in said.splitlines() if line.startswith("model.penalties.0.weight")]
    assert line.split()[1] == "5.0"


@pytest.mark.parametrize("name", sorted(recipe_files()))
def test_help_of_a_recipe_shows_every_setting_with_its_default(genus_says: Says, name: str) -> None:
    lines = [line.split(maxsplit=1) for line in genus_says("train", name, "--help").out.splitlines()]
    shown = {line[0]: line[1] for line in lines if len(line) == 2}
    recipe = genus.show(name)
    docs, leaves = setting_docs(recipe.config), recipe.leaves()
    for path, value in leaves:
        if path.split(".")[0] in ("model", "optimizer", "data", "train"):
            text = value if isinstance(value, str) else json.dumps(value)
            assert shown[path].startswith(text), path
            assert docs[path], f"{path} has no line under Args in its docstring"


def test_help_follows_overrides_and_options_stand_anywhere(genus_says: Says) -> None:
    said = genus_says("train", "vae", "model.latent=3", "--data", "digits8", "train.length=7", "--help").out
    assert said.startswith("usage: genus train vae")
    shown = dict(line.split()[:2] for line in said.splitlines()[2:])
    assert (shown["model.latent"], shown["data.name"], shown["train.length"]) == ("3", "digits8", "7")
    assert genus_says("train", "train.length=7", "--help").out.startswith("usage: genus train default")


@pytest.mark.parametrize(
    ("text", "lesson"),
    [
        (b"\xff\xfe\x00", "cannot be read as UTF-8"),
        (b"model: [", "not valid YAML"),
        (b"- vae", "a recipe is a mapping"),
        (b"model: vae", "data: every recipe needs it"),
        (b"extends: vea", "did you mean 'vae'?"),
        (b"extends: vae\nmodle: 3", "did you mean 'model'?"),
    ],
)
def test_a_wrong_recipe_file_is_explained(genus_says: Says, text: bytes, lesson: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text)
    result = genus_says("show", path)
    assert result.code == 2
    assert lesson in result.err
