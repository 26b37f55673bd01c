"""Recognise files by their first bytes; imports nothing heavy.

A reader names one of these functions, ``@data("csv", sniff="genus.data.sniff:is_table")``: from a path and
its first bytes (at most :data:`FIRST`) to whether the reader reads such a file.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

from genus.core.errors import DataError
from genus.data.dialect import decode, is_numeral, split_cells

FIRST = 4096
"""Bytes that are looked at."""

_IMAGE_STARTS = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*",
    b"P1", b"P2", b"P3", b"P4", b"P5", b"P6",
)  # fmt: skip
_IDX = b"\0\0\x08\x03"


def is_image(path: Path, start: bytes) -> bool:
    """Whether it is an image that is decoded."""
    del path
    return start.startswith(_IMAGE_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def is_idx(path: Path, start: bytes) -> bool:
    """Whether it is a plain or gzipped idx file of images."""
    if not start.startswith(b"\x1f\x8b"):
        return start[:4] == _IDX
    try:
        with gzip.open(path) as file:
            return file.read(4) == _IDX
    except (OSError, EOFError, zlib.error):
        return False


def is_arrays(path: Path, start: bytes) -> bool:
    """Whether it is a NumPy array, or an archive of some."""
    if start.startswith(b"\x93NUMPY"):
        return True
    try:
        if not start.startswith(b"PK") or not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def is_table(path: Path, start: bytes) -> bool:
    """Whether it is text in rows of equally many cells, some of them numbers; or text in a file called so.

    A file that ends in .csv or .tsv is left to the reader, whose errors say what is wrong.
    """
    if is_image(path, start):  # a PGM image may be text, too
        return False
    try:
        cut = len(start) == FIRST
        text = decode(start, cut=cut)
        text = text[: text.rfind("\n") + 1] or text if cut else text
        if not text.strip() or "\0" in text:
            return False
        if path.suffix.lower() in (".csv", ".tsv"):
            return True
        rows = split_cells(text).rows[:20]
    except DataError:
        return False
    same = all(len(row) == len(rows[0]) for row in rows)
    return same and any(is_numeral(cell) for row in rows[:3] for cell in row)
