"""Sources of examples: random access to raw values, and their conversion to batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genus.core.batch import Batch, Parts
from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.checks import Array, check_labels, check_values
from genus.data.split import fingerprint, hold_out


class Raw(NamedTuple):
    """Examples as a source stores them.

    Args:
        values: level numbers ``0 … levels − 1`` as unsigned integers, numbers of labels or words as integers,
            anything else as float32 in data units, ``(n, *spec.shape)``.
        condition: the same of conditions: one array, or one for each part of a composite space; None without.
        observed: which elements of ``values`` are known, bool; None when all are.
    """

    values: Array
    condition: RawCondition | None = None
    observed: Array | None = None


RawCondition = Array | dict[str, Array]
"""Conditions as a source stores them, by name where there are several parts."""


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

    keys: Sequence[str] | None = None
    """Names by which examples find their conditions in another source (file names, say); None without."""
    groups: Array | None = None
    """Number of the group of each example, int64 ``(N,)``; splits cut no group. None without groups."""
    second: int = 0
    """Examples of an unpaired second domain; 0 where conditions belong to their examples."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @abstractmethod
    def fetch(self, indices: Array) -> Raw:
        """Return the examples ``indices`` as they are stored, in that order.

        Args:
            indices: int64 ``(n,)``, each in ``[0, len(self))``; repeats are allowed. With a second domain
                also ``(n, 2)``, of which the second column numbers its examples.
        """

    def batch(self, indices: Array) -> Batch:
        """Return the examples ``indices`` in data units: level ``k`` becomes ``k / (levels − 1)``."""
        return to_batch(self.fetch(indices), self.spec)

    def fitted(self, rows: Array) -> Source:
        """The same examples, described by what the examples ``rows`` say (vocabulary, means)."""
        del rows
        return self


Reader = Callable[[], "Dataset"]
"""A reader with its arguments, as a component that another one takes."""


def to_batch(raw: Raw, spec: DataSpec) -> Batch:
    """Convert stored values to data units: level ``k`` becomes ``k / (levels − 1)``, floats pass.

    >>> spec = DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, 1.0), levels=256))
    >>> to_batch(Raw(np.array([[0, 255]], dtype=np.uint8)), spec).x
    tensor([[0., 1.]])
    """
    x = in_units(raw.values, spec.example)
    observed = None if raw.observed is None else torch.from_numpy(raw.observed)
    if raw.condition is None:
        return Batch(x, None, observed)
    parts = spec.condition_parts()
    if isinstance(raw.condition, dict):
        named = {name: in_units(values, parts[name]) for name, values in raw.condition.items()}
        return Batch(x, Parts(named), observed)
    return Batch(x, in_units(raw.condition, next(iter(parts.values()), None)), observed)


def in_units(values: Array, space: Space | None) -> Tensor:
    """Stored values as a batch holds them: whole numbers int64, all others float32 in data units."""
    tensor = torch.from_numpy(values)
    if tensor.dtype == torch.float32 or tensor.dtype == torch.int64:
        return tensor
    if space is not None and space.is_whole:
        return tensor.long()
    return tensor.to(torch.float32).div_(((space.levels if space is not None else None) or 2) - 1)


class ArraySource(Source):
    """Examples in one array, in memory or memory-mapped.

    Args:
        array: ``(N, *spec.shape)``: uint8 or uint16 level numbers when ``spec.levels`` is given,
            else any float type.
        labels: integers ``(N,)``, positions in ``spec.classes``; None when unlabelled.
        spec: what one example is.
        observed: which elements are known, bool like ``array``; None when all are.
        keys: see :class:`Source`.
        groups: see :class:`Source`.
        centres: modes ``(modes, *spec.shape)`` of a mixture toy.
        sigma: standard deviation around each centre.
        deviations: see :class:`Source`.

    Raises:
        DataError: when shapes, types or values do not fit ``spec``.

    >>> spec = DataSpec(example=Space(kind="vector", shape=(2,)))
    >>> len(ArraySource(np.zeros((5, 2)), None, spec))
    5
    """

    def __init__(
        self,
        array: Array,
        labels: Array | None,
        spec: DataSpec,
        *,
        observed: Array | None = None,
        keys: Sequence[str] | None = None,
        groups: Array | None = None,
        centres: Array | None = None,
        sigma: float | None = None,
        deviations: float = 3.0,
    ) -> None:
        if array.shape[1:] != spec.shape:
            raise DataError(f"the array has examples of shape {array.shape[1:]}; declared is {spec.shape}")
        if array.dtype in (np.uint8, np.uint16) and not spec.example.is_whole:
            if spec.levels is None or spec.range != (0.0, 1.0):
                raise DataError("whole numbers are level numbers: declare spec.levels and range (0, 1)")
        elif spec.example.is_whole and np.issubdtype(array.dtype, np.integer):
            array = array.astype(np.int64, copy=False)
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
        self.keys = keys
        self.groups = groups
        self.centres = centres
        self.sigma = sigma
        self.deviations = deviations
        self._array = array
        self._labels = labels
        self._observed = observed

    def __len__(self) -> int:
        return len(self._array)

    def fetch(self, indices: Array) -> Raw:
        if self._array.flags.c_contiguous:
            values = self._array.take(indices, axis=0)  # twice as fast, but copies any other layout whole
        else:
            values = np.ascontiguousarray(self._array[indices])
        if values.dtype.kind == "f":
            values = values.astype(np.float32, copy=False)
        labels = None if self._labels is None else self._labels.take(indices)
        observed = None if self._observed is None else self._observed.take(indices, axis=0)
        return Raw(np.asarray(values), labels, observed)


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
        self.source = source
        self.indices = np.ascontiguousarray(indices, dtype=np.int64)
        keys = source.keys
        self.keys = None if keys is None else [keys[int(i)] for i in self.indices]
        self.groups = None if source.groups is None else source.groups.take(self.indices)

    def __len__(self) -> int:
        return len(self.indices)

    def fetch(self, indices: Array) -> Raw:
        return self.source.fetch(self.indices.take(indices))

    def fitted(self, rows: Array) -> Source:
        return Subset(self.source.fitted(self.indices.take(rows)), self.indices)


class Joined(Source):
    """The examples of several sources one after the other.

    Args:
        sources: with one spec, at least one.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.spec = sources[0].spec
        self.sources = sources
        self._firsts = np.cumsum([0, *(len(source) for source in sources)])
        if all(source.keys is not None for source in sources):
            self.keys = [key for source in sources for key in source.keys or ()]

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def fetch(self, indices: Array) -> Raw:
        owner = np.searchsorted(self._firsts, indices, side="right") - 1
        values, places = list[Array](), list[Array]()
        for number, source in enumerate(self.sources):
            mine = np.flatnonzero(owner == number)
            if len(mine):
                values.append(source.fetch(indices[mine] - self._firsts[number]).values)
                places.append(mine)
        order = np.argsort(np.concatenate(places), kind="stable")
        return Raw(np.concatenate(values)[order])


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

    def whole(self) -> tuple[Source, list[Array]]:
        """All examples, in the order of the file where there is one; and the rows of each split."""
        train, test = self.train, self.test
        if isinstance(train, Subset) and isinstance(test, Subset) and train.source is test.source:
            return train.source, [train.indices, test.indices]
        cut = len(train)
        return Joined([train, test]), [np.arange(cut), np.arange(cut, cut + len(test))]


def dataset_from_arrays(
    name: str,
    array: Array,
    labels: Array | None,
    spec: DataSpec,
    *,
    holdout: float = 0.1,
    observed: Array | None = None,
    keys: Sequence[str] | None = None,
    groups: Array | None = None,
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
        observed: see :class:`ArraySource`.
        keys: see :class:`Source`.
        groups: see :class:`Source`.
        description: one line for people.
        licence: terms of use.
    """
    source = ArraySource(array, labels, spec, observed=observed, keys=keys, groups=groups)
    train, test = hold_out(len(source), holdout, labels, groups)
    return Dataset(
        name=name,
        spec=spec,
        train=Subset(source, train),
        test=Subset(source, test),
        fingerprint=fingerprint(
            array, labels, *(part for part in (observed, groups) if part is not None), f"holdout {holdout}"
        ),
        description=description,
        licence=licence,
    )
