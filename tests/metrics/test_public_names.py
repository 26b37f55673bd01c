"""`from genus.metrics import …` gives functions, and costs nothing before."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from genus import metrics

FOLDER = Path(metrics.__file__).parent


@pytest.mark.parametrize("name", dir(metrics))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(metrics, name)
    assert inspect.isfunction(found) or inspect.isclass(found)
    assert inspect.getdoc(found)
    assert not (FOLDER / f"{name}.py").exists(), "a file of that name would take the function's place"


def test_what_checkers_are_told_is_what_there_is() -> None:
    tree = ast.parse((FOLDER / "__init__.py").read_text())
    conditioned = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert conditioned - {"annotations", "import_module", "TYPE_CHECKING", "Any"} == set(dir(metrics))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        metrics.nonsense  # noqa: B018


def test_the_package_alone_imports_neither_torch_nor_numpy() -> None:
    code = "import sys, genus.metrics; print({'torch', 'numpy', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
