"""What the command line says: help, lists, and mistakes that teach."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import genus
from genus.cli.console import plain
from genus.cli.parameters import parameters_of
from genus.core.command import commands
from genus.core.registry import catalogue
from tests.terminal import Result

Says = Callable[..., Result]


HEAVY = {"torch", "numpy", "scipy", "matplotlib", "sklearn", "lightning_fabric"}


def imported_by(lines: list[str]) -> list[set[str]]:
    """Modules that are loaded after each of these command lines, in one fresh process."""
    script = """
import contextlib, io, sys
from genus.cli.main import main
for line in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with contextlib.suppress(SystemExit):
            main(line.split())
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script, *lines], capture_output=True, text=True, check=True)
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_nothing_heavy_is_imported_before_there_is_work() -> None:
    lines = ["--help", "list", "list recipes", "list objectives", "show vae", "show wgan-gp train.batch=3"]
    lines += ["train --help", "train vae --help", "train vae modle=3"]
    lines += ["lab", "lab game --help", "lab game gama=3", "resume nowhere"]
    loaded = imported_by(lines)
    assert [modules & HEAVY for modules in loaded] == [set()] * len(lines)


def test_help_imports_no_command() -> None:
    (modules,) = imported_by(["--help"])
    assert not {"pydantic", "yaml", "tyro"} & modules
    assert not {entry.module for entry in commands().values()} & modules


def test_help_names_every_command(genus_says: Says) -> None:
    result = genus_says("--help")
    assert result.code == 0
    lines = result.out.splitlines()
    for name, entry in commands().items():
        assert any(line.startswith(f"{name} ") and plain(entry.summary) in line for line in lines), name


@pytest.mark.parametrize("name", commands())
def test_every_command_explains_itself(genus_says: Says, name: str) -> None:
    result = genus_says(*name.split(), "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: genus {name}")
    for word in ("STR", "None", ":func:", "``", "in Python"):
        assert word not in result.out
    for parameter in parameters_of(commands()[name].load()):
        assert parameter.doc, f"{parameter.name} has no line under Args"
        assert parameter.metavar in result.out
        assert parameter.positional or parameter.options[0] in result.out or len(parameter.name) == 1


def test_help_shows_how_to_write_a_command(genus_says: Says) -> None:
    usage = "usage: genus train [RECIPE] [key=value …] [--data NAME|PATH] [--out RUN]"
    assert genus_says("train", "--help").out.splitlines()[0] == usage
    assert genus_says("data", "info", "--help").out.startswith(
        "usage: genus data info NAME|PATH [key=value …]"
    )
    assert genus_says("compare", "-h").out.startswith("usage: genus compare RUN … [--features NAME|FILE]")
    said = genus_says("sample", "--help").out
    assert said.startswith("usage: genus sample RUN [-n N] [--label CLASS]")
    assert said.count("-n N") == 2  # in the line of usage, and in its own
    assert "how many, at least 1. (default: 64)" in said
    assert "[--no-samples]" in genus_says("doctor", "--help").out
    group = genus_says("features", "--help").out
    assert "features export" in group
    assert "evaluate" not in group.split("features", 1)[0]


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
    ("sample nowhere -n", "Missing value for argument '-n/--n'"),
    ("sample nowhere -n many", "invalid literal for int()"),
    ("sample nowhere elsewhere", "'elsewhere' is one word too many; see genus sample --help"),
    ("sample nowhere --checkpoint newest", "invalid choice 'newest' for argument '--checkpoint'"),
    ("evaluate nowhere --metrics frechte", "did you mean 'frechet'?"),
    ("truncate nowhere --at low,high", "--at low,high: give numbers separated by commas"),
    ("redraw nowhere --size 100", "give height and width in pixels, such as 100x300"),
    ("lab game out=x", "write it as an option, --out x"),
    ("show veterinarian", "unknown recipe 'veterinarian'"),
    ("list modles", "did you mean 'models'?"),
    ("data info digist8", "did you mean 'digits8'?"),
    ("data info digits8 holdot=0.2", "did you mean 'holdout'?"),
    ("data show digits8", "there is no command 'data show'; did you mean 'data info'?"),
    ("features", "there is no command 'features'; known: features export, features train"),
    ("lab gmae", "did you mean 'game'?"),
    ("lab game gama=3", "did you mean 'gamma'?"),
    ("sample nowhere", "'nowhere' is not a run"),
    ("evaluate nowhere", "'nowhere' is not a run"),
    ("report nowhere", "'nowhere' is not a run"),
    ("resume nowhere", "'nowhere' is not a run"),
    ("compare nowhere elsewhere", "'nowhere' is not a run"),
    ("compare nowhere", "compare needs two or more runs"),
    ("sample", "folder of the run"),
    ("", "name a command; genus --help lists them"),
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


def test_version(genus_says: Says) -> None:
    assert genus_says("--version").out == genus.__version__ + "\n"


def test_every_argument_of_every_component_is_explained() -> None:
    for (kind, name), entry in catalogue().items():
        assert entry.summary, f"{kind} {name} has no docstring"
        for parameter in entry.parameters:
            assert parameter.doc, f"{kind} {name}: {parameter.name} has no line under Args"


def test_no_module_hides_a_public_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(genus.__path__)}
    assert not modules & set(genus.__all__)  # importing genus.x would replace the function genus.x
