"""Tables in text files: cells, columns of numbers, names of rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genus.core.errors import DataError, nearest
from genus.data.checks import Array
from genus.data.dialect import (
    COMMENT,
    DELIMITERS,
    DecimalName,
    DelimiterName,
    decode,
    has_decimal_comma,
    is_number,
    is_numeral,
    split_cells,
)

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
"""Cells that hold no value, in small letters."""


def unique_keys(table: TextTable, number: int) -> Sequence[str]:
    """Names of rows in a column, no two alike.

    Args:
        table: it is of.
        number: of the column.

    Raises:
        DataError: naming the first row whose name another has.
    """
    seen: set[str] = set()
    keys = [row[number] for row in table.rows]
    for line, key in zip(table.lines, keys, strict=True):
        if key in seen:
            raise DataError(f"{table.path}: row {line}: {key!r} has a row above; keep one of them")
        seen.add(key)
    return keys


def names_rows(cells: Array) -> bool:
    """Whether a column holds a different text in each row."""
    texts = cells.tolist()
    return len(texts) > 1 and len(set(texts)) == len(texts) and not any(is_numeral(text) for text in texts)


class TextTable(NamedTuple):
    """A table of texts.

    Args:
        path: of its file, for messages.
        names: of its columns; ``"0"``, ``"1"``, … without a header.
        rows: its cells.
        lines: number in the file of each row, from 1.
        decimal: name of the decimal mark of its numbers.
    """

    path: str
    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    decimal: DecimalName = "point"

    def cells(self, number: int) -> Array:
        """Texts ``(n,)`` of a column."""
        return np.array([row[number] for row in self.rows], dtype=str)


def read_table(
    path: str,
    header: bool | None = None,
    delimiter: DelimiterName = "auto",
    decimal: DecimalName = "point",
) -> TextTable:
    """Read a table of text cells.

    Args:
        path: the file, UTF-8 or UTF-16 text.
        header: whether the first row names the columns; None to find out: it does when some
            column of numbers starts with text, or no cell of the table is a number. Where it does not, the
            last comment above the table does that has a text for each column.
        delimiter: name of what separates cells; ``auto`` finds out.
        decimal: name of the decimal mark.

    Raises:
        DataError: when the file is no table.
    """
    try:
        found = split_cells(decode(Path(path).expanduser().read_bytes()), delimiter, decimal)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    rows, lines = found.rows, found.lines
    if not rows:
        raise DataError(f"{path}: is empty")
    for number, row in zip(lines, rows, strict=True):
        if len(row) != len(rows[0]):
            others = ", ".join(name for name in DELIMITERS if name != found.delimiter)
            raise DataError(
                f"{path}: row {number} has {len(row)} cells, row {lines[0]} has {len(rows[0])}, separated by "
                f"{found.delimiter}; mend it, begin lines that are no rows with {COMMENT}, or set delimiter "
                f"to another ({others})"
            )
    if header is None:
        header = _has_header(rows)
        comment = found.comment or []
        if not header and len(comment) == len(rows[0]) and not any(map(is_numeral, comment)):
            return TextTable(path, comment, rows, lines, decimal)
    names = rows[0] if header else [str(i) for i in range(len(rows[0]))]
    if header and len(rows) == 1:
        raise DataError(f"{path}: has a header but no rows")
    return TextTable(path, names, rows[header:], lines[header:], decimal)


def _has_header(rows: list[list[str]]) -> bool:
    below = rows[1:50]
    kinds = [[is_numeral(row[i]) for row in below] for i in range(len(rows[0]))]
    starts_with_text = [not is_numeral(cell) for cell in rows[0]]
    if any(start and any(column) for start, column in zip(starts_with_text, kinds, strict=True)):
        return True
    return all(starts_with_text) and bool(below)


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


def number_column(table: TextTable, number: int, missing: bool = False) -> Array:
    """One column as float64 ``(n,)``.

    Args:
        table: it is of.
        number: of the column.
        missing: whether cells without a value become NaN.

    Raises:
        DataError: naming the first cell that is no finite number.
    """
    cells = table.cells(number)
    if missing:
        cells = np.where(np.isin(np.char.lower(cells), sorted(MISSING)), "nan", cells)
    comma = table.decimal == "comma"
    if comma:  # a point would group thousands, or be a mistake
        strange = (np.char.find(cells, ".") >= 0) & np.array([is_number(c) for c in cells.tolist()])
        values = _numbers(np.where(strange, "", np.char.replace(cells, ",", ".")))
    else:
        values = _numbers(cells)
    with np.errstate(over="ignore"):
        beyond = np.isfinite(values) & ~np.isfinite(values.astype(np.float32))
    bad = np.flatnonzero((~np.isfinite(values) & ~((cells == "nan") & missing)) | beyond)
    if not len(bad):
        return values
    cell = str(cells[bad[0]])
    where = f"{table.path}: column {table.names[number]!r}, row {table.lines[bad[0]]}"
    if cell.lower() in MISSING:
        raise DataError(f"{where}: {missing_text(cell, len(bad))}")
    if comma and "." in cell:
        raise DataError(
            f"{where}: {cell!r} has a point, but decimal is comma; remove points between thousands, or set "
            "decimal=point"
        )
    if has_decimal_comma(cell) and not comma:
        raise DataError(
            f"{where}: {cell!r} is not a number: if the comma begins its fraction, set decimal=comma; if it "
            "groups thousands, remove it"
        )
    if is_number(cell):
        raise DataError(f"{where}: {cell!r} is not a finite number of 32 bits")
    kind = "no cell is a number" if np.isnan(values).all() else "numbers and text are mixed"
    raise DataError(
        f"{where}: {cell!r} is not a number ({kind}); leave the column out with columns, "
        "or name it as label if it is the class"
    )


def _numbers(cells: Array) -> Array:
    """Texts as float64, NaN where one is no number."""
    try:
        return cells.astype(np.float64)
    except ValueError:
        return np.array([float(cell) if is_number(cell) else np.nan for cell in cells.tolist()])


def missing_text(cell: str, count: int) -> str:
    """End of a message about a cell without a value, one of ``count`` in its column."""
    return f"the value is missing ({cell!r}; {count} such rows in this column); fill or remove them"
