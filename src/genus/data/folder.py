"""Folders of images."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genus.core.errors import DataError
from genus.core.registry import data
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.image_source import open_images
from genus.data.images import SUFFIXES, Alpha, Mode, Resize
from genus.data.labels import encode_labels
from genus.data.split import fingerprint, group_numbers, hold_out
from genus.data.window import PixelKind, WindowChoice, read_as

_TRAIN = frozenset({"train", "training"})
_TEST = frozenset({"test", "testing"})
_VALIDATION = frozenset({"val", "valid", "validation"})


@data("folder", sniff="genus.data.sniff:is_image", reads="folder", what="a folder of images")
def folder(
    *,
    path: str,
    kind: PixelKind = "auto",
    window: WindowChoice = None,
    size: int | Sequence[int] | None = None,
    resize: Resize = "refuse",
    mode: Mode = "auto",
    alpha: Alpha = "refuse",
    labels: bool = True,
    group: str | None = None,
    holdout: float = 0.1,
    check: bool = True,
    cache: int = 256,
) -> Dataset:
    """Image files in a folder, one subfolder per class or all together.

    Subfolders are read to any depth; the first level names the class. Folders ``train`` and
    ``test`` at the first level are the splits, with classes below them; ``val`` stands in for a
    missing ``test``. Hidden and other files are passed over. PNG, JPEG, TIFF, BMP, WebP, GIF and PPM;
    8 bits, or 16 bits of grey; EXIF turns are applied and palettes become colour. Every file is
    opened before anything is trained, and the first bad ones are named.

    Args:
        path: the folder.
        kind: ``labels`` takes grey values, or indices of a palette, for numbers of labels; ``auto`` does so
            for grey values below 16, two of which become black and white (with ``check``).
        window: numbers that become black and white, such as [0, 4095] for 12 bits in 16; ``auto`` takes those
            between which 99 % of the training values lie. Samples are written in the files' numbers.
        size: height and width in pixels, or one number for both; null when all images agree.
        resize: how other sizes become ``size``: ``crop`` fills it and cuts the rest, ``pad`` fits inside
            and adds black, ``stretch`` changes proportions.
        mode: channels to deliver; ``auto`` asks that all files agree.
        alpha: what becomes of transparency: ``drop`` ignores it, ``white`` and ``black`` lay the
            image on that background, ``keep`` adds it as the last channel.
        labels: whether subfolders are classes.
        group: regular expression whose parenthesis names a file's group, such as ``(.*)_slice``: images of
            one group never fall into both splits.
        holdout: share kept for testing when the folder has no test split, in (0, 1).
        check: decode every file once when opening; false reads headers only.
        cache: MiB up to which all images are kept decoded in memory. Needs ``check``.

    Raises:
        DataError: for no or unreadable images, and sizes, channels or transparency without a policy.
    """
    names = find_images(root := Path(path).expanduser())
    _, _, depth = split_folders(names)
    classes, numbers = _classes(names, depth) if labels else ((), None)
    groups = None if group is None else _groups(names, group)
    source, content = open_images(
        [root / name for name in names], numbers, classes, keys=names, groups=groups, labels=kind == "labels",
        size=size, resize=resize, mode=mode, alpha=alpha, check=check, cache=cache,
    )  # fmt: skip
    train, test = _splits(names, numbers, groups, holdout, path)
    mark, text = fingerprint(names, *content, train, test), f"{len(names):,} images in {path}"
    dataset = Dataset.of_split("folder", source, train, test, fingerprint=mark, description=text)
    opened: PixelKind = "auto" if kind == "labels" else kind  # label maps are none of images any more
    return read_as(dataset, opened if check else "image", window)


def _splits(
    names: Sequence[str], numbers: Array | None, groups: Array | None, holdout: float, path: str
) -> tuple[Array, Array]:
    """Numbers of training and test files: those of the folders, or some held out."""
    train, test, _ = split_folders(names)
    if len(test) == 0:
        train, test = hold_out(len(names), holdout, numbers, groups)
    if groups is not None and np.intersect1d(groups[train], groups[test]).size:
        raise DataError(f"{path}: images of one group lie in its folders for training and for testing")
    return train, test


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


def _groups(names: Sequence[str], pattern: str) -> Array:
    """Number of the group of each file."""
    try:
        found = [re.search(pattern, name) for name in names]
        groups = [match[1] if match else None for match in found]
    except (re.error, IndexError) as error:
        raise DataError(f"group: {pattern!r} is no regular expression with a parenthesis ({error})") from None
    lacking = [name for name, group in zip(names, groups, strict=True) if group is None]
    if lacking:
        raise DataError(f"group: {pattern!r} is not found in {len(lacking)} file names, first {lacking[0]}")
    return group_numbers(np.array(groups))


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
    (numbers,), folders = encode_labels([np.array([part[0] for part in parts])])
    return (folders, numbers) if len(folders) > 1 else ((), None)
