"""What the documentation says is true: commands parse or run, links lead somewhere, tables are of today."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripts.recipe_table import README, with_table

from tests.docs.pages import PAGES, REPOSITORY, Step, agrees, bind, steps

OTHERS = [page for page in PAGES if not page.name.startswith("add-a-")]  # those have a test of their own
COMMANDS = [(page.stem, step) for page in OTHERS for step in steps(page) if step.language == "console"]
SAFE_PAGES = [page for page in OTHERS if any(step.safe for step in steps(page))]


def test_the_table_of_recipes_is_of_today() -> None:
    text = README.read_text(encoding="utf-8")
    assert "| `vae` |" in text
    assert text == with_table(text), "run: python scripts/recipe_table.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


def test_files_that_are_named_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"`((?:src|tests|scripts|docs)/[\w/.-]+)`", page.read_text(encoding="utf-8")):
            assert (REPOSITORY / name).exists(), f"{page.name}: {name}"


@pytest.mark.parametrize(("page", "step"), COMMANDS, ids=[f"{page}: {step.text}" for page, step in COMMANDS])
def test_commands_parse(page: str, step: Step) -> None:
    words = shlex.split(step.text)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (REPOSITORY / "Makefile").read_text(), re.M)
    elif words[0] == "torchrun":
        bind(words[words.index("genus") + 1 :])
    elif words[0] == "genus":
        bind(words[1:])
    else:
        assert words[0] in ("pip", "python3", ".", "pytest", "ruff"), f"{page}: {step.text}"


@pytest.mark.parametrize("page", SAFE_PAGES, ids=lambda page: page.stem)
def test_marked_blocks_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, genus_says: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    names: dict[str, Any] = {}
    for step in steps(page):
        if step.safe and step.language == "python":
            exec(compile(step.text, str(page), "exec"), names)
        elif step.safe:
            program, *words = shlex.split(step.text)
            assert program == "genus"
            said = genus_says(*words)
            assert said.code == 0, said.err
            assert agrees(step.output, said.out), f"$ {step.text}\n{said.out}"
