"""The page shows a whole plug-in; here it is installed and used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "add-a-dataset.md"

USED = """
from genus.data.info import data_info

def test_the_name_and_its_arguments_work():
    info = data_info("bars", {"size": 6})
    assert info["spec"] == "image 1×6×6, 256 levels in [0, 1], 2 classes"
    assert info["splits"]["train"]["examples"] == 1800
    assert "size: 6" in info["recipe"]
"""


def test_the_plug_in_of_the_page_works_as_printed(tmp_path) -> None:
    blocks = re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    files = dict(blocks)
    assert set(files) == {"my_plugin/data.py", "tests/test_bars.py", "pyproject.toml"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "my_plugin" / "__init__.py").touch()
    [(group, entries)] = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"].items()
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    metadata = tmp_path / "my_plugin-0.1.dist-info"  # what pip install leaves behind
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugin\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    (tmp_path / "tests" / "test_installed.py").write_text(USED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
