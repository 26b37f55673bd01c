"""Sources of examples: random access to raw values, and their conversion to batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from genus.core.batch import Batch, Parts
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.checks import Array

if TYPE_CHECKING:
    from genus.data.dataset import Dataset


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

    >>> import numpy as np
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
