"""Tables of numbers in text files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from genus.core.column import Column
from genus.core.errors import DataError
from genus.core.registry import data
from genus.core.space import Space, class_space, table_space
from genus.core.spec import DataSpec
from genus.data.checks import Array
from genus.data.dataset import Dataset, dataset_from_arrays
from genus.data.dialect import DecimalName, DelimiterName
from genus.data.labels import encode_labels
from genus.data.offsets import fit_offsets, less_offsets
from genus.data.split import group_numbers
from genus.data.text_table import (
    MISSING,
    TextTable,
    column_number,
    missing_text,
    names_rows,
    number_column,
    read_table,
    unique_keys,
)


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
    delimiter: DelimiterName = "auto",
    decimal: DecimalName = "point",
    holdout: float = 0.1,
) -> Dataset:
    """A table of numbers, one example per row, values as they stand.

    Numbers too large for 32 bits are read less an offset. Lines above the table that begin with ``#`` are
    comments; the last names the columns if no header does.

    Args:
        path: the file, UTF-8 or UTF-16 text.
        label: column of the class, by name or number from 0 (negative from the right).
        columns: columns to read, by name or number; null for all but the label, the key and the group.
        key: column that names each row, for ``pair``; null takes the first one if all its texts differ.
        group: column of the group, such as a subject: rows of one never fall into both splits.
        missing: ``keep`` reads an empty cell as not observed; only some models take such examples.
        header: whether the first row names the columns; null to find out.
        delimiter: what separates cells; ``bar`` is ``|``, ``space`` a run of them or of tabs.
        decimal: what begins the fraction of a number: 1.5 has a ``point``, 1,5 a ``comma``.
        holdout: share of the rows kept for testing, in (0, 1).

    Raises:
        DataError: naming column and row of a missing value or of text where numbers are expected.
    """
    names = (table := read_table(path, header, delimiter, decimal)).names
    named = {"label": label, "key": key, "group": group}
    roles = {role: None if c is None else column_number(c, names, path) for role, c in named.items()}
    chosen = _chosen(columns, roles, names, path)
    if key is None and names_rows(table.cells(0)) and 0 not in roles.values():
        roles["key"], chosen = 0, chosen if columns is not None else chosen[1:]
    values, example = _values(table, chosen, missing == "keep")
    lacking = np.isnan(values)
    target, key_column, grouped = roles["label"], roles["key"], roles["group"]
    numbers, classes = (None, ()) if target is None else _classes(table, target)
    spec = DataSpec(
        example=example,
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
        keys=None if key_column is None else unique_keys(table, key_column),
        groups=None if grouped is None else group_numbers(table.cells(grouped)),
        description=f"{len(table.rows):,} rows of {len(chosen)} columns in {path}",
    )


def _values(table: TextTable, chosen: Sequence[int], missing: bool) -> tuple[Array, Space]:
    """Columns of numbers less their offsets, float32, NaN where one is missing; and what a row is."""
    names = [table.names[i] for i in chosen]
    if not names:
        raise DataError(f"{table.path}: no column of numbers is left")
    values = np.stack([number_column(table, i, missing) for i in chosen], axis=1)
    try:
        offsets = fit_offsets(values)
    except DataError as error:
        raise DataError(f"{table.path}: {error}, counted from 0 among {names}") from None
    columns = [Column(name=name, offset=float(offset)) for name, offset in zip(names, offsets, strict=True)]
    return less_offsets(values, offsets), table_space(columns)


def _chosen(
    columns: Sequence[str | int] | None, roles: Mapping[str, int | None], names: list[str], path: str
) -> list[int]:
    """Numbers of the columns to read: those named, or all without a role."""
    if columns is None:
        return [i for i in range(len(names)) if i not in roles.values()]
    chosen = [column_number(column, names, path) for column in columns]
    for role, number in roles.items():
        if number in chosen:
            raise DataError(f"{path}: column {names[number or 0]!r} is both the {role} and among columns")
    return chosen


def _classes(table: TextTable, number: int) -> tuple[Array, tuple[str, ...]]:
    cells, where = table.cells(number), f"{table.path}: column {table.names[number]!r}"
    missing = np.flatnonzero(np.isin(np.char.lower(cells), sorted(MISSING)))
    if len(missing):
        text = missing_text(str(cells[missing[0]]), len(missing))
        raise DataError(f"{where}, row {table.lines[missing[0]]}: {text}")
    try:
        numbers, classes = encode_labels([cells])
    except DataError as error:
        raise DataError(f"{table.path}: label column {table.names[number]!r}: {error}") from None
    return numbers[0], classes
