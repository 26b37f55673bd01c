"""The ledger's page and its kept results: docs/ledger/*.json and *.txt make docs/ledger.md.

``python scripts/ledger_table.py`` writes the page; ``python scripts/ledger_table.py add RUN … --family F``
adds a row from evaluated runs of one recipe, one per seed, and writes the page anew.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import genus
from genus.core.recipe_text import recipe_files
from genus.metrics.evaluate import Evaluation
from genus.training.run import Run

PAGE = Path(__file__).parents[1] / "docs" / "ledger.md"
FOLDER = PAGE.with_suffix("")
SHARED = ("seeds", "cost", "machine", "date", "command")
"""Columns that stand above the table when all its rows agree."""

Number = float | list[float] | dict[str, float] | None


@dataclass(frozen=True)
class Row:
    """One result.

    Args:
        what: what was measured, as Markdown.
        command: the line that measures it; ``RUN`` is the folder of the run that it trains.
        seeds: of the trainings (``train.seed``); empty where nothing is trained.
        machine: processor and number format.
        date: when it was recorded, YYYY-MM-DD.
        cost: time of one training, with its unit.
        note: at most one sentence.
        numbers: by column, one entry for each seed: a number, ``[value, low, high]`` of its 95 % interval,
            or None where it was not measured; or one entry for all seeds, ``{mean, half, sampling}`` (half
            widths over trainings, and over samples).
    """

    what: str
    command: str
    seeds: list[int]
    machine: str
    date: str
    cost: str
    note: str
    numbers: dict[str, list[Number]]


@dataclass(frozen=True)
class Family:
    """Results that stand in one table.

    Args:
        title: heading of its section.
        order: place of the section on the page; smaller numbers come first.
        rows: the results.
    """

    title: str
    order: int
    rows: list[Row]


def read_family(path: Path) -> Family:
    """A family from its file; unknown and missing fields are errors."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    return Family(**{**fields, "rows": [Row(**row) for row in fields["rows"]]})


def write_family(path: Path, family: Family) -> None:
    """Write a family with one line for each field and each column."""
    rows = ",\n".join(_row_text(row) for row in family.rows)
    head = f' "title": {_json(family.title)},\n "order": {family.order},\n "rows": [\n'
    path.write_text(f"{{\n{head}{rows}\n ]\n}}\n", encoding="utf-8")


def page(folder: Path = FOLDER) -> str:
    """The whole page: introduction, families in order, what falls short."""
    families = {path.stem: read_family(path) for path in folder.glob("*.json")}
    parts = ["# Ledger", _text(folder / "introduction.txt")]
    for name, family in sorted(families.items(), key=lambda item: item[1].order):
        parts += [f"## {family.title}", *table(family.rows)]
        if (folder / f"{name}.txt").is_file():
            parts.append(_text(folder / f"{name}.txt"))
    parts += ["## What falls short", _text(folder / "what-falls-short.txt")]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Row]) -> Iterator[str]:
    """What all rows share, as a sentence; then the table of the rest."""
    cells = [
        {**_numbers(row), **{name: _shared_cell(row, name) for name in SHARED}, "note": row.note}
        for row in rows
    ]
    columns = [
        name for name in dict.fromkeys(name for one in cells for name in one) if name not in (*SHARED, "note")
    ]
    alike = [name for name in SHARED if len({one[name] for one in cells}) == 1]
    said = [f"{name} {cells[0][name]}" for name in alike if cells[0][name]]
    if said:
        yield "Each row: " + "; ".join(said) + "."
    columns += [name for name in (*SHARED, "note") if name not in alike and any(one[name] for one in cells)]
    lines = [["what", *columns], ["---"] * (len(columns) + 1)]
    lines += [
        [row.what, *(one.get(name) or "–" for name in columns)] for row, one in zip(rows, cells, strict=True)
    ]
    yield "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number_text(number: Number) -> str:
    """A number with its interval or its half widths.

    >>> number_text([0.25, 0.21, 0.29]), number_text({"mean": 8.0, "half": 0.5, "sampling": 0.1})
    ('0.25 [0.21, 0.29]', '8.0 ± 0.5 (0.1)')
    """
    if number is None:
        return "–"
    if isinstance(number, list):
        value, low, high = number
        return f"{value} [{low}, {high}]"
    if isinstance(number, dict):
        half = f" ± {number['half']}" if "half" in number else ""
        sampling = f" ({number['sampling']})" if "sampling" in number else ""
        return f"{number['mean']}{half}{sampling}"
    return str(number)


def row_of(runs: Sequence[Path], what: str, note: str = "") -> Row:
    """A row from evaluated runs of one recipe with the same settings.

    Raises:
        SystemExit: when a run is not evaluated, or the runs differ in more than their seeds.
    """
    scores, seeds, seconds, commands = [], [], [], set[str]()
    for path in runs:
        if not (path / "evaluation.json").is_file():
            raise SystemExit(f"{path} is not evaluated: genus evaluate {path}")
        run = Run(path)
        evaluation = Evaluation.from_json((path / "evaluation.json").read_text(encoding="utf-8"))
        scores.append({score.name: score for score in evaluation.scores})
        seeds.append(run.recipe.train.seed)
        seconds.append(max(line.get("cpu_seconds", line["seconds"]) for line in run.log_lines()))
        commands.add(_command(run))
    if len(commands) > 1:
        raise SystemExit("the runs differ in more than their seeds: " + ", ".join(sorted(commands)))
    numbers: dict[str, list[Number]] = {}
    for name in dict.fromkeys(name for one in scores for name in one):
        found = [one.get(name) for one in scores]
        numbers[name] = [
            score and [_short(v) for v in (score.value, score.low, score.high)] for score in found
        ]
    low, high = min(seconds), max(seconds)
    cost = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"
    machine = platform.processor() or platform.machine()
    today = date.today().isoformat()
    return Row(what, commands.pop(), seeds, machine, today, f"{cost} CPU seconds", note, numbers)


def _command(run: Run) -> str:
    recipe = run.recipe
    name, settings = run.name, list[str]()
    if name in recipe_files():
        own = genus.show(name).config
        for part in ("model", "optimizer", "data", "train"):
            settings += _differences(part, own[part], recipe.config[part])
    words = [name, *(word for word in settings if not word.startswith("train.seed="))]
    return f"genus train {shlex.join(words)} && genus evaluate RUN"


def _differences(key: str, old: Any, new: Any) -> Iterator[str]:
    """Overrides that turn one part of a recipe into another."""
    alike = isinstance(old, Mapping) and isinstance(new, Mapping) and set(old) <= set(new)
    if alike and old.get("name") == new.get("name"):
        for name, value in new.items():
            yield from _differences(f"{key}.{name}", old.get(name), value)
    elif old != new:
        plain = _without_folders(new)
        yield f"{key}={plain if isinstance(plain, str) else _json(plain)}"


def _without_folders(value: Any) -> Any:
    """The value with the last part of each absolute path: folders of this machine say nothing to others."""
    if isinstance(value, Mapping):
        return {key: _without_folders(one) for key, one in value.items()}
    return Path(value).name if isinstance(value, str) and value.startswith("/") else value


def _row_text(row: Row) -> str:
    fields = asdict(row)
    numbers = ",\n".join(f"    {_json(key)}: {_json(value)}" for key, value in fields.pop("numbers").items())
    lines = ",\n".join(f"   {_json(key)}: {_json(value)}" for key, value in fields.items())
    return f'  {{\n{lines},\n   "numbers": {{\n{numbers}\n   }}\n  }}'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _numbers(row: Row) -> dict[str, str]:
    return {name: "; ".join(number_text(one) for one in values) for name, values in row.numbers.items()}


def _shared_cell(row: Row, name: str) -> str:
    if name == "command":
        return f"`{row.command}`"
    return "; ".join(map(str, row.seeds)) if name == "seeds" else getattr(row, name)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action")
    adding = actions.add_parser("add", help="add a row from evaluated runs of one recipe")
    adding.add_argument("runs", nargs="+", type=Path)
    adding.add_argument("--family", required=True, help="a file of docs/ledger without .json")
    adding.add_argument("--what", help="the recipe's name by default")
    adding.add_argument("--note", default="", help="at most one sentence")
    words = parser.parse_args()
    if words.action == "add":
        path = FOLDER / f"{words.family}.json"
        if not path.is_file():
            parser.error("--family is one of " + ", ".join(sorted(one.stem for one in FOLDER.glob("*.json"))))
        family = read_family(path)
        row = row_of(words.runs, words.what or f"`{Run(words.runs[0]).name}`", words.note)
        write_family(path, replace(family, rows=[*family.rows, row]))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
