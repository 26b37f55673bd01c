"""Source files: parsed when needed, with components as a whole reading finds them."""

from __future__ import annotations

import ast
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genus.core.annotations import definition
from genus.core.registry import catalogue, component, components, forget_components
from genus.core.source_files import collector_paused, source_files

MARKED = "from genus.core.registry import objective\n\n@objective('x')\n".replace("'", '"')


def test_files_know_their_modules_and_are_parsed_when_asked() -> None:
    forget_components()
    files = {file.module: file for file in source_files(("verbs", "core"))}
    file = files["genus.core.errors"]
    assert "body" not in vars(file)
    assert any(isinstance(node, ast.ClassDef) and node.name == "GenusError" for node in file.body)
    assert "genus.verbs" in files
    assert [node.name for node in files["genus.core.errors"].functions()] == ["nearest"]


def test_one_component_is_read_as_among_all_and_from_few_files() -> None:
    forget_components()
    component("model", "vae")
    files = source_files(("networks", "objectives", "models", "training", "data", "metrics", "lab"))
    parsed = [file.module for file in files if "body" in vars(file)]
    assert 0 < len(parsed) < 10, parsed
    for (kind, name), entry in catalogue().items():
        assert component(kind, name) == entry
        assert components(kind)[name] == entry


def test_a_definition_is_found_through_imports() -> None:
    found = definition("genus.models.adversarial.auxiliary_heads", "DataConditioning")
    assert found is not None
    assert found[0] == "genus.models.adversarial.conditioning_base"
    assert definition("genus.models.adversarial.auxiliary_heads", "Tensor") is None, "of another package"
    assert definition("genus.no.such.module", "Anything") is None


def test_the_collector_is_left_as_it_was() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("value", "files", "reason"),
    [
        ("absent", {}, "which is not installed"),
        ("absent.part", {}, "ModuleNotFoundError"),
        ("plug.part", {"plug/__init__.py": "1 / 0\n", "plug/part.py": ""}, "ZeroDivisionError"),
        ("plug", {"plug.py": f"{MARKED}def (:\n"}, "SyntaxError"),
        ("plug", {"plug.py": f"{MARKED}\0"}, "null bytes"),
        ("plug", {"plug.py": MARKED.encode() + b"# \xff"}, "UnicodeDecodeError"),
        ("plug", {"plug.py": f"{MARKED}def x(a, b, *, c=open('f')): ..."}, "must be a literal"),
        ("plug", {"plug.py": MARKED.replace(")", ", paper=f())") + "def x(a, b): ..."}, "malformed node"),
    ],
)  # fmt: skip
def test_a_broken_plug_in_is_named_and_left_out(
    value: str, files: dict[str, str | bytes], reason: str, tmp_path: Path
) -> None:
    info = {"METADATA": "Metadata-Version: 2.1\nName: plug\nVersion: 1\n",
            "entry_points.txt": f"[genus.plugins]\nplug = {value}\n"}  # fmt: skip
    for name, text in {**{f"plug-1.dist-info/{n}": t for n, t in info.items()}, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for words in ("list objectives", "show default"):
        done = subprocess.run(
            [sys.executable, "-m", "genus", *words.split()],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        if words.startswith("list") or "part" in value:  # else no command needs the file
            assert "plug" in done.stderr
            assert "left out" in done.stderr
            assert reason in done.stderr
        assert "PluginWarning" not in done.stdout
