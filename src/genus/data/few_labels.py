"""Training with few labels: most examples of a source as if their class were not known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from genus.core.errors import DataError
from genus.data.checks import Array
from genus.data.source import Raw, Source
from genus.data.split import hold_out

UNKNOWN = -1
"""Class number of an example whose class is not known."""

SHARE = 1 / 8
"""Labelled examples in a pass over the data, at least."""


class FewLabels(Source):
    """The same examples, of which only some keep their label, equally many of each class if possible.

    A pass shows every example once, and those that keep their label again until they are an eighth of
    it: a batch then holds some of them, however few there are.

    Args:
        source: labelled examples.
        count: labels kept, in [1, len(source)).

    Raises:
        DataError: when the source has no labels, or not more than that.
    """

    def __init__(self, source: Source, count: int) -> None:
        if source.spec.condition is None or source.spec.condition.kind != "class":
            raise DataError(f"train.labels={count}: the data have no labels: {source.spec.describe()}")
        if not 1 <= count < len(source):
            raise DataError(
                f"train.labels={count}: there are {len(source)} training examples; leave it out to use "
                "all labels"
            )
        self.spec = source.spec
        self._source = source
        parts = [source.fetch(numbers).condition for numbers in _runs(len(source))]
        labels = np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
        self._labelled = hold_out(len(source), count / len(source), labels)[1]
        self._known = np.zeros(len(source), dtype=bool)
        self._known[self._labelled] = True
        wanted = round((len(source) - count) * SHARE / (1 - SHARE))
        self._again = max(0, wanted - count)

    def __len__(self) -> int:
        return len(self._source) + self._again

    def fetch(self, indices: Array) -> Raw:
        n = len(self._source)
        again = self._labelled[(indices - n) % len(self._labelled)]
        numbers = np.where(indices < n, indices, again)
        raw = self._source.fetch(numbers)
        assert isinstance(raw.condition, np.ndarray)
        return raw._replace(condition=np.where(self._known[numbers], raw.condition, UNKNOWN))


def _runs(n: int, length: int = 1024) -> Iterator[Array]:
    """The numbers 0 … n − 1 in pieces, so that large examples need not be in memory together."""
    return (np.arange(first, min(first + length, n)) for first in range(0, n, length))
