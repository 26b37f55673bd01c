"""Dialects of tables in text files: encoding, comments, delimiter and decimal mark; imports nothing heavy."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import Literal, NamedTuple

from genus.core.errors import DataError

DelimiterName = Literal["auto", "comma", "semicolon", "tab", "bar", "space"]
"""What separates cells; ``space`` is any run of spaces and tabs."""
DecimalName = Literal["point", "comma"]
"""What separates the whole part of a number from its fraction."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
"""Characters by name, in the order in which equally good ones are chosen."""
COMMENT = "#"
"""Start of a line that is no row."""
_SAMPLE = 50
"""Rows by which a delimiter is chosen."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


class Cells(NamedTuple):
    """The cells of a table before anything is made of them.

    Args:
        rows: texts without surrounding spaces.
        lines: number in the file of each row, from 1.
        comment: cells of the last comment above the table, which may be its header; None without.
        delimiter: name of what separated the cells.
    """

    rows: list[list[str]]
    lines: list[int]
    comment: list[str] | None
    delimiter: str


def decode(content: bytes, *, cut: bool = False) -> str:
    """Text of a file in UTF-8 or UTF-16, with or without a byte order mark.

    Args:
        content: bytes of the file.
        cut: whether it goes on, so that the last character may be incomplete.

    Raises:
        DataError: when it is neither.

    >>> decode("a;ü".encode("utf-16"))
    'a;ü'
    """
    even, odd = content[: len(content) // 2 * 2 : 2], content[1::2]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif len(odd) > 1 and odd.count(0) > len(odd) // 2:
        encoding = "utf-16-le"
    elif len(even) > 1 and even.count(0) > len(even) // 2:
        encoding = "utf-16-be"
    else:
        encoding = "utf-8-sig"
    try:
        return codecs.getincrementaldecoder(encoding)().decode(content, final=not cut)
    except UnicodeDecodeError as error:
        strange = content[error.start]
        raise DataError(
            f"is neither UTF-8 nor UTF-16 text (byte {strange:#04x} at {error.start}); save it as UTF-8, in "
            "a shell with iconv -f WINDOWS-1252 -t UTF-8 where it comes from an older Windows program"
        ) from None


def split_cells(text: str, delimiter: DelimiterName = "auto", decimal: DecimalName = "point") -> Cells:
    """Split text into rows of cells.

    Lines that begin with ``#`` are comments where they stand above the table or have another number of
    cells than its first row. Empty lines above and below the table are passed over.

    Args:
        text: of the file.
        delimiter: name of what separates cells; ``auto`` finds out.
        decimal: name of the decimal mark; with ``comma``, a comma separates cells in quotes alone.

    Raises:
        DataError: when it is no table.
    """
    lines = text.splitlines(keepends=True)
    above = 0
    while above < len(lines) and (not lines[above].strip() or _is_comment(lines[above])):
        above += 1
    if above == len(lines):  # all lines are comments, so none is one
        above = 0
    body = "".join(lines[above:])
    name = find_delimiter(body, decimal) if delimiter == "auto" else delimiter
    rows = _parsed(body, name)
    while rows and not rows[-1]:
        rows.pop()
    numbered = [
        (number, row)
        for number, row in enumerate(rows, start=above + 1)
        if not (row and row[0].startswith(COMMENT) and len(row) != len(rows[0]))
    ]
    comments = [line for line in lines[:above] if _is_comment(line)]
    comment = _parsed(comments[-1].strip().lstrip(COMMENT), name)[0] if comments else None
    return Cells([row for _, row in numbered], [number for number, _ in numbered], comment, name)


def find_delimiter(text: str, decimal: DecimalName = "point") -> str:
    """Name of the delimiter of a table: of those that give all rows one number of cells, above one, that
    with the largest share of numbers, whichever their decimal mark; else the most frequent one in the first
    line.

    >>> find_delimiter("a, cm;b\\n1,5;2"), find_delimiter("a b\\n1 2"), find_delimiter("1,2,3")
    ('semicolon', 'space', 'comma')
    """
    lines = text.splitlines(keepends=True)
    sample = "".join(lines[:_SAMPLE])
    best, chosen = -1.0, ""
    for name in DELIMITERS:
        if name == "comma" and decimal == "comma" and '"' not in sample:
            continue
        rows = [row for row in _parsed(sample, name) if row]
        if len(lines) > _SAMPLE and len(rows) > 1:
            rows.pop()  # it may be cut within quotes
        rows = [row for row in rows if len(row) == len(rows[0]) or not row[0].startswith(COMMENT)]
        if not rows or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
            continue
        cells = [cell for row in rows[1:] or rows for cell in row]
        share = sum(is_numeral(cell) for cell in cells) / len(cells)
        if share > best:
            best, chosen = share, name
    if chosen:
        return chosen
    usual = [name for name in DELIMITERS if name != "space" and not (name == decimal == "comma")]
    return max(usual, key=lambda name: sample.partition("\n")[0].count(DELIMITERS[name]))


def is_number(cell: str) -> bool:
    """Whether a text is a number with a decimal point; ``nan`` and ``inf`` are.

    >>> is_number("1e3"), is_number("1,5")
    (True, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return True


def has_decimal_comma(cell: str) -> bool:
    """Whether a text is a number with a decimal comma.

    >>> has_decimal_comma("-1,5"), has_decimal_comma("1.234,5")
    (True, False)
    """
    return _DECIMAL_COMMA.fullmatch(cell) is not None


def is_numeral(cell: str) -> bool:
    """Whether a text is a number, whichever its decimal mark."""
    return is_number(cell) or has_decimal_comma(cell)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENT)


def _parsed(text: str, name: str) -> list[list[str]]:
    if name == "space":
        text = "\n".join(" ".join(re.findall(r'(?:"[^"]*"|[^\s"])+', line)) for line in text.splitlines())
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[name])
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise DataError(f"not a table ({error})") from None
