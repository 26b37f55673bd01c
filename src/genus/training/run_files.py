"""Small files of a run as they are read back: a damaged one is a typed error, an odd line no line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from genus.core.errors import CheckpointError

_NUMBERS = ("iteration", "samples", "seconds", "cpu_seconds", "fraction")
_TABLES = ("losses", "scores", "look")
_TEXTS = ("stage", "failure", "says")


def read_text(path: Path) -> str:
    """A file of a run as text.

    Raises:
        CheckpointError: when it is missing or no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing; copy it back, or train again") from error
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(path, error) from error


def read_fields(path: Path, **fits: Callable[[Any], bool]) -> dict[str, Any]:
    """A JSON mapping.

    Args:
        path: of the file.
        fits: for keys it must have, whether a value is one.

    Raises:
        CheckpointError: when it is no mapping, or one without these keys.
    """
    try:
        fields = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(fields, dict):
        raise damaged(path, "it is no JSON mapping")
    for key, fit in fits.items():
        if key not in fields or not fit(fields[key]):
            raise damaged(path, f"{key!r} is {fields.get(key)!r}")
    return fields


def damaged(path: Path, reason: object) -> CheckpointError:
    """The error that a file of a run is damaged."""
    return CheckpointError(f"{path} is damaged ({reason}); copy it back, or train again")


def read_lines(path: Path, *keys: str) -> Iterator[dict[str, Any]]:
    """Lines of a log, one JSON object each; what a crash or an editor left is passed over.

    Args:
        path: of the log; without a file there are no lines.
        keys: each line has these.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict) and all(key in line for key in keys) and _is_sound(line):
                yield line


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    """Whether a JSON value is a text."""
    return isinstance(value, str)


def is_count(value: Any) -> bool:
    """Whether a JSON value is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_sound(line: dict[str, Any]) -> bool:
    """Whether what readers of logs compute with is of its type."""
    return (
        is_count(line.get("iteration", 0))
        and all(is_number(line[key]) for key in _NUMBERS if key in line)
        and all(isinstance(line[key], str) for key in _TEXTS if key in line)
        and all(_is_table(line[key]) for key in _TABLES if key in line)
        and ("look" not in line or "fraction" in line)
        and ("losses" not in line or "stage" in line)
    )


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(is_number(number) for number in value.values())
