"""Image files as a source: one layout for all, decoded once or whenever they are needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from genus.core.errors import DataError
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.checks import Array
from genus.data.image_layout import choose_layout
from genus.data.images import Alpha, Header, Layout, Mode, Resize, no_bomb_warnings, read_header, read_image
from genus.data.source import Raw, Source

_T = TypeVar("_T")
_R = TypeVar("_R")
_MOST_LABELS = 64
"""More different values are no numbers of labels."""


def open_images(
    paths: Sequence[Path],
    numbers: Array | None = None,
    classes: tuple[str, ...] = (),
    *,
    keys: Sequence[str] | None = None,
    groups: Array | None = None,
    labels: bool = False,
    size: int | Sequence[int] | None = None,
    resize: Resize = "refuse",
    mode: Mode = "auto",
    alpha: Alpha = "refuse",
    check: bool = True,
    cache: int = 256,
) -> tuple[Source, tuple[list[str], str]]:
    """Bring image files to one layout.

    Args:
        paths: the files.
        numbers: class numbers ``(N,)``, or None.
        classes: names of the classes.
        keys: see :class:`genus.data.source.Source`.
        groups: see there.
        labels: whether values are numbers of labels.
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
    headers = _headers(paths)
    layout = choose_layout(
        [replace(header, colour=False) for header in headers] if labels else headers,
        paths,
        size=size,
        resize=resize,
        mode=mode,
        alpha="drop" if labels else alpha,
    )
    layout = replace(layout, labels=labels)
    space = Space(kind="image", shape=layout.shape, range=(0.0, 1.0), levels=1 << layout.bits)
    spec = DataSpec(example=space, condition=class_space(classes), grouped=groups is not None)
    source: Source = FolderSource(paths, numbers, spec, layout, keys, groups)
    if check:
        source, content = _decoded(source, paths, numbers, layout, limit=cache << 20)
    else:
        content = [f"{s.st_size} {s.st_mtime_ns}" for s in (p.stat() for p in paths)]
    return LabelMaps(source) if labels else source, (content, repr(layout))


class FolderSource(Source):
    """Images that are decoded when they are fetched.

    Args:
        paths: the files.
        labels: class numbers ``(N,)``, or None.
        spec: what one image is.
        layout: how images are delivered.
        keys: see :class:`genus.data.source.Source`.
        groups: see there.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        labels: Array | None,
        spec: DataSpec,
        layout: Layout,
        keys: Sequence[str] | None = None,
        groups: Array | None = None,
    ) -> None:
        self.spec = spec
        self.keys, self.groups = keys, groups
        self._paths = paths
        self._labels = labels
        self._layout = layout

    def __len__(self) -> int:
        return len(self._paths)

    def fetch(self, indices: Array) -> Raw:
        values = np.empty((len(indices), *self.spec.shape), dtype=_dtype(self._layout))
        for row, index in enumerate(indices.tolist()):
            values[row] = read_image(self._paths[index], self._layout)
        return Raw(values, None if self._labels is None else self._labels.take(indices))


class LabelMaps(Source):
    """Grey images whose values are the numbers of labels, counted from 0 in the order of the values.

    Args:
        images: of few different values.
        values: all that occur; found in the images unless given.

    Raises:
        DataError: when there are too many to be labels.
    """

    def __init__(self, images: Source, values: Array | Sequence[int] | None = None) -> None:
        self._values = used_levels(images) if values is None else np.asarray(values)
        if len(self._values) > _MOST_LABELS:
            raise DataError(
                f"the images hold {len(self._values)} different values, which are no numbers of labels (at "
                f"most {_MOST_LABELS}); make them label maps first, or read them as images: kind: image"
            )
        names = tuple(str(value) for value in self._values.tolist())
        space = Space(kind="labels", shape=images.spec.shape, names=names)
        self.spec = replace(images.spec, example=space)
        self.keys, self.groups = images.keys, images.groups
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def fetch(self, indices: Array) -> Raw:
        raw = self._images.fetch(indices)
        return raw._replace(values=np.searchsorted(self._values, raw.values).astype(np.int64))


def used_levels(source: Source) -> Array:
    """Different level numbers of the examples of a source, sorted."""
    seen = np.zeros(source.spec.levels or 0, dtype=bool)
    for first in range(0, len(source), 64):
        seen[source.fetch(np.arange(first, min(first + 64, len(source)))).values] = True
    return np.flatnonzero(seen)


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
    if not fits:
        return source, hashes
    kept = ArraySource(values, labels, source.spec, keys=source.keys, groups=source.groups)
    return kept, hashes


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
