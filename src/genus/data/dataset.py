"""A named data set with its two splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genus.core.errors import DataError
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource, Joined, Subset
from genus.data.checks import Array
from genus.data.source import Source
from genus.data.split import fingerprint, hold_out


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

    @classmethod
    def of_split(
        cls,
        name: str,
        source: Source,
        train: Array,
        test: Array,
        *,
        fingerprint: str,
        description: str = "",
        licence: str = "",
    ) -> Dataset:
        """Examples of one source, some of which are kept for testing.

        Args:
            name: as a recipe writes it.
            source: of all examples.
            train: numbers of the training examples.
            test: numbers of the test examples.
            fingerprint: see :class:`Dataset`.
            description: one line for people.
            licence: terms of use.
        """
        splits = Subset(source, train), Subset(source, test)
        return cls(
            name=name,
            spec=source.spec,
            train=splits[0],
            test=splits[1],
            fingerprint=fingerprint,
            description=description,
            licence=licence,
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
    return Dataset.of_split(
        name,
        source,
        train,
        test,
        fingerprint=fingerprint(
            array, labels, *(part for part in (observed, groups) if part is not None), f"holdout {holdout}"
        ),
        description=description,
        licence=licence,
    )
