"""Tables of numbers in text files."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from genus.core.errors import DataError, nearest
from genus.core.registry import data
from genus.core.space import Column, class_space, table_space
from genus.core.spec import DataSpec
from genus.data.checks import Array
from genus.data.labels import encode_labels
from genus.data.source import Dataset, dataset_from_arrays

_DELIMITERS = ",;\t|"
_MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})


@data("csv", suffixes=(".csv", ".tsv"), sniff="genus.data.sniff:is_table", what="a table of numbers (csv)")
def csv_file(
    *,
    path: str,
    label: str | int | None = None,
    columns: Sequence[str | int] | None = None,
    key: str | int | None = None,
    group: str | int | None = None,
    missing: Literal["refuse", "keep"] = "refuse",
    header: bool | None = None,
    holdout: float = 0.1,
) -> Dataset:
    """A table of numbers, one example per row, values as they stand.

    Separated by comma, semicolon, tab or ``|``; the table is read into memory.

    Args:
        path: the file, UTF-8 text.
        label: column of the class, by name or number from 0 (negative from the right); null for
            unlabelled data.
        columns: columns to read, by name or number; null for all but the label, the key and the group.
        key: column that names each row, by which ``pair`` finds it; null takes the first column if it holds
            a different text in each row.
        group: column of the group (a subject, say): rows of one never fall into both splits.
        missing: ``keep`` reads an empty cell as not observed (0, with a mask beside it); only models that
            can learn from such examples take them.
        header: whether the first row names the columns; null to find out.
        holdout: share of the rows kept for testing, in (0, 1).

    Raises:
        DataError: naming column and row of a missing value or of text where numbers are expected.
    """
    names, rows, first = read_table(Path(path).expanduser(), header)
    cells = [np.array(column, dtype=str) for column in zip(*rows, strict=True)]
    roles = {
        role: None if column is None else column_number(column, names, path)
        for role, column in (("label", label), ("key", key), ("group", group))
    }
    if key is None and _names_rows(cells[0]) and 0 not in roles.values():
        roles["key"] = 0
    chosen = [i for i in range(len(names)) if i not in roles.values()]
    if columns is not None:
        chosen = [column_number(column, names, path) for column in columns]
        for role, number in roles.items():
            if number in chosen and (role != "key" or key is not None):
                raise DataError(f"{path}: column {names[number or 0]!r} is both the {role} and among columns")
    if not chosen:
        raise DataError(f"{path}: no column of numbers is left")
    read = [number_column(cells[i], names[i], path, first, missing == "keep") for i in chosen]
    values = np.stack(read, axis=1)
    lacking = ~np.isfinite(values)
    target, named, grouped = roles["label"], roles["key"], roles["group"]
    numbers, classes = (None, ()) if target is None else _classes(cells[target], names[target], path, first)
    spec = DataSpec(
        example=table_space(Column(name=names[i]) for i in chosen),
        condition=class_space(classes),
        grouped=grouped is not None,
        missing=bool(lacking.any()),
    )
    return dataset_from_arrays(
        "csv",
        np.where(lacking, np.float32(0), values),
        numbers,
        spec,
        holdout=holdout,
        observed=~lacking if lacking.any() else None,
        keys=None if named is None else unique_keys(cells[named].tolist(), path, first),
        groups=None if grouped is None else np.unique(cells[grouped], return_inverse=True)[1],
        description=f"{len(rows):,} rows of {len(chosen)} columns in {path}",
    )


def unique_keys(keys: Sequence[str], path: str, first: int) -> Sequence[str]:
    """Unique names of rows.

    Args:
        keys: of each row.
        path: of the table.
        first: number of its first row in the file.

    Raises:
        DataError: naming the first row whose name another has.
    """
    seen: set[str] = set()
    for number, key in enumerate(keys, start=first):
        if key in seen:
            raise DataError(f"{path}: row {number}: {key!r} has a row above; keep one of them")
        seen.add(key)
    return keys


def _names_rows(cells: Array) -> bool:
    """Whether a column holds a different text in each row."""
    texts = cells.tolist()
    return len(texts) > 1 and len(set(texts)) == len(texts) and not any(_is_number(text) for text in texts)


def read_table(path: Path, header: bool | None = None) -> tuple[list[str], list[list[str]], int]:
    """Read a table of text cells.

    Args:
        path: the file.
        header: whether the first row names the columns; None to find out: it does when some
            column of numbers starts with text, or no cell of the table is a number.

    Returns:
        Names of the columns (``"0"``, ``"1"``, … without a header), cells by row, and the number
        of the first row of cells in the file, counted from 1.

    Raises:
        DataError: when the file is no table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise DataError(f"{path}: not a table ({error})") from None
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        raise DataError(f"{path}: is empty")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}: row {number} has {len(row)} cells, row 1 has {len(rows[0])}")
    if header is None:
        header = _has_header(rows)
    names = rows.pop(0) if header else [str(i) for i in range(len(rows[0]))]
    if not rows:
        raise DataError(f"{path}: has a header but no rows")
    return names, rows, 2 if header else 1


def _has_header(rows: list[list[str]]) -> bool:
    below = rows[1:50]
    kinds = [[_is_number(row[i]) for row in below] for i in range(len(rows[0]))]
    starts_with_text = [not _is_number(cell) for cell in rows[0]]
    if any(start and any(column) for start, column in zip(starts_with_text, kinds, strict=True)):
        return True
    return all(starts_with_text) and bool(below)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def column_number(column: str | int, names: list[str], path: str) -> int:
    """Number from 0 of a column given by name, or by number (negative from the right).

    Raises:
        DataError: when there is none.
    """
    if isinstance(column, int):
        if -len(names) <= column < len(names):
            return column % len(names)
        raise DataError(f"{path}: there is no column {column}; the table has {len(names)}, counted from 0")
    if column not in names:
        raise DataError(f"{path}: there is no column {column!r}{nearest(column, names)}")
    return names.index(column)


def number_column(cells: Array, name: str, path: str, first: int, missing: bool = False) -> Array:
    """One column as float32 ``(n,)``.

    Args:
        cells: its texts ``(n,)``.
        name: of the column.
        path: of the table.
        first: number of its first row in the file.
        missing: whether cells without a value become NaN.

    Raises:
        DataError: naming the first cell that is no finite number.
    """
    if missing:
        cells = np.where(np.isin(np.char.lower(cells), sorted(_MISSING)), "nan", cells)
    try:
        values = cells.astype(np.float64)
    except ValueError:
        values = np.array([float(cell) if _is_number(cell) else np.nan for cell in cells.tolist()])
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(narrow) & ~((cells == "nan") & missing))
    if not len(bad):
        return narrow
    cell, row = str(cells[bad[0]]), int(bad[0]) + first
    where = f"{path}: column {name!r}, row {row}"
    if cell.lower() in _MISSING:
        raise DataError(f"{where}: {_missing(cell, len(bad))}")
    if _is_number(cell):
        raise DataError(f"{where}: {cell!r} is not a finite number of 32 bits")
    kind = "no cell is a number" if np.isnan(values).all() else "numbers and text are mixed"
    raise DataError(
        f"{where}: {cell!r} is not a number ({kind}); leave the column out with columns, "
        "or name it as label if it is the class"
    )


def _classes(cells: Array, name: str, path: str, first: int) -> tuple[Array, tuple[str, ...]]:
    missing = np.flatnonzero(np.isin(np.char.lower(cells), sorted(_MISSING)))
    if len(missing):
        text = _missing(str(cells[missing[0]]), len(missing))
        raise DataError(f"{path}: column {name!r}, row {int(missing[0]) + first}: {text}")
    with contextlib.suppress(ValueError):
        cells = cells.astype(np.int64)  # so that class 10 comes after class 9
    try:
        numbers, classes = encode_labels([cells])
    except DataError as error:
        raise DataError(f"{path}: label column {name!r}: {error}") from None
    return numbers[0], classes


def _missing(cell: str, count: int) -> str:
    return f"the value is missing ({cell!r}; {count} such rows in this column); fill or remove them"
