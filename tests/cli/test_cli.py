"""What the command line says: help, lists, and mistakes that teach."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import genus
from genus.cli.describe import setting_docs
from genus.cli.main import VERBS
from genus.core.recipe import recipe_files
from genus.core.registry import catalogue
from tests.terminal import Result

Says = Callable[..., Result]


def test_nothing_heavy_is_imported_before_there_is_work() -> None:
    script = """
import contextlib, io, sys
from genus.cli.main import main
lines = ["--help", "train --help", "train vae --help", "list recipes", "show vae", "train vae modle=3"]
lines += ["lab", "lab game --help", "lab game gama=3"]
for line in lines:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with contextlib.suppress(SystemExit):
            main(line.split())
    if line == "--help":
        print(sorted({"numpy", "pydantic", "yaml"} & set(sys.modules)))
    print(sorted({"torch", "scipy", "sklearn", "matplotlib", "lightning_fabric"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["[]"] * 10 + [""]


def test_help_names_every_verb(genus_says: Says) -> None:
    result = genus_says("--help")
    assert result.code == 0
    assert "{" + ",".join(VERBS) + "}" in result.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(genus_says: Says, verb: str) -> None:
    result = genus_says(verb, "--help")
    assert result.code == 0
    assert f"usage: genus {verb}" in result.out
    assert "STR" in result.out


MISTAKES = [
    ("trian vae", "did you mean 'train'?"),
    ("train vea", "did you mean 'vae'?"),
    ("train nowhere.yaml", "'nowhere.yaml' does not exist"),
    ("train vae train.lenght=3", "train.lenght: there is no such setting; did you mean 'length'?"),
    ("train vae model.latnet=3", "model.latnet: model 'vae' takes no 'latnet'; did you mean 'latent'?"),
    ("train vae model.decoder=dcgna", "did you mean 'dcgan'?"),
    ("train vae model.latent=many", "model.latent: Input should be a valid integer"),
    ("train vae train.length=soon", "write iterations as 4000"),
    ("train vae modle.latent=3", "did you mean 'model'?"),
    ("train vae latent", "write key.path=value"),
    ("train vae --data digist8", "did you mean 'digits8'?"),
    ("train vae --dta digits8", "there is no option --dta; did you mean '--data'?"),
    ("evaluate nowhere --featuers random", "did you mean '--features'?"),
    ("report nowhere --quick", "there is no option --quick; known: --help"),
    ("sample nowhere -n", "-n needs a value: -n VALUE"),
    ("show veterinarian", "unknown recipe 'veterinarian'"),
    ("list modles", "did you mean 'models'?"),
    ("data info digist8", "did you mean 'digits8'?"),
    ("data info digits8 holdot=0.2", "did you mean 'holdout'?"),
    ("data show digits8", "Expected one of ('info',)"),
    ("lab gmae", "did you mean 'game'?"),
    ("lab game gama=3", "did you mean 'gamma'?"),
    ("sample nowhere", "'nowhere' is not a run"),
    ("evaluate nowhere", "'nowhere' is not a run"),
    ("report nowhere", "'nowhere' is not a run"),
    ("resume nowhere", "'nowhere' is not a run"),
    ("compare nowhere elsewhere", "'nowhere' is not a run"),
    ("compare nowhere", "compare needs two or more runs"),
    ("sample", "folder of the run"),
    ("", "Expected one of {train,"),
]


@pytest.mark.parametrize(("words", "lesson"), MISTAKES)
def test_a_mistake_is_explained(
    genus_says: Says, words: str, lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = genus_says(*words.split())
    assert result.code == 2
    assert " ".join(lesson.split()) in " ".join((result.out + result.err).split())
    assert not list(tmp_path.iterdir())  # nothing was begun


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


def test_version(genus_says: Says) -> None:
    assert genus_says("--version").out == genus.__version__ + "\n"


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


def test_every_argument_of_every_component_is_explained() -> None:
    for (kind, name), entry in catalogue().items():
        assert entry.summary, f"{kind} {name} has no docstring"
        for parameter in entry.parameters:
            assert parameter.doc, f"{kind} {name}: {parameter.name} has no line under Args"


def test_help_follows_overrides_and_options_stand_anywhere(genus_says: Says) -> None:
    said = genus_says("train", "vae", "model.latent=3", "--data", "digits8", "train.length=7", "--help").out
    assert said.startswith("usage: genus train vae")
    shown = dict(line.split()[:2] for line in said.splitlines()[2:])
    assert (shown["model.latent"], shown["data.name"], shown["train.length"]) == ("3", "digits8", "7")
    assert genus_says("train", "train.length=7", "--help").out.startswith("usage: genus train default")


def test_list(genus_says: Says) -> None:
    found = json.loads(genus_says("list", "--json").out)
    assert found == genus.list_components("recipes")
    assert set(found) == set(recipe_files())
    assert all(found.values())
    for kind in ("models", "networks", "objectives", "penalties", "conditioning", "data", "metrics", "lab"):
        names = [line.split()[0] for line in genus_says("list", kind).out.splitlines()]
        assert names == list(genus.list_components(kind)) != []


def test_show(genus_says: Says) -> None:
    said = genus_says("show", "wgan-gp", "model.penalties.0.weight=5").out
    config = genus.show("wgan-gp").config
    assert said.startswith(f"wgan-gp: {config['summary']}\n")
    assert config["paper"] in said
    assert config["equation"] in said
    [line] = [line for line in said.splitlines() if line.startswith("model.penalties.0.weight")]
    assert line.split()[1] == "5.0"


def test_data_info(genus_says: Says) -> None:
    said = genus_says("data", "info", "digits8", "holdout=0.5").out
    assert "image 1×8×8, 17 levels in [0, 1], 10 classes" in said
    assert "899 examples" in said
    assert "holdout: 0.5" in said
    info = json.loads(genus_says("data", "info", "digits8", "--json", "holdout=0.5").out)
    assert info["splits"]["train"]["examples"] == 899
    assert info == json.loads(json.dumps(genus.data_info("digits8", {"holdout": 0.5})))


def test_no_module_hides_a_public_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(genus.__path__)}
    assert not modules & set(genus.__all__)  # importing genus.x would replace the function genus.x
