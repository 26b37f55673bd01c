"""The ledger is what its script makes of the kept results; each result is complete and can be repeated."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from scripts.ledger_table import (
    FOLDER,
    PAGE,
    Family,
    Row,
    number_text,
    page,
    read_family,
    row_of,
    table,
    write_family,
)

import genus
from tests.docs.pages import REPOSITORY, bind

FAMILIES = {path.stem: read_family(path) for path in sorted(FOLDER.glob("*.json"))}
ROWS = [(name, row) for name, family in FAMILIES.items() for row in family.rows]
COMMANDS = sorted({part.strip() for _, row in ROWS for part in row.command.split("&&")})
SCREEN = 40
"""Lines of prose that a family may have."""


def test_the_page_is_of_today() -> None:
    assert len(ROWS) > 100
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python scripts/ledger_table.py"


@pytest.mark.parametrize("name", FAMILIES)
def test_files_are_as_the_script_writes_them(name: str, tmp_path: Path) -> None:
    write_family(tmp_path / "again.json", FAMILIES[name])
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == (tmp_path / "again.json").read_text(
        encoding="utf-8"
    )


def test_each_row_is_complete() -> None:
    for name, row in ROWS:
        where = f"{name}: {row.what}"
        assert all((row.what, row.command, row.machine, row.cost, row.numbers)), where
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row.date), where
        assert not re.search(r"\. [A-Z]", row.note), f"{where}: at most one sentence"
        for values in row.numbers.values():
            assert len(values) in (1, len(row.seeds)), where
            for one in values:
                if isinstance(one, list):
                    value, low, high = one
                    assert low <= value <= high, where


def test_prose_is_at_most_a_screen() -> None:
    for path in FOLDER.glob("*.txt"):
        assert path.stem in {*FAMILIES, "introduction", "what-falls-short"}
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= SCREEN, path.name
        assert max(map(len, lines)) <= 110, path.name


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_valid(command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (REPOSITORY / "Makefile").read_text(), re.M)
    elif program == "python":
        flag, module, *_ = words
        assert flag == "-m"
        assert (REPOSITORY / f"{module.replace('.', '/')}.py").is_file()
    else:
        assert program == "genus"
        bind(words)
        if words[0] == "bench":
            assert words[1] in genus.list_components("suites")


def test_what_rows_share_stands_above_the_table() -> None:
    rows = [
        Row("a", "genus train a", [0, 1], "CPU", "2026-01-02", "3 s", "", {"loss": [1.5, [2.0, 1.0, 3.0]]}),
        Row("b", "genus train b", [0, 1], "CPU", "2026-01-02", "3 s", "slow", {"loss": [None, 4]}),
    ]
    assert list(table(rows)) == [
        "Each row: seeds 0; 1; cost 3 s; machine CPU; date 2026-01-02.",
        "| what | loss | command | note |\n| --- | --- | --- | --- |\n"
        "| a | 1.5; 2.0 [1.0, 3.0] | `genus train a` | – |\n"
        "| b | –; 4 | `genus train b` | slow |",
    ]


def test_numbers() -> None:
    assert number_text({"mean": 1.16, "half": 0.3, "sampling": 0.1}) == "1.16 ± 0.3 (0.1)"
    assert number_text({"mean": 10}) == "10"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("ledger")
    runs = []
    for seed in (0, 1):
        settings = ["model.components=3", "train.length=2", f"train.seed={seed}"]
        run = genus.train("gmm", data="digits8", overrides=settings, out=folder / str(seed))
        found = genus.evaluate(run, n=100, metrics=["frechet"])
        (folder / str(seed) / "evaluation.json").write_text(found.to_json(), encoding="utf-8")
        runs.append(folder / str(seed))
    return runs


def test_a_row_of_evaluated_runs(evaluated: list[Path], tmp_path: Path) -> None:
    row = row_of(evaluated, "three Gaussians", "small")
    assert row.seeds == [0, 1]
    assert row.command == (
        'genus train gmm model.components=3 \'data={"name": "digits8", "holdout": 0.1}\' train.length=2'
        " && genus evaluate RUN"
    )
    assert row.cost.endswith("CPU seconds")
    first: Any = row.numbers["frechet"][0]
    value, low, high = first
    assert low < value < high
    write_family(tmp_path / "f.json", Family("Title", 1, [row]))
    assert read_family(tmp_path / "f.json").rows == [row]


def test_runs_that_differ_are_no_row(evaluated: list[Path], tmp_path: Path) -> None:
    run = genus.train("gmm", data="digits8", overrides=["train.length=1"], out=tmp_path / "other")
    with pytest.raises(SystemExit, match="not evaluated"):
        row_of([tmp_path / "other"], "other")
    found = genus.evaluate(run, n=100, metrics=["frechet"])
    (tmp_path / "other" / "evaluation.json").write_text(found.to_json(), encoding="utf-8")
    with pytest.raises(SystemExit, match="more than their seeds"):
        row_of([evaluated[0], tmp_path / "other"], "both")
