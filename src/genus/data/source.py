"""Where examples come from: random access to raw values, and their conversion to batches."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.errors import DataError
from genus.core.spec import DataSpec

Array = np.ndarray[Any, np.dtype[Any]]
Raw = tuple[Array, Array | None]
"""Raw values ``(n, *spec.shape)`` and int64 labels ``(n,)``, or None without labels."""

_CHUNK = 1 << 24


class Source(ABC):
    """A finite list of examples that can be fetched in any order.

    Sources are pickled to reader processes, so they hold paths rather than open files.
    """

    spec: DataSpec
    centres: Array | None = None
    """Modes ``(modes, *shape)`` of a mixture toy, in the order of its labels; else None."""
    sigma: float | None = None
    """Standard deviation around each centre; None unless the data are a mixture toy."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @abstractmethod
    def fetch(self, indices: Array) -> Raw:
        """Return raw values and labels of the examples ``indices``, in that order.

        Unsigned integers are level numbers ``0 … spec.levels − 1``; anything else is float32 in
        data units.

        Args:
            indices: int64 ``(n,)``, each in ``[0, len(self))``; repeats are allowed.
        """

    def batch(self, indices: Array) -> Batch:
        """Return the examples ``indices`` in data units: level ``k`` becomes ``k / (levels − 1)``."""
        return to_batch(self.fetch(indices), self.spec)


def to_batch(raw: Raw, spec: DataSpec) -> Batch:
    """Convert raw values to data units: level ``k`` becomes ``k / (levels − 1)``, floats pass.

    >>> spec = DataSpec(kind="vector", shape=(2,), range=(0.0, 1.0), levels=256)
    >>> to_batch((np.array([[0, 255]], dtype=np.uint8), None), spec).x
    tensor([[0., 1.]])
    """
    values, labels = raw
    return Batch(_units(torch.from_numpy(values), spec), None if labels is None else torch.from_numpy(labels))


def _units(values: Tensor, spec: DataSpec) -> Tensor:
    if values.dtype == torch.float32:
        return values
    return values.to(torch.float32).div_((spec.levels or 2) - 1)


class ArraySource(Source):
    """Examples in one array, in memory or memory-mapped.

    Args:
        array: ``(N, *spec.shape)``: uint8 or uint16 level numbers when ``spec.levels`` is given,
            else any float type.
        labels: integers ``(N,)``, positions in ``spec.classes``; None when unlabelled.
        spec: what one example is.
        centres: modes ``(modes, *spec.shape)`` of a mixture toy.
        sigma: standard deviation around each centre.

    Raises:
        DataError: when shapes, types or values do not fit ``spec``.

    >>> spec = DataSpec(kind="vector", shape=(2,))
    >>> len(ArraySource(np.zeros((5, 2)), None, spec))
    5
    """

    def __init__(
        self,
        array: Array,
        labels: Array | None,
        spec: DataSpec,
        *,
        centres: Array | None = None,
        sigma: float | None = None,
    ) -> None:
        if array.shape[1:] != spec.shape:
            raise DataError(f"the array has examples of shape {array.shape[1:]}; declared is {spec.shape}")
        if array.dtype in (np.uint8, np.uint16):
            if spec.levels is None or spec.range != (0.0, 1.0):
                raise DataError("whole numbers are level numbers: declare spec.levels and range (0, 1)")
        elif np.issubdtype(array.dtype, np.floating):
            if not isinstance(array, np.memmap):
                array = array.astype(np.float32, copy=False)
        else:
            raise DataError(f"an array of type {array.dtype} is not supported; use uint8, uint16 or float32")
        check_values(array, spec)
        if labels is not None:
            labels = np.ascontiguousarray(labels, dtype=np.int64)
            check_labels(labels, len(array), spec)
        self.spec = spec
        self.centres = centres
        self.sigma = sigma
        self._array = array
        self._labels = labels

    def __len__(self) -> int:
        return len(self._array)

    def fetch(self, indices: Array) -> Raw:
        values = self._array.take(indices, axis=0)
        if values.dtype.kind == "f" and values.dtype != np.float32:
            values = values.astype(np.float32)
        return values, None if self._labels is None else self._labels.take(indices)


class Subset(Source):
    """Some examples of another source.

    Args:
        source: where they come from.
        indices: their numbers there, int64 ``(n,)``.
    """

    def __init__(self, source: Source, indices: Array) -> None:
        self.spec = source.spec
        self.centres = source.centres
        self.sigma = source.sigma
        self._source = source
        self._indices = np.ascontiguousarray(indices, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._indices)

    def fetch(self, indices: Array) -> Raw:
        return self._source.fetch(self._indices.take(indices))


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A named data set with its two splits.

    Args:
        name: as a recipe writes it.
        spec: what one example is, in both splits.
        train: examples to learn from.
        test: examples kept aside, the reference of every metric.
        fingerprint: 16 hexadecimal digits that change when any example or the split changes.
        description: one line for people.
        licence: terms under which the data may be used; empty when the user brings the data.
    """

    name: str
    spec: DataSpec
    train: Source
    test: Source
    fingerprint: str
    description: str = ""
    licence: str = ""


def dataset_from_arrays(
    name: str,
    array: Array,
    labels: Array | None,
    spec: DataSpec,
    *,
    holdout: float = 0.1,
    description: str = "",
    licence: str = "",
) -> Dataset:
    """Build a data set without a test split of its own: a fixed share is held out.

    Args:
        name: as a recipe writes it.
        array: see :class:`ArraySource`.
        labels: see :class:`ArraySource`.
        spec: what one example is.
        holdout: share of the examples kept for testing, in (0, 1); see :func:`hold_out`.
        description: one line for people.
        licence: terms of use.
    """
    source = ArraySource(array, labels, spec)
    train, test = hold_out(len(source), holdout, labels)
    return Dataset(
        name=name,
        spec=spec,
        train=Subset(source, train),
        test=Subset(source, test),
        fingerprint=fingerprint(array, labels, f"holdout {holdout}"),
        description=description,
        licence=licence,
    )


def hold_out(n: int, share: float, labels: Array | None = None) -> tuple[Array, Array]:
    """Split example numbers into train and test, the same way in every run.

    Examples are put in random order within their class, classes one after the other; the test
    split takes them at equal distances, so that each class gives its share.

    Args:
        n: how many examples there are.
        share: share of the test split, in (0, 1).
        labels: integers ``(n,)`` to stratify by.

    Returns:
        Sorted numbers of the training and of the test examples; the latter are
        ``max(1, round(share · n))``.

    Raises:
        DataError: when a split would be empty.

    >>> train, test = hold_out(20, 0.1, np.repeat([0, 1], 10))
    >>> len(train), np.repeat([0, 1], 10)[test].tolist()
    (18, [0, 1])
    """
    if not 0 < share < 1:
        raise DataError(f"holdout is a share between 0 and 1, such as 0.1; got {share}")
    count = max(1, round(share * n))
    if count >= n:
        raise DataError(f"{n} examples cannot be split with holdout {share}: no training examples are left")
    order = np.random.default_rng(0).permutation(n)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    chosen = np.zeros(n, dtype=bool)
    chosen[order[((np.arange(count) + 0.5) * n / count).astype(np.int64)]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def fingerprint(*parts: Array | Sequence[Any] | str | None) -> str:
    """Short SHA-256 over arrays (type, shape and values) and over the text of anything else.

    >>> fingerprint(np.zeros(3)) == fingerprint(np.zeros((3, 1)))
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            rows = max(1, _CHUNK // max(1, part[:1].nbytes))
            for first in range(0, len(part), rows):
                digest.update(np.ascontiguousarray(part[first : first + rows]))
        else:
            digest.update(repr(part).encode())
        digest.update(b"|")
    return digest.hexdigest()[:16]


def check_values(array: Array, spec: DataSpec) -> None:
    """Check that values are finite and in the declared range.

    Args:
        array: level numbers or floats, ``(N, *spec.shape)``; read in chunks.
        spec: the declaration.

    Raises:
        DataError: naming the first offending example and value.
    """
    rows = max(1, _CHUNK // max(1, array[:1].nbytes))
    for first in range(0, len(array), rows):
        chunk = array[first : first + rows]
        low, high = float(chunk.min()), float(chunk.max())
        if not np.isfinite(low) or not np.isfinite(high):
            index = int(np.flatnonzero(~np.isfinite(chunk).reshape(len(chunk), -1).all(1))[0])
            raise DataError(f"example {first + index} contains NaN or infinity; remove or repair it")
        if chunk.dtype.kind == "u":
            bounds = (0.0, float((spec.levels or 2) - 1))
        elif spec.range is not None:
            bounds = spec.range
        else:
            continue
        if low < bounds[0] or high > bounds[1]:
            worst = low if low < bounds[0] else high
            hint = ""
            if chunk.dtype.kind == "f" and 1 < high <= 255 and low >= 0 and bounds == (0.0, 1.0):
                hint = "; they look like 8-bit values: store them as uint8, or divide by 255"
            raise DataError(
                f"values are declared in [{bounds[0]:g}, {bounds[1]:g}], but {worst:g} occurs "
                f"(the data span {low:g} to {high:g}){hint}"
            )


def check_labels(labels: Array, n: int, spec: DataSpec) -> None:
    """Check that there is one label per example and that each names a class.

    Raises:
        DataError: saying which label does not fit.
    """
    if labels.shape != (n,):
        raise DataError(f"there are {n} examples, but labels of shape {labels.shape}; expected ({n},)")
    if spec.classes and (labels.min() < 0 or labels.max() >= spec.num_classes):
        raise DataError(
            f"labels run from {labels.min()} to {labels.max()}, but there are {spec.num_classes} classes"
        )
