"""Find out what a text names: a registered data set, or a path recognised by its content.

Nothing here imports torch, so that recipes are checked at once.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genus.core.errors import DataError, nearest
from genus.core.registry import components

_IMAGE_STARTS = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*",
    b"P1", b"P2", b"P3", b"P4", b"P5", b"P6",
)  # fmt: skip
_KINDS = "a folder of images, an image, idx (MNIST) files, .npz, .npy or a table of numbers (csv)"
_LOOK = 1000
"""Files of a folder that are opened before it is given up."""


def describe_source(text: str) -> dict[str, Any]:
    """Return the start of a recipe's ``data`` entry for a name or a path.

    A registered name wins over a path of the same name; write ``./name`` for the path. A folder
    that holds one single file of numbers stands for that file.

    Args:
        text: name of a data set, or path of a file or folder.

    Returns:
        ``{"name": …}``, with ``"path"`` for paths.

    Raises:
        DataError: when there is neither, or the content is not recognised.

    >>> describe_source("ring")
    {'name': 'ring'}
    """
    names = components("data")
    if text in names:
        return {"name": text}
    path = Path(text).expanduser()
    if path.is_dir():
        return _folder(path, text)
    if path.is_file():
        kind = _file(path)
        if kind is None:
            raise DataError(f"{text}: {_strange(path)}; what is read: {_KINDS}")
        return {"name": "image_density" if kind == "image" else kind, "path": text}
    raise DataError(f"there is neither a data set nor a path called {text!r}{nearest(text, names)}")


def _folder(path: Path, text: str) -> dict[str, Any]:
    tables: list[tuple[str, Path]] = []
    count = 0
    for count, file in enumerate(_visible_files(path), start=1):
        kind = _file(file)
        if kind == "idx" and file.parent == path:
            return {"name": "idx", "path": text}
        if kind == "image":
            return {"name": "folder", "path": text}
        if kind == "npz" or (kind == "csv" and file.suffix.lower() in (".csv", ".tsv")):
            tables.append((kind, file))
        if count == _LOOK:
            break
    if len(tables) == 1:
        kind, file = tables[0]
        return {"name": kind, "path": str(Path(text) / file.relative_to(path))}
    if tables:
        names = ", ".join(str(file.relative_to(path)) for _, file in tables[:5])
        raise DataError(f"{text}: holds several files of numbers ({names}); give the path of one")
    found = f"none of its {count} files is" if count else "it is empty; wanted is"
    raise DataError(f"{text}: {found} data that genus reads: {_KINDS}")


def _visible_files(folder: Path) -> Iterator[Path]:
    """Files first, then subfolders, both sorted; hidden ones are passed over."""
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    yield from (p for p in entries if p.is_file())
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield from _visible_files(entry)


def _file(path: Path) -> str | None:
    """Kind of a file by its first bytes, or None."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as file:
                start = file.read(4)
                return "idx" if start == b"\0\0\x08\x03" else None
        if start.startswith(b"PK") and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return "npz" if any(n.endswith(".npy") for n in archive.namelist()) else None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        return None
    if start.startswith(_IMAGE_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return "image"
    if start[:4] == b"\0\0\x08\x03":
        return "idx"
    if start.startswith(b"\x93NUMPY"):
        return "npz"
    return "csv" if _is_table(start) else None


def _is_table(start: bytes) -> bool:
    """Whether text begins with lines of equally many cells, some of them numbers."""
    try:
        text = start.decode("utf-8-sig", errors="strict" if len(start) < 4096 else "ignore")
    except UnicodeDecodeError:
        return False
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    if len(start) == 4096:
        lines = lines[:-1] or lines  # the last one may be cut
    if not lines or "\0" in text:
        return False
    delimiter = max(",;\t|", key=lines[0].count)
    cells = [line.split(delimiter) for line in lines]
    quoted = '"' in text  # then a delimiter may be part of a cell
    same = quoted or all(len(row) == len(cells[0]) for row in cells)
    return same and any(_is_number(cell) for row in cells[:3] for cell in row)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _strange(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(1)
    if not start:
        return "the file is empty"
    if start == b"\x80" or path.suffix.lower() in (".pkl", ".pickle", ".pt", ".pth"):
        return "it looks like a Python pickle, which genus never loads"
    return "its content is not recognised"
