"""What is odd about data, in words: what they may be instead, and the setting that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from genus.core.errors import DataError
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.folder import find_images
from genus.data.paired import chunks
from genus.data.source import Source

_DARK = 1 / 8
"""Share of the range that shades are expected to use at least."""
_YEARS = (1900, 2100)


def remarks(dataset: Dataset, path: str | None, header: bool | None) -> list[str]:
    """Remarks on data that were opened, one sentence each; none where nothing is odd.

    Args:
        dataset: the data.
        path: of their file or folder; None for registered data, of which nothing is said.
        header: as a table was asked for; None when it was found out.
    """
    if path is None:
        return []
    found = [_levels(dataset), _pairs(Path(path).expanduser())]
    if dataset.spec.kind == "table":
        found += _offsets(dataset)
        found += [_numeric_header(dataset.train, header), *_row_numbers(dataset)]
    return [text for text in found if text]


def _levels(dataset: Dataset) -> str:
    """Levels that occur in images, where they use a small part of the range."""
    space = dataset.spec.example
    if space.kind not in ("image", "volume") or space.levels is None:
        return ""
    seen = np.zeros(space.levels, dtype=bool)
    for rows in chunks(np.arange(len(dataset.train)), 64):
        seen[dataset.train.fetch(rows).values] = True
    used = np.flatnonzero(seen)
    if used[-1] >= _DARK * (space.levels - 1):
        return ""
    return (
        f"only {len(used)} of {space.levels} levels occur, {used[0]} to {used[-1]}, so that images are "
        "nearly black: numbers of labels in a folder are read with kind=labels; other numbers are to be "
        "scaled to the whole range first"
    )


def _numeric_header(source: Source, header: bool | None) -> str:
    """Whether the first row of a table without a header may be one all the same."""
    columns = source.spec.example.columns
    if header is not None or [column.name for column in columns] != [str(i) for i in range(len(columns))]:
        return ""
    first = _first_row(source)
    steps = np.diff(first)
    counted = len(first) > 1 and bool((steps == 1).all())
    if not counted or not (first[0] in (0, 1) or _YEARS[0] <= first[0] <= _YEARS[1]):
        return ""
    return (
        f"the first row ({first[0]:g}, {first[1]:g}, …) was read as an example but looks like a header: set "
        "header=true if it is one, header=false if not"
    )


def _first_row(source: Source) -> Array:
    """The first row of the file, wherever the split put it."""
    whole: Any = getattr(source, "source", source)
    return whole.fetch(np.arange(1)).values[0]


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
    """Columns that count the rows."""
    source, _ = dataset.whole()
    values = source.fetch(np.arange(len(source))).values
    space = source.spec.example
    return [
        f"column {column.name!r} counts the rows and was read as a feature: name it with key={column.name}, "
        "or list the other columns with columns"
        for column in space.columns
        if len(values) > 1 and (np.diff(values[:, space.place(column.name)][:, 0]) == 1).all()
    ]


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
