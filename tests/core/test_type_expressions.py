"""Types as text are built from allowed names, and nothing in the text runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

import genus
from genus.core.binder import coerce
from genus.core.errors import GenusError
from genus.core.type_expressions import type_of

NAMES = {"int": int, "str": str, "tuple": tuple, "Sequence": Sequence, "Literal": Literal, "Any": Any}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", int),
        ("None", None),
        ("int | str | None", int | str | None),
        ("Sequence[int | str] | None", Sequence[int | str] | None),
        ("tuple[int, str]", tuple[int, str]),
        ("Literal['a', -1, None]", Literal["a", -1, None]),
        ("Any", Any),
    ],
)
def test_types_are_those_of_python(text: str, expected: Any) -> None:
    assert type_of(text, NAMES) == expected


@pytest.mark.parametrize(
    "text",
    ["(lambda: int)()", "int.__class__", "float", "int if 1 else str", "int +", "int & str", "int | 'str'"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(GenusError, match="is not understood"):
        type_of(text, NAMES)


def test_no_annotation_of_a_component_runs_code(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(GenusError):
        coerce(1, f"__import__('pathlib').Path({str(marker)!r}).touch() or int", "a")
    assert not marker.exists()


def test_the_tree_has_no_eval() -> None:
    root = Path(genus.__file__).parent
    found = [
        path for path in root.rglob("*.py") if re.search(r"(?<![\w.])(eval|exec)\(", path.read_text("utf-8"))
    ]
    assert found == []
