"""Every page "add a …" is followed to the letter: its plug-in is installed, its commands are run."""

from __future__ import annotations

import os
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import PROGRAMS, REPOSITORY, agrees, files, steps

ADD_PAGES = sorted((REPOSITORY / "docs").glob("add-a-*.md"))


def test_there_are_pages() -> None:
    assert len(ADD_PAGES) >= 5


TRAINS = {"add-a-model", "add-a-suite"}
"""Pages whose commands take minutes on a busy core."""
PAGES = [pytest.param(page, marks=pytest.mark.slow if page.stem in TRAINS else ()) for page in ADD_PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_works_as_printed(page: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "my-plugin"
    for name, text in files(page).items():
        (plugin / name).parent.mkdir(parents=True, exist_ok=True)
        (plugin / name).write_text(text, encoding="utf-8")
    (tmp_path / "genus").symlink_to(REPOSITORY)  # the checkout beside the plug-in
    environment = {**os.environ, "PYTHONPATH": str(plugin), "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    todo = steps(page)
    if (plugin / "pyproject.toml").is_file():  # code; a page on YAML needs no plug-in
        (plugin / "my_plugin" / "__init__.py").touch()
        first, *todo = todo
        assert [first.text, todo[0].text] == ["pip install -e .", "pytest tests"]
        _install(plugin)
    for step in todo:
        program, *arguments = shlex.split(step.text)
        done = subprocess.run(
            [*PROGRAMS[program], *arguments],
            cwd=plugin,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"$ {step.text}\n{done.stdout}\n{done.stderr}"
        if program == "pytest":
            assert " passed" in done.stdout, f"$ {step.text}\n{done.stdout}"
        assert agrees(step.output, done.stdout), f"$ {step.text}\n{done.stdout}"


def _install(plugin: Path) -> None:
    """What ``pip install -e .`` leaves behind, without asking a package index for a build tool."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [(group, entries)] = project["entry-points"].items()
    folder = plugin / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    folder.mkdir()
    name = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\n{name}")
    lines = "".join(f"{key} = {value}\n" for key, value in entries.items())
    (folder / "entry_points.txt").write_text(f"[{group}]\n{lines}")
