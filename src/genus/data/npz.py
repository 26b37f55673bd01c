"""NumPy arrays in .npz and .npy files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from genus.core.column import Column
from genus.core.errors import DataError
from genus.core.registry import data
from genus.core.space import Space, SpaceKind, class_space, table_space
from genus.core.spec import DataSpec
from genus.data.array_layout import arrange, otherwise
from genus.data.array_source import ArraySource
from genus.data.checks import Array, OutOfRange, native, within_unit
from genus.data.dataset import Dataset, dataset_from_arrays
from genus.data.labels import encode_labels
from genus.data.offsets import fit_offsets, less_offsets
from genus.data.split import fingerprint
from genus.data.window import PixelKind, WindowChoice, read_as

_SPLIT_KEYS = (("train_images", "train_labels"), ("x_train", "y_train"), ("train_x", "train_y"))
_WHOLE_KEYS = (("images", "labels"), ("x", "y"), ("X", "y"), ("data", "labels"), ("data", "target"))


@data("npz", sniff="genus.data.sniff:is_arrays", what=".npz or .npy arrays")
def npz(
    *,
    path: str,
    array: str | None = None,
    layout: Literal["auto", "vector", "l", "cl", "lc", "hw", "hwc", "chw", "dhw", "cdhw"] = "auto",
    labels: bool = True,
    kind: PixelKind = "auto",
    window: WindowChoice = None,
    holdout: float = 0.1,
) -> Dataset:
    """Arrays in one ``.npz`` or ``.npy`` file; examples along the first axis.

    Understood keys: ``train_images``, ``train_labels``, ``test_images``, ``test_labels``
    (MedMNIST), ``x_train``, ``y_train``, ``x_test``, ``y_test`` (Keras), ``images`` and
    ``labels``, ``x`` and ``y``, or one single array. A ``.npy`` file is read from disk as needed.
    Images and volumes are uint8 (0 … 255), uint16 (0 … 65535), truth values, or floats in [0, 1];
    vectors and sequences are taken as they are, except that uint8 and uint16 count as levels of
    [0, 1]; a vector with numbers too large for 32 bits becomes a table of columns less an offset.
    Sequences all of whose values lie in [0, 1] are bounded by it, others are unbounded.

    Args:
        path: the file.
        array: key of the examples; null for one of the keys above.
        layout: axes after the first: ``l`` length of a sequence, ``h`` height, ``w`` width,
            ``d`` depth, ``c`` channels. ``auto`` takes one axis for a vector, two for a grey image,
            three for an image when one to four channels stand first or last, else for a volume;
            it asks when the first or last of three is at most 16 and less than half as long as the
            others, which may be channels or slices. It never takes anything for a sequence.
        labels: whether to use the labels in the file.
        kind: of whole numbers of images and volumes, as for ``folder``.
        window: numbers that become 0 and 1 in images and volumes, as for ``folder``.
        holdout: share kept for testing when the file has no test split, in (0, 1).

    Raises:
        DataError: for unknown keys, axes that are not clear, Python objects, NaN, or floats
            outside [0, 1] in images or volumes.
    """
    content = read_arrays(Path(path).expanduser())
    examples, tags = _choose(content, array, path)
    arrays, kinds, levels = zip(
        *(arrange(content[key], layout, f"{path}: {key}") for key in examples), strict=True
    )
    bounded = window is None or levels[0] is not None
    arrays, example = _example(arrays, kinds[0], levels[0], bounded)
    numbers, classes = _labels(content, tags if labels else [], path)
    numbers = numbers or [None] * len(examples)
    spec = DataSpec(example=example, condition=class_space(classes))
    if len(arrays) == 2 and (arrays[0].shape[1:] != arrays[1].shape[1:] or levels[0] != levels[1]):
        raise DataError(f"{path}: {examples[0]} and {examples[1]} differ in shape or type")
    text = f"arrays {', '.join(examples)} of {path}"
    try:
        return read_as(_dataset(arrays, numbers, spec, holdout, text), kind, window)
    except OutOfRange as error:
        taken = f"{path}: {examples[0]} was taken for {spec.kind}s of {'×'.join(map(str, spec.shape))}"
        other = otherwise(content[examples[0]].shape[1:], layout)
        raise DataError(f"{taken}: {error}{other}") from None


def _example(
    arrays: Sequence[Array], kind: SpaceKind, levels: int | None, bounded: bool
) -> tuple[Sequence[Array], Space]:
    """What one example is, and the arrays: less the offsets of their columns where they need any."""
    offsets = fit_offsets(arrays[0]) if kind == "vector" else np.zeros(1)
    if offsets.any():
        columns = [Column(name=str(i), offset=float(offset)) for i, offset in enumerate(offsets)]
        return [less_offsets(array, offsets) for array in arrays], table_space(columns)
    limits = _range(arrays, kind, levels) if bounded else None
    return arrays, Space(kind=kind, shape=arrays[0].shape[1:], range=limits, levels=levels)


def _labels(
    content: Mapping[str, Array], tags: Sequence[str], path: str
) -> tuple[Sequence[Array | None], tuple[str, ...]]:
    """Class numbers of each split, and the names of the classes; nothing where the file has no labels."""
    present = [key in content for key in tags]
    if not any(present):
        return [], ()
    if not all(present):
        raise DataError(f"{path}: has no array {tags[present.index(False)]!r}; set labels: false")
    return encode_labels([content[key] for key in tags])


def _range(arrays: Sequence[Array], kind: SpaceKind, levels: int | None) -> tuple[float, float] | None:
    if levels is not None or kind in ("image", "volume"):
        return (0.0, 1.0)
    return (0.0, 1.0) if kind == "sequence" and all(within_unit(array) for array in arrays) else None


def _dataset(
    arrays: Sequence[Array], numbers: Sequence[Array | None], spec: DataSpec, holdout: float, text: str
) -> Dataset:
    """Examples with a split of their own, or with one held out."""
    if len(arrays) == 1:
        return dataset_from_arrays("npz", arrays[0], numbers[0], spec, holdout=holdout, description=text)
    return Dataset(
        name="npz",
        spec=spec,
        train=ArraySource(arrays[0], numbers[0], spec),
        test=ArraySource(arrays[1], numbers[1], spec),
        fingerprint=fingerprint(*arrays, *numbers),
        description=text,
    )


def read_arrays(path: Path) -> Mapping[str, Array]:
    """Open the arrays of a file by key; those of an ``.npz`` are read when first used.

    A ``.npy`` file is memory-mapped, unless its byte order is that of other machines, and has the key
    ``"array"``. Pickled objects are refused.

    Raises:
        DataError: when the file is missing or is not what its name says.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
        if start == b"\x93NUMPY":
            return {"array": native(np.load(path, mmap_mode="r", allow_pickle=False))}
        if zipfile.is_zipfile(path):
            return _Archive(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(_unreadable(path, error)) from None
    raise DataError(f"{path}: neither .npy nor .npz (it starts with {start!r})")


class _Archive(Mapping[str, Array]):
    """The arrays of an .npz file, each read when it is first used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = np.load(path, allow_pickle=False)

    def __getitem__(self, key: str) -> Array:
        try:
            return native(cast("Array", self._file[key]))
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
            raise DataError(f"{_unreadable(self._path, error)} (array {key!r})") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.files)

    def __len__(self) -> int:
        return len(self._file.files)


def _unreadable(path: Path, error: Exception) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return f"{path}: holds Python objects, which are never loaded; save numbers or text instead"
    return f"{path}: cannot be read ({error})"


def _choose(content: Mapping[str, Any], array: str | None, path: str) -> tuple[list[str], list[str]]:
    """Keys of the examples (train, then test where there is one) and of their labels."""
    if array is not None:
        if array not in content:
            raise DataError(f"{path}: has no array {array!r}; it has {', '.join(content)}")
        partner = [tag for key, tag in (*_SPLIT_KEYS, *_WHOLE_KEYS) if key == array and tag in content]
        return [array], partner[:1]
    for key, tag in _SPLIT_KEYS:
        if key in content:
            test, test_tag = key.replace("train", "test"), tag.replace("train", "test")
            if test in content:
                return [key, test], [tag, test_tag]
            return [key], [tag]
    for key, tag in _WHOLE_KEYS:
        if key in content:
            return [key], [tag]
    if len(content) == 1:
        return list(content), []
    raise DataError(f"{path}: has the arrays {', '.join(content)}; say which holds the examples: array: NAME")
