"""MNIST's idx files."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np

from genus.core.errors import DataError
from genus.core.registry import data
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.checks import Array
from genus.data.dataset import Dataset, dataset_from_arrays
from genus.data.labels import encode_labels
from genus.data.split import fingerprint

_IMAGES = re.compile(r"images(.?)idx3", re.IGNORECASE)
_DEFLATE = 1032
"""Bytes that one compressed byte can stand for, at most."""


@data(
    "idx",
    paper="LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86 (1998)",
    sniff="genus.data.sniff:is_idx",
    reads="both",
    what="idx (MNIST) files",
)
def idx(*, path: str, holdout: float = 0.1) -> Dataset:
    """Images in idx files (MNIST, Fashion-MNIST, EMNIST, …), plain or gzipped.

    Args:
        path: the folder with ``train-images-idx3-ubyte``, ``t10k-images-idx3-ubyte`` and their
            labels, or one file of images; its labels are looked for beside it.
        holdout: share kept for testing where there is no file of test images, in (0, 1).

    Raises:
        DataError: for missing, truncated or foreign files.
    """
    files = image_files(Path(path).expanduser())
    images = [_images(file) for file in files]
    labels, classes = _labels(files)
    shape = (1, *images[0].shape[2:])
    spec = DataSpec(
        example=Space(kind="image", shape=shape, range=(0.0, 1.0), levels=256), condition=class_space(classes)
    )
    description = f"idx images in {path}"
    if len(files) == 1:
        return dataset_from_arrays(
            "idx", images[0], labels[0], spec, holdout=holdout, description=description
        )
    return Dataset(
        name="idx",
        spec=spec,
        train=ArraySource(images[0], labels[0], spec),
        test=ArraySource(images[1], labels[1], spec),
        fingerprint=fingerprint(*images, *labels),
        description=description,
    )


def image_files(path: Path) -> list[Path]:
    """Return the file of training images, and that of test images where there is one.

    Raises:
        DataError: when there is none, or the choice is not clear.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: there is no such file or folder")
    found = sorted(p for p in path.iterdir() if _IMAGES.search(p.name) and not p.name.startswith("."))
    train = [p for p in found if "train" in p.name.lower()]
    test = [p for p in found if re.search("t10k|test", p.name.lower())]
    if len(found) == 1:
        return found
    if len(train) == 1 and len(test) == 1:
        return [*train, *test]
    names = ", ".join(p.name for p in found) or "none"
    raise DataError(
        f"{path}: expected one file of training images (train-images-idx3-ubyte) and one of test images "
        f"(t10k-images-idx3-ubyte), plain or .gz; found {names}. Give the path of one file"
    )


def read_idx(path: Path) -> Array:
    """Read one idx file of bytes.

    Returns:
        uint8 array with the file's dimensions.

    Raises:
        DataError: when the file is truncated, damaged, or not idx with unsigned bytes.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:3] != b"\0\0\x08":
                raise DataError(f"{path}: not an idx file of unsigned bytes (it starts with {magic!r})")
            shape = np.frombuffer(file.read(4 * magic[3]), dtype=">u4").tolist()
            expected = math.prod(shape)
            possible = path.stat().st_size * (_DEFLATE if zipped else 1)
            content = file.read(expected) if expected <= possible else b""
            if len(shape) != magic[3] or len(content) < expected or file.read(1):
                raise DataError(
                    f"{path}: its header promises {'×'.join(map(str, shape))} bytes, but the file is "
                    f"{'too short' if len(content) < expected else 'too long'}; fetch it again"
                )
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch it again") from None
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _images(path: Path) -> Array:
    images = read_idx(path)
    if images.ndim != 3:
        raise DataError(f"{path}: has {images.ndim} dimensions; images have 3 (number, height, width)")
    return images[:, None]


def _labels(files: list[Path]) -> tuple[list[Array] | list[None], tuple[str, ...]]:
    """Labels beside each file of images, as class numbers; Nones when there are none at all."""
    beside = [p.with_name(_IMAGES.sub(r"labels\1idx1", p.name)) for p in files]
    # A name without "images-idx3" stays as it was; then the images themselves would be found.
    found = [p.exists() and p != file for p, file in zip(beside, files, strict=True)]
    if not any(found):
        return [None] * len(files), ()
    if not all(found):
        raise DataError(f"{beside[found.index(False)]} is missing, but other labels are there")
    return encode_labels([read_idx(p) for p in beside])
