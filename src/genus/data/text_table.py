"""Tables in text files: cells, columns of numbers, names of rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genus.core.errors import DataError, nearest
from genus.data.checks import Array, check_narrow

_DELIMITERS = ",;\t|"


MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
"""Cells that hold no value, in small letters."""


def unique_keys(keys: Sequence[str], path: str, first: int) -> Sequence[str]:
    """Names of rows, no two alike.

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


def names_rows(cells: Array) -> bool:
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
        cells = np.where(np.isin(np.char.lower(cells), sorted(MISSING)), "nan", cells)
    try:
        values = cells.astype(np.float64)
    except ValueError:
        values = np.array([float(cell) if _is_number(cell) else np.nan for cell in cells.tolist()])
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(narrow) & ~((cells == "nan") & missing))
    if not len(bad):
        try:
            check_narrow(values[np.isfinite(values)], columns=True)
        except DataError as error:
            raise DataError(f"{path}: {str(error).replace('column 0', f'column {name!r}')}") from None
        return narrow
    cell, row = str(cells[bad[0]]), int(bad[0]) + first
    where = f"{path}: column {name!r}, row {row}"
    if cell.lower() in MISSING:
        raise DataError(f"{where}: {missing_text(cell, len(bad))}")
    if _is_number(cell):
        raise DataError(f"{where}: {cell!r} is not a finite number of 32 bits")
    kind = "no cell is a number" if np.isnan(values).all() else "numbers and text are mixed"
    raise DataError(
        f"{where}: {cell!r} is not a number ({kind}); leave the column out with columns, "
        "or name it as label if it is the class"
    )


def missing_text(cell: str, count: int) -> str:
    """End of a message about a cell without a value, one of ``count`` in its column."""
    return f"the value is missing ({cell!r}; {count} such rows in this column); fill or remove them"
