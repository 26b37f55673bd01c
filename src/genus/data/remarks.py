"""What is odd about data, in words: what they may be instead, and the setting that says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from genus.core.errors import DataError
from genus.core.file_units import to_file
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.folder import find_images
from genus.data.image_source import used_levels
from genus.data.window import percentiles

_DARK = 1 / 8
"""Share of the range that shades are expected to use at least."""
_NARROW = 1 / 2
"""Share of the range that 99 % of the values are expected to span at least."""
_YEARS = (1900, 2100)
_ROWS = 50
"""Rows that are compared with the first one."""


def remarks(dataset: Dataset, config: Mapping[str, Any]) -> list[str]:
    """Remarks on data that were opened, one sentence each; none where nothing is odd.

    Args:
        dataset: the data.
        config: what opened them, ``{"name": …, argument: …}``; of registered data, without a path, nothing
            is said.
    """
    if config.get("path") is None:
        return []
    found = [*_shades(dataset, config.get("kind")), _pairs(Path(config["path"]).expanduser())]
    if dataset.spec.kind == "table":
        found += [*_offsets(dataset), _numeric_header(dataset, config.get("header")), *_row_numbers(dataset)]
    return [text for text in found if text]


def _shades(dataset: Dataset, kind: str | None) -> list[str]:
    """Which part of their range images use, where it is small; what small numbers were taken for."""
    space = dataset.spec.example
    if space.kind == "labels" and kind == "auto":
        return [
            f"all numbers are small ({', '.join(space.names)}), so they were read as numbers of labels; if "
            "they are shades, set kind=image and window=[smallest, largest]"
        ]
    if space.kind not in ("image", "volume"):
        return []
    if space.window is not None:
        masks = kind == "auto" and space.levels == 2
        return ["two neighbouring small numbers occur, so they were read as black and white"] * masks
    if space.levels is not None:
        used = np.union1d(used_levels(dataset.train), used_levels(dataset.test))
        if used[-1] < _DARK * (space.levels - 1):
            return [
                f"only {len(used)} of {space.levels} levels occur, {used[0]} to {used[-1]}, so that images "
                f"are nearly black: name their range, as window=[0, {used[-1]}] or what it is (4095 for 12 "
                "bits); numbers of labels are read with kind=labels"
            ]
    low, high = (
        end / ((space.levels or 2) - 1) for end in percentiles(dataset.train, np.arange(len(dataset.train)))
    )
    if high - low >= _NARROW:
        return []
    return [
        f"99 % of the values lie between {low:.3g} and {high:.3g} of the range [0, 1]: window=auto stretches "
        "this part over all of it, and samples are written in the files' own shades"
    ]


def _numeric_header(dataset: Dataset, header: bool | None) -> str:
    """Whether the first row of a table without a header may be one all the same.

    Then it rises in equal steps through whole numbers, from 0, 1 or a year, or where other rows do not.
    """
    source, _ = dataset.whole()
    columns = source.spec.example.columns
    if header is not None or [column.name for column in columns] != [str(i) for i in range(len(columns))]:
        return ""
    first, *others = to_file(source.fetch(np.arange(min(len(source), _ROWS))).values, source.spec.example)
    if not _counts(first):
        return ""
    usual = first[1] - first[0] == 1 and (first[0] in (0, 1) or _YEARS[0] <= first[0] <= _YEARS[1])
    if not usual and (not others or any(_counts(row) for row in others)):
        return ""
    return (
        f"the first row ({first[0]:g}, {first[1]:g}, …) was read as an example but looks like a header: set "
        "header=true if it is one, header=false if not"
    )


def _counts(row: Array) -> bool:
    """Whether numbers are whole and rise in equal steps."""
    steps = np.diff(row)
    return len(row) > 1 and bool((row % 1 == 0).all() and (steps == steps[0]).all() and steps[0] > 0)


def _offsets(dataset: Dataset) -> list[str]:
    """Columns that are read less an offset, and whether whole numbers in them are rounded all the same."""
    source, _ = dataset.whole()
    space, found = dataset.spec.example, list[str]()
    for column in space.columns:
        if column.offset:
            values = source.fetch(np.arange(len(source))).values[:, space.place(column.name)]
            step = float(np.spacing(np.abs(values).max()))
            found.append(
                f"column {column.name!r} is read less {column.offset:.17g}, because 32-bit numbers as large "
                f"would merge; so it is exact to {step:.2g}, and samples are written in its own numbers"
            )
    return found


def _row_numbers(dataset: Dataset) -> list[str]:
    """Columns that number the rows: in their order, or each number of a range once."""
    source, _ = dataset.whole()
    values = source.fetch(np.arange(len(source))).values
    space, found = source.spec.example, list[str]()
    for number, column in enumerate(space.columns):
        numbers = np.sort(values[:, space.place(column.name)][:, 0])
        if len(numbers) > 1 and (np.diff(numbers) == 1).all():
            found.append(
                f"column {column.name!r} holds each number from {numbers[0]:g} to {numbers[-1]:g} once, as a "
                f"number of rows does, and was read as a feature: name it with key={column.name or number}, "
                "or list the other columns with columns"
            )
    return found


def _pairs(path: Path) -> str:
    """Whether two subfolders hold images of one set of names."""
    if not path.is_dir():
        return ""
    names: dict[str, list[str]] = {}
    for folder in sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")):
        try:
            names[folder.name] = sorted(Path(name).with_suffix("").as_posix() for name in find_images(folder))
        except DataError:
            continue
    if len(names) != 2:
        return ""
    (one, first), (two, second) = names.items()
    if first != second:
        return ""
    example, condition = (_reader(path / name) for name in (one, two))
    entry = {"data": {"name": "pair", "example": example, "condition": condition}}
    recipe = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True)
    return f"{one}/ and {two}/ hold one set of names and look like pairs; then the recipe is\n{recipe}"


def _reader(folder: Path) -> dict[str, str]:
    """The ``data`` entry of a folder, whose name says whether it holds masks."""
    masks = any(word in folder.name.lower() for word in ("label", "mask"))
    return {"name": "folder", "path": str(folder), **({"kind": "labels"} if masks else {})}
