"""``doctor.jsonl``: looks, findings and treatments, one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genus.training.durable import write_text, writing
from genus.training.run_files import read_lines

NAME = "doctor.jsonl"


def read_record(path: Path) -> Iterator[dict[str, Any]]:
    """Lines of the record; what is no line of it, as after a crash, is passed over."""
    return read_lines(path, "iteration")


def rewind_record(path: Path, iteration: int) -> None:
    """Drop what was written after an iteration, before training continues from there."""
    if path.is_file():
        kept = [line for line in read_record(path) if line["iteration"] <= iteration]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))


def add_to_record(path: Path, line: Mapping[str, Any]) -> None:
    """Append a line."""
    with writing(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
