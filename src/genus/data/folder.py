"""Folders of images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from genus.core.errors import DataError
from genus.core.registry import data
from genus.core.spec import DataSpec
from genus.data.checks import Array
from genus.data.image_layout import choose_layout
from genus.data.images import (
    SUFFIXES,
    Alpha,
    Header,
    Layout,
    Resize,
    no_bomb_warnings,
    read_header,
    read_image,
)
from genus.data.source import ArraySource, Dataset, Raw, Source, Subset
from genus.data.split import fingerprint, hold_out

_TRAIN = frozenset({"train", "training"})
_TEST = frozenset({"test", "testing"})
_VALIDATION = frozenset({"val", "valid", "validation"})
_T = TypeVar("_T")
_R = TypeVar("_R")


@data("folder")
def folder(
    *,
    path: str,
    size: int | Sequence[int] | None = None,
    resize: Literal["refuse", "crop", "pad", "stretch"] = "refuse",
    mode: Literal["auto", "grey", "rgb"] = "auto",
    alpha: Literal["refuse", "drop", "white", "black", "keep"] = "refuse",
    labels: bool = True,
    holdout: float = 0.1,
    check: bool = True,
    cache: int = 256,
) -> Dataset:
    """Image files in a folder, one subfolder per class or all together.

    Subfolders are read to any depth; the first level names the class. Folders ``train`` and
    ``test`` at the first level are the splits, with classes below them; ``val`` stands in for a
    missing ``test`` and is left out beside one. Hidden
    files and folders, folders without images and other files are passed over. PNG, JPEG, TIFF,
    BMP, WebP, GIF and PPM; 8 bits, or 16 bits of grey; EXIF turns are applied and palettes become
    colour. Every file is opened before anything is trained, and the first bad ones are named.

    Args:
        path: the folder.
        size: height and width in pixels, or one number for both; null when all images agree.
        resize: how images of another size are brought to ``size``: ``crop`` fills it and cuts the
            rest, ``pad`` fits inside and adds black, ``stretch`` changes proportions.
        mode: channels to deliver; ``auto`` asks that all files agree.
        alpha: what becomes of transparency: ``drop`` ignores it, ``white`` and ``black`` lay the
            image on that background, ``keep`` adds it as the last channel.
        labels: whether subfolders are classes; with false the images are unlabelled.
        holdout: share kept for testing when the folder has no test split, in (0, 1).
        check: decode every file once when opening; false reads headers only.
        cache: images are kept decoded in memory when all of them take at most so many MiB;
            otherwise each is decoded whenever it is needed. Needs ``check``.

    Raises:
        DataError: for an empty folder, unreadable files, and for sizes, channels or transparency
            that differ without a policy.
    """
    root = Path(path).expanduser()
    names = find_images(root)
    train, test, depth = split_folders(names)
    classes, numbers = _classes(names, depth) if labels else ((), None)
    source, content = open_images(
        [root / name for name in names], numbers, classes,
        size=size, resize=resize, mode=mode, alpha=alpha, check=check, cache=cache,
    )  # fmt: skip
    if len(test) == 0:
        train, test = hold_out(len(names), holdout, numbers)
    return Dataset(
        name="folder",
        spec=source.spec,
        train=Subset(source, train),
        test=Subset(source, test),
        fingerprint=fingerprint(names, *content, train, test),
        description=f"{len(names):,} images in {path}",
    )


def open_images(
    paths: Sequence[Path],
    numbers: Array | None = None,
    classes: tuple[str, ...] = (),
    *,
    size: int | Sequence[int] | None = None,
    resize: Resize = "refuse",
    mode: Literal["auto", "grey", "rgb"] = "auto",
    alpha: Alpha = "refuse",
    check: bool = True,
    cache: int = 256,
) -> tuple[Source, tuple[list[str], str]]:
    """Bring image files to one layout.

    Args:
        paths: the files.
        numbers: class numbers ``(N,)``, or None.
        classes: names of the classes.
        size: see :func:`folder`; so are the others.
        resize: how images of another size are brought to ``size``.
        mode: channels to deliver.
        alpha: what becomes of transparency.
        check: decode every file once.
        cache: MiB up to which images are kept decoded.

    Returns:
        The images in the order of the files; and what a fingerprint is made of: a text per file that
        changes with it, and the layout.

    Raises:
        DataError: as :func:`folder`.
    """
    layout = choose_layout(_headers(paths), paths, size=size, resize=resize, mode=mode, alpha=alpha)
    levels = 1 << layout.bits
    spec = DataSpec(kind="image", shape=layout.shape, range=(0.0, 1.0), levels=levels, classes=classes)
    source: Source = FolderSource(paths, numbers, spec, layout)
    if check:
        source, content = _decoded(source, paths, numbers, layout, limit=cache << 20)
    else:
        content = [f"{s.st_size} {s.st_mtime_ns}" for s in (p.stat() for p in paths)]
    return source, (content, repr(layout))


class FolderSource(Source):
    """Images that are decoded when they are fetched.

    Args:
        paths: the files.
        labels: class numbers ``(N,)``, or None.
        spec: what one image is.
        layout: how images are delivered.
    """

    def __init__(self, paths: Sequence[Path], labels: Array | None, spec: DataSpec, layout: Layout) -> None:
        self.spec = spec
        self._paths = paths
        self._labels = labels
        self._layout = layout

    def __len__(self) -> int:
        return len(self._paths)

    def fetch(self, indices: Array) -> Raw:
        values = np.empty((len(indices), *self.spec.shape), dtype=_dtype(self._layout))
        for row, index in enumerate(indices.tolist()):
            values[row] = read_image(self._paths[index], self._layout)
        return values, None if self._labels is None else self._labels.take(indices)


def find_images(root: Path) -> list[str]:
    """Return the image files under ``root`` as sorted relative names with forward slashes.

    Raises:
        DataError: when there is no such folder, or no image in it.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    found: list[str] = []
    others = 0
    visited: set[str] = set()
    for here, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(here)
        if real in visited:  # links may form a circle
            folders.clear()
            continue
        visited.add(real)
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        for name in files:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in SUFFIXES:
                found.append(Path(here, name).relative_to(root).as_posix())
            else:
                others += 1
    if not found:
        raise DataError(
            f"{root} holds no image ({others} files of other kinds); "
            f"images end in {', '.join(sorted(SUFFIXES))}"
        )
    return sorted(found)


def split_folders(names: Sequence[str]) -> tuple[Array, Array, int]:
    """Numbers of training and test files, and how many folder levels name the split."""
    first = np.array([name.split("/")[0].lower() if "/" in name else "" for name in names])
    folders = set(first.tolist())
    if folders <= _TRAIN | _TEST | _VALIDATION and folders & _TRAIN:
        test = folders & _TEST or folders & _VALIDATION
        if test:
            train = np.flatnonzero(np.isin(first, sorted(_TRAIN)))
            return train, np.flatnonzero(np.isin(first, sorted(test))), 1
    return np.arange(len(names)), np.arange(0), 0


def _classes(names: Sequence[str], depth: int) -> tuple[tuple[str, ...], Array | None]:
    """Class names and numbers from the folder at ``depth``; fewer than two make no classes."""
    parts = [name.split("/")[depth:] for name in names]
    loose = sum(len(part) == 1 for part in parts)
    if loose == len(parts):
        return (), None
    if loose:
        raise DataError(
            f"{loose} images lie beside the class folders and {len(parts) - loose} inside them; "
            "move them into a class, or set labels: false to read all without classes"
        )
    folders, numbers = np.unique([part[0] for part in parts], return_inverse=True)
    if len(folders) < 2:
        return (), None
    return tuple(folders.tolist()), numbers.astype(np.int64)


def _headers(paths: Sequence[Path]) -> list[Header]:
    with no_bomb_warnings():
        return _all_or_error(read_header, paths)


def _decoded(
    source: Source, paths: Sequence[Path], labels: Array | None, layout: Layout, *, limit: int
) -> tuple[Source, list[str]]:
    """Decode every file; return the source, in memory if it fits, and a hash of each file."""
    shape = (len(paths), *layout.shape)
    fits = int(np.prod(shape)) * np.dtype(_dtype(layout)).itemsize <= limit
    values = np.empty(shape if fits else (0, *layout.shape), dtype=_dtype(layout))

    def decode(numbered: tuple[int, Path]) -> str:
        number, path = numbered
        content = path.read_bytes()
        image = read_image(path, layout, content)
        if fits:
            values[number] = image
        return hashlib.sha256(content).hexdigest()

    hashes = _all_or_error(decode, list(enumerate(paths)))
    return (ArraySource(values, labels, source.spec) if fits else source), hashes


def _all_or_error(function: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """Apply ``function`` to all items in threads; raise one error that names the bad ones."""

    def attempt(item: _T) -> tuple[_R | None, str]:
        try:
            return function(item), ""
        except (DataError, OSError) as error:
            return None, str(error)

    results: list[_R] = []
    errors: list[str] = []
    with ThreadPoolExecutor(min(16, 2 * (os.cpu_count() or 1))) as pool:
        for chunk in _chunks(items, 4096):  # a future costs a kilobyte; a million would cost a gigabyte
            for result, error in pool.map(attempt, chunk):
                if error:
                    errors.append(error)
                else:
                    results.append(result)  # type: ignore[arg-type]
    if errors:
        more = f"\nand {len(errors) - 10} more" if len(errors) > 10 else ""
        count = "1 file" if len(errors) == 1 else f"{len(errors)} files"
        raise DataError(f"{count} of {len(items)} cannot be used:\n" + "\n".join(errors[:10]) + more)
    return results


def _chunks(items: Sequence[_T], length: int) -> Iterator[Sequence[_T]]:
    return (items[first : first + length] for first in range(0, len(items), length))


def _dtype(layout: Layout) -> type[np.unsignedinteger]:
    return np.uint16 if layout.bits == 16 else np.uint8
