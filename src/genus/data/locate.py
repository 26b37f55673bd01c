"""Find out what a text names: a registered data set, or a path that some reader recognises.

Readers say what they read beside their name, in literals:

``suffixes``
    endings of file names, ``(".nii", ".nii.gz")``;
``sniff``
    a function that looks at the first bytes, ``"package.module:function"``, see :mod:`genus.data.sniff`;
``reads``
    ``"file"`` (by default), ``"folder"`` with such files at any depth, or ``"both"``: a file, or the
    folder that it lies in;
``what``
    what it reads, in words, for errors.

Nothing here imports torch, so that recipes are checked at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from genus.core.errors import DataError, nearest
from genus.core.registry import Component, components
from genus.data.sniff import FIRST

_LOOK = 1000
"""Files of a folder that are opened before the search ends."""


def describe_source(text: str) -> dict[str, Any]:
    """Return the start of a recipe's ``data`` entry for a name or a path.

    A registered name wins over a path of the same name; write ``./name`` for the path. A folder
    that holds one single file that some reader reads stands for that file.

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
        found = _recognised(path, "file")
        if not found:
            raise DataError(f"{text}: {_strange(path)}; what is read: {_known()}")
        return {"name": _one(found, text), "path": text}
    raise DataError(f"there is neither a data set nor a path called {text!r}{nearest(text, names)}")


def _folder(path: Path, text: str) -> dict[str, Any]:
    """The reader of a folder: of the first file that one reads by folders, else of its only file."""
    files: list[tuple[list[str], Path]] = []
    count = 0
    for count, file in enumerate(_visible_files(path), start=1):
        whole = [name for name in _recognised(file, "folder") if file.parent == path or _is_deep(name)]
        if whole:
            return {"name": _one(whole, text), "path": text}
        single = [name for name in _recognised(file, "file") if _by_name(name, file)]
        if single:
            files.append((single, file))
        if count == _LOOK:
            break
    if len(files) == 1:
        names, file = files[0]
        return {"name": _one(names, str(file)), "path": str(Path(text) / file.relative_to(path))}
    if files:
        shown = ", ".join(str(file.relative_to(path)) for _, file in files[:5])
        raise DataError(f"{text}: holds several files that can be read ({shown}); give the path of one")
    found = f"none of its {count} files is" if count else "it is empty; wanted is"
    raise DataError(f"{text}: {found} data that genus reads: {_known()}")


def _visible_files(folder: Path) -> Iterator[Path]:
    """Files first, then subfolders, both sorted; hidden ones are passed over."""
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    yield from (p for p in entries if p.is_file())
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield from _visible_files(entry)


def _recognised(path: Path, reads: str) -> list[str]:
    """Readers of a file, or of a folder with such a file, those that look into it first."""
    try:
        with path.open("rb") as file:
            start = file.read(FIRST)
    except OSError:
        return []
    found: list[tuple[int, str]] = []
    for name, entry in _readers().items():
        if entry.facts.get("reads", "file") not in (reads, "both"):
            continue
        ending = max((len(s) for s in entry.facts.get("suffixes", ()) if _ends(path, s)), default=0)
        if "sniff" in entry.facts:
            if _sniffer(entry.facts["sniff"])(path, start):
                found.append((2 + ending, name))
        elif ending:
            found.append((1 + ending, name))
    best = max((rank for rank, _ in found), default=0)
    return [name for rank, name in found if rank == best]


def _by_name(name: str, file: Path) -> bool:
    """Whether a file of a folder is meant: of readers that name endings, one with such an ending."""
    suffixes = _readers()[name].facts.get("suffixes", ())
    return not suffixes or any(_ends(file, suffix) for suffix in suffixes)


def _is_deep(name: str) -> bool:
    return _readers()[name].facts.get("reads") == "folder"


def _ends(path: Path, suffix: str) -> bool:
    return path.name.lower().endswith(suffix)


@lru_cache(maxsize=1)
def _readers() -> dict[str, Component]:
    return {n: c for n, c in components("data").items() if {"suffixes", "sniff"} & set(c.facts)}


@lru_cache(maxsize=64)
def _sniffer(text: str) -> Any:
    module, _, function = text.partition(":")
    return getattr(importlib.import_module(module), function)


def _one(names: list[str], text: str) -> str:
    if len(names) > 1:
        raise DataError(
            f"{text}: several readers read it ({', '.join(names)}); name one: data.name={names[0]}"
        )
    return names[0]


def _known() -> str:
    """Readable formats, in words."""
    return ", ".join(dict.fromkeys(str(entry.facts.get("what", name)) for name, entry in _readers().items()))


def _strange(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(1)
    if not start:
        return "the file is empty"
    if start == b"\x80" or path.suffix.lower() in (".pkl", ".pickle", ".pt", ".pth"):
        return "it looks like a Python pickle, which genus never loads"
    return "its content is not recognised"
