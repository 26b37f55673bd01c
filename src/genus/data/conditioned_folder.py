"""Folders of images beside a table of attributes or captions, or a second folder of images."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from genus.core.condition import Condition
from genus.core.errors import DataError
from genus.core.registry import data
from genus.data.checks import Array
from genus.data.conditioned import Conditioned, describe_attributes, encode_texts
from genus.data.csv_file import column_number, number_column, read_table
from genus.data.folder import find_images, open_images, split_folders
from genus.data.source import Dataset, Source, Subset
from genus.data.split import fingerprint, hold_out

Mode = Literal["auto", "grey", "rgb"]


@data("attribute-folder")
def attribute_folder(
    *,
    path: str,
    table: str,
    file: str | int = 0,
    columns: Sequence[str | int] | None = None,
    size: int | Sequence[int] | None = None,
    resize: Literal["refuse", "crop", "pad", "stretch"] = "refuse",
    mode: Literal["auto", "grey", "rgb"] = "auto",
    alpha: Literal["refuse", "drop", "white", "black", "keep"] = "refuse",
    holdout: float = 0.1,
) -> Dataset:
    """Image files in a folder, and a table with the numbers that describe each.

    Subfolders ``train`` and ``test`` are the splits, as those of ``folder``; other subfolders are part
    of a file's name. Rows without an image are passed over.

    Args:
        path: the folder of images.
        table: CSV file with a header and a row per image.
        file: column of the file names, relative to ``path``, by name or number.
        columns: columns of attributes, by name or number; null for all others.
        size: height and width in pixels, or one number for both; null when all images agree.
        resize: how images of another size are brought to ``size``; see ``folder``.
        mode: channels to deliver; see ``folder``.
        alpha: what becomes of transparency; see ``folder``.
        holdout: share kept for testing when there is no test split, in (0, 1).

    Raises:
        DataError: for images without a row, cells that are no numbers, attributes that never change,
            and what ``folder`` refuses.
    """
    root = Path(path).expanduser()
    names = find_images(root)
    header, rows, first = _rows(names, Path(table).expanduser(), file)
    chosen = [i for i in range(len(header)) if i != column_number(file, header, table)]
    if columns is not None:
        chosen = [column_number(column, header, table) for column in columns]
    if not chosen:
        raise DataError(f"{table}: no column of attributes is left")
    cells = [np.array([row[i] for row in rows], dtype=str) for i in chosen]
    columns_ = [number_column(c, header[i], table, first) for c, i in zip(cells, chosen, strict=True)]
    values = np.stack(columns_, axis=1)
    train, test = _split(names, holdout)
    condition = describe_attributes(values, [header[i] for i in chosen], train)
    images, content = open_images(_paths(root, names), size=size, resize=resize, mode=mode, alpha=alpha)
    what = f"{len(names):,} images in {path}, {len(chosen)} attributes each"
    return _dataset(
        "attribute-folder", Conditioned(images, values, condition), train, test, what, content, values
    )


@data("caption-folder")
def caption_folder(
    *,
    path: str,
    table: str,
    file: str | int = 0,
    caption: str | int = 1,
    size: int | Sequence[int] | None = None,
    resize: Literal["refuse", "crop", "pad", "stretch"] = "refuse",
    mode: Literal["auto", "grey", "rgb"] = "auto",
    alpha: Literal["refuse", "drop", "white", "black", "keep"] = "refuse",
    holdout: float = 0.1,
) -> Dataset:
    """Image files in a folder, and a table with a caption for each.

    As ``attribute-folder``. Captions are read in small letters and without punctuation; the
    vocabulary is that of the training images.

    Args:
        path: the folder of images.
        table: CSV file with a header and a row per image.
        file: column of the file names, relative to ``path``, by name or number.
        caption: column of the captions, by name or number.
        size: height and width in pixels, or one number for both; null when all images agree.
        resize: how images of another size are brought to ``size``; see ``folder``.
        mode: channels to deliver; see ``folder``.
        alpha: what becomes of transparency; see ``folder``.
        holdout: share kept for testing when there is no test split, in (0, 1).

    Raises:
        DataError: for images without a row, captions without a word, and what ``folder`` refuses.
    """
    root = Path(path).expanduser()
    names = find_images(root)
    header, rows, _ = _rows(names, Path(table).expanduser(), file)
    texts = [row[column_number(caption, header, table)] for row in rows]
    train, test = _split(names, holdout)
    numbers, condition = encode_texts(texts, train)
    images, content = open_images(_paths(root, names), size=size, resize=resize, mode=mode, alpha=alpha)
    what = f"{len(names):,} images in {path} with captions of {len(condition.names):,} words"
    return _dataset(
        "caption-folder", Conditioned(images, numbers, condition), train, test, what, content, numbers
    )


@data("paired-folder")
def paired_folder(
    *,
    path: str,
    given: str,
    kind: Literal["image", "mask"] = "mask",
    suffix: str = "",
    size: int | Sequence[int] | None = None,
    resize: Literal["refuse", "crop", "pad", "stretch"] = "refuse",
    mode: Literal["auto", "grey", "rgb"] = "auto",
    alpha: Literal["refuse", "drop", "white", "black", "keep"] = "refuse",
    holdout: float = 0.1,
) -> Dataset:
    """Two folders of images of the same names; those of the second are the conditions.

    Suffixes of names need not agree, ``a.jpg`` goes with ``a.png``. Files of the second folder without
    a partner are passed over.

    Args:
        path: the folder of examples.
        given: the folder of conditions.
        kind: ``image``, or ``mask`` for grey images of which the upper half of the range is 1 and the
            rest 0.
        suffix: what names of conditions have more: ``a_mask.png`` goes with ``a.jpg`` under ``_mask``.
        size: height and width in pixels of both, or one number; null when all agree.
        resize: how images of another size are brought to ``size``; see ``folder``.
        mode: channels of the examples, and of conditions that are no masks; see ``folder``.
        alpha: what becomes of transparency; see ``folder``.
        holdout: share kept for testing when there is no test split, in (0, 1).

    Raises:
        DataError: for examples without a partner or with several, and what ``folder`` refuses.
    """
    root, other = Path(path).expanduser(), Path(given).expanduser()
    names = find_images(root)
    paths = _paths(root, names)
    partners = _paths(other, _partners(names, find_images(other), suffix, given))
    images, content = open_images(paths, size=size, resize=resize, mode=mode, alpha=alpha)
    mask = kind == "mask"
    colours: Mode = "grey" if mask else mode
    conditioned, its_content = open_images(partners, size=size, resize=resize, mode=colours, alpha=alpha)
    condition = Condition(
        kind=kind, shape=conditioned.spec.shape, levels=2 if mask else conditioned.spec.levels
    )
    train, test = _split(names, holdout)
    what = f"{len(names):,} pairs of images in {path} and {given}"
    pairs = Conditioned(images, conditioned, condition)
    return _dataset("paired-folder", pairs, train, test, what, content, its_content)


def _rows(names: Sequence[str], table: Path, file: str | int) -> tuple[list[str], list[list[str]], int]:
    """Header, the rows of the images in their order, and the number of the first row in the file."""
    header, rows, first = read_table(table, header=True)
    key = column_number(file, header, str(table))
    by_name: dict[str, list[str]] = {}
    for number, row in enumerate(rows, start=first):
        if row[key] in by_name:
            raise DataError(f"{table}: row {number}: {row[key]!r} has a row above; keep one of them")
        by_name[row[key]] = row
    _all_there(names, by_name, f"a row of {table} (column {header[key]!r})")
    return header, [by_name[name] for name in names], first


def _partners(names: Sequence[str], others: Sequence[str], suffix: str, given: str) -> list[str]:
    """The condition of each example, by name."""
    found: dict[str, str] = {}
    for other in others:
        stem = _stem(other)
        if stem in found:
            raise DataError(f"{given}: {found[stem]} and {other} have one name; keep one of them")
        found[stem] = other
    wanted = [_stem(name) + suffix for name in names]
    _all_there(wanted, found, f"a file in {given}")
    return [found[name] for name in wanted]


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix()


def _all_there(wanted: Sequence[str], found: Container[str], what: str) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise DataError(
            f"{len(missing)} of {len(wanted)} images lack {what}: {shown}; complete it, or move "
            "those images elsewhere"
        )


def _split(names: Sequence[str], holdout: float) -> tuple[Array, Array]:
    train, test, _ = split_folders(names)
    return (train, test) if len(test) else hold_out(len(names), holdout)


def _paths(root: Path, names: Sequence[str]) -> list[Path]:
    return [root / name for name in names]


def _dataset(name: str, source: Source, train: Array, test: Array, text: str, *content: object) -> Dataset:
    return Dataset(
        name=name,
        spec=source.spec,
        train=Subset(source, train),
        test=Subset(source, test),
        fingerprint=fingerprint(*(c if isinstance(c, np.ndarray) else repr(c) for c in content), train, test),
        description=text,
    )
