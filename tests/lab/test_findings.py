"""What experiments return."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from genus.core.errors import InputError
from genus.lab.findings import Check, Findings
from tests.terminal import Result

Says = Callable[..., Result]


def _nothing(figure: Figure) -> None:
    figure.subplots()


def test_relations_of_checks() -> None:
    def holds(value: float, expected: float, **options: object) -> bool:
        return Check(name="", value=value, expected=expected, **options).holds  # type: ignore[arg-type]

    assert holds(1.0, 1.1, tolerance=0.2)
    assert not holds(1.0, 1.3, tolerance=0.2)
    assert holds(1.0, 1.3, relation="≤")
    assert not holds(1.4, 1.3, relation="≤")
    assert holds(1.4, 1.3, relation="≥")
    assert not holds(1.0, 1.3, tolerance=0.2, relation="≥")
    assert holds(math.inf, math.inf)
    assert not any(holds(math.nan, 0.0, tolerance=1.0, relation=sign) for sign in ("=", "≤", "≥"))


def test_json_is_strict_and_keeps_infinities() -> None:
    numbers = {"a": np.array([1.0, np.inf]), "b": {"c": np.float64("nan"), "d": (np.int64(3), "x")}}
    findings = Findings(numbers=numbers, checks=[], draw=_nothing, name="e", options={"k": None})
    assert json.loads(findings.to_json(), parse_constant=pytest.fail) == {
        "experiment": "e",
        "options": {"k": None},
        "numbers": {"a": [1.0, "inf"], "b": {"c": "nan", "d": [3, "x"]}},
        "checks": [],
    }


def test_files_are_written_once(tmp_path: Path) -> None:
    findings = Findings(numbers={}, checks=[], draw=_nothing, name="e")
    picture, numbers = findings.save(tmp_path / "new" / "e")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads(numbers.read_text())["experiment"] == "e"
    with pytest.raises(InputError, match="exists and is not empty"):
        findings.save(tmp_path / "new" / "e")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="exists and is not empty"):
        findings.save(tmp_path / "file")
    with pytest.raises(InputError, match="cannot write"):
        findings.save(tmp_path / "file" / "below")
