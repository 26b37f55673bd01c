"""Commands: found by their decorators, without being imported."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import genus
from genus.core import command
from genus.core.command import commands, find_command, public_functions
from genus.core.errors import GenusError
from genus.core.registry import forget_components

PLUGIN = '''
from genus.core.command import command

def _say(call, *, loud: bool = False):
    """Say it.

    Args:
        loud: in capitals.
    """
    text = call()
    print(text.upper() if loud else text)

@command("{name}", show=_say)
def greet(name: str, *, greeting: str = "hello") -> str:
    """Greet someone.

    Args:
        name: whom.
        greeting: a word.
    """
    return f"{{greeting}} {{name}}"
'''


def forget() -> None:
    forget_components()
    commands.cache_clear()
    public_functions.cache_clear()


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose module ``my_commands`` is an installed plug-in."""
    monkeypatch.syspath_prepend(tmp_path)
    entry = importlib.metadata.EntryPoint("mine", "my_commands", "genus.plugins")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [entry])
    forget()
    yield tmp_path
    monkeypatch.undo()
    sys.modules.pop("my_commands", None)
    forget()


def test_each_file_of_verbs_holds_the_commands_of_its_name() -> None:
    folder = Path(command.__file__).parents[1] / "verbs"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == {name.split()[0] for name in commands()}
    for name, entry in commands().items():
        assert entry.module == f"genus.verbs.{name.split()[0]}"
        loaded = entry.load()
        assert loaded.name == name
        assert loaded.function.__name__ == entry.attribute
        assert (loaded.function.__doc__ or "").startswith(entry.summary)
        assert entry.summary.endswith((".", "…"))


def test_a_command_is_found_by_its_name_as_among_all() -> None:
    for name, entry in commands().items():
        assert find_command(name) == entry
    assert find_command("") is None
    assert find_command("features") is None


def test_public_functions_are_those_of_the_files() -> None:
    assert public_functions()["evaluate"] == "genus.verbs.evaluate"
    assert public_functions()["experiment_options"] == "genus.verbs.lab"
    assert not [name for name in public_functions() if name.startswith("_")]
    assert {entry.attribute for entry in commands().values()} <= set(public_functions())
    assert set(genus.__all__) == {*public_functions(), "GenusError", "load"}
    assert set(genus.__all__) <= set(dir(genus))
    for name in genus.__all__:
        assert callable(getattr(genus, name))
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        genus.evalute  # noqa: B018


def test_a_plug_in_brings_a_command(plugged: Path, genus_says) -> None:
    (plugged / "my_commands.py").write_text(PLUGIN.format(name="greet"))
    assert find_command("greet") == commands()["greet"]
    assert commands()["greet"].summary == "Greet someone."
    assert "greet" not in genus.__all__
    assert genus_says("greet", "you", "--loud").out == "HELLO YOU\n"
    assert genus_says("greet", "--greeting=good day", "you").out == "good day you\n"
    said = genus_says("greet", "--help").out
    assert said.startswith("usage: genus greet TEXT [--greeting TEXT] [--loud]\n")
    assert genus_says("greet").code == 2


def test_two_commands_of_one_name_are_refused(plugged: Path) -> None:
    (plugged / "my_commands.py").write_text(PLUGIN.format(name="train"))
    both = re.escape("two commands are called 'train': genus.verbs.train and my_commands; rename one")
    for read in (commands, lambda: find_command("train")):
        with pytest.raises(GenusError, match=both):
            read()
