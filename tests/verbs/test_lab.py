"""``genus lab``: what it writes, lists and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import genus
from genus.core.registry import components
from tests.terminal import Result

Says = Callable[..., Result]


def test_the_command_writes_what_it_prints(
    genus_says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = genus_says("lab", "earth-mover", "power=2")
    assert said.code == 0, said.err
    assert "figure: lab/earth-mover-1/earth-mover.png" in said.out
    kept = json.loads(Path("lab/earth-mover-1/earth-mover.json").read_text())
    assert kept["options"]["power"] == 2
    assert kept["numbers"]["work"] == pytest.approx(9, abs=1e-9)  # 1 + 1 + 1 + 4 + 1 + 1, in order of places
    assert Path("lab/earth-mover-1/earth-mover.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(genus_says("lab", "earth-mover", "--json").out) == json.loads(
        Path("lab/earth-mover-2/earth-mover.json").read_text()
    )
    said = genus_says("lab", "earth-mover", "--out", "lab/earth-mover-1")
    assert said.code == 2
    assert "choose another --out" in said.err


def test_lists_and_help(genus_says: Says) -> None:
    listed = genus_says("lab").out
    assert listed == genus_says("list", "lab").out
    assert [line.split()[0] for line in listed.splitlines()] == list(components("lab"))
    for name, entry in components("lab").items():
        shown = genus_says("lab", name, "--help").out
        assert shown.startswith(f"usage: genus lab {name} ")
        words = [line.split() for line in shown.splitlines()]
        for parameter in entry.parameters:
            [line] = [line for line in words if line and line[0] == parameter.name]
            assert len(line) > 2, f"{name}: {parameter.name}"


@pytest.mark.parametrize(
    ("words", "lesson"),
    [
        ("lab earth-moved", "there is no experiment 'earth-moved'; did you mean 'earth-mover'?"),
        ("lab earth-mover pwoer=2", "takes no 'pwoer'; did you mean 'power'?"),
        ("lab earth-mover name=2", "takes no 'name'"),
        ("lab earth-mover power=high", "earth-mover.power: Input should be a valid number"),
        ("lab earth-mover power", "write key.path=value"),
        ("lab earth-mover power=0", "must be above 0"),
        ("lab earth-mover source=[1,1]", "give as many in both"),
        ("lab earth-mover source=[1,1,1,1]", "earth is moved, not made"),
        ("lab earth-moved --help", "did you mean 'earth-mover'?"),
    ],
)
def test_a_mistake_is_explained(
    genus_says: Says, words: str, lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = genus_says(*words.split())
    assert result.code == 2
    assert lesson in result.err
    assert not list(tmp_path.iterdir())


def test_options_are_written_out() -> None:
    assert genus.experiment_options("earth-mover", {"source": [1]})["source"] == [1.0]
    assert set(genus.experiment_options("earth-mover")) == {"source", "target", "power", "blurs"}
