"""Where examples come from: random access to raw values, and their conversion to batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.errors import DataError
from genus.core.spec import DataSpec
from genus.data.checks import Array, check_labels, check_values
from genus.data.split import fingerprint, hold_out

Raw = tuple[Array, Array | None]
"""Raw values ``(n, *spec.shape)``, and int64 labels ``(n,)`` or raw conditions, or None without."""


class Source(ABC):
    """A finite list of examples that can be fetched in any order.

    Sources are pickled to reader processes, so they hold paths rather than open files.
    """

    spec: DataSpec
    centres: Array | None = None
    """Modes ``(modes, *shape)`` of a mixture toy, in the order of its labels; else None."""
    sigma: float | None = None
    """Standard deviation around each centre; None unless the data are a mixture toy."""
    deviations: float = 3.0
    """Distance to its centre, in standard deviations, up to which a sample is of high quality."""

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
    x = _units(torch.from_numpy(values), spec.levels)
    if labels is None:
        return Batch(x)
    condition = torch.from_numpy(labels)
    if spec.condition is not None and spec.condition.is_image:
        condition = _units(condition, spec.condition.levels)
    return Batch(x, condition)


def _units(values: Tensor, levels: int | None) -> Tensor:
    if values.dtype == torch.float32:
        return values
    return values.to(torch.float32).div_((levels or 2) - 1)


class ArraySource(Source):
    """Examples in one array, in memory or memory-mapped.

    Args:
        array: ``(N, *spec.shape)``: uint8 or uint16 level numbers when ``spec.levels`` is given,
            else any float type.
        labels: integers ``(N,)``, positions in ``spec.classes``; None when unlabelled.
        spec: what one example is.
        centres: modes ``(modes, *spec.shape)`` of a mixture toy.
        sigma: standard deviation around each centre.
        deviations: see :class:`Source`.

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
        deviations: float = 3.0,
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
        self.deviations = deviations
        self._array = array
        self._labels = labels

    def __len__(self) -> int:
        return len(self._array)

    def fetch(self, indices: Array) -> Raw:
        if self._array.flags.c_contiguous:
            values = self._array.take(indices, axis=0)  # twice as fast, but copies any other layout whole
        else:
            values = np.ascontiguousarray(self._array[indices])
        if values.dtype.kind == "f":
            values = values.astype(np.float32, copy=False)
        return np.asarray(values), None if self._labels is None else self._labels.take(indices)


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
        self.deviations = source.deviations
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

    Raises:
        DataError: when a split is empty or holds something else than ``spec``.
    """

    name: str
    spec: DataSpec
    train: Source
    test: Source
    fingerprint: str
    description: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        for split, source in (("training", self.train), ("test", self.test)):
            if len(source) == 0:
                raise DataError(f"data {self.name!r} have no {split} examples")
            if source.spec != self.spec:
                raise DataError(
                    f"the {split} examples of data {self.name!r} are {source.spec.describe()}; "
                    f"declared is {self.spec.describe()}"
                )


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
