"""Sources of arrays, and sources made of other sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genus.core.errors import DataError
from genus.core.spec import DataSpec
from genus.data.checks import Array, check_labels, check_narrow, check_values
from genus.data.offsets import fit_offsets
from genus.data.source import Raw, Source


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

    >>> from genus.core.space import Space
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
            check_narrow(array)
            if spec.example.is_flat and len(array) and fit_offsets(array.reshape(len(array), -1)).any():
                raise DataError("values of a column would merge in 32-bit numbers; see genus.data.offsets")
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
        self.second = source.second

    def __len__(self) -> int:
        return len(self.indices)

    def fetch(self, indices: Array) -> Raw:
        if indices.ndim == 1:
            return self.source.fetch(self.indices.take(indices))
        first, second = indices.T
        return self.source.fetch(np.stack([self.indices.take(first), second], axis=1))

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
