"""Stacked digits: three digits as the colours of one image, a thousand modes that can be counted."""

from __future__ import annotations

import numpy as np

from genus.core.errors import DataError
from genus.core.noise import derive_seed
from genus.core.registry import data
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.digits import digits28
from genus.data.idx import idx
from genus.data.source import Raw, Source
from genus.data.split import fingerprint

_CHANNELS = 3
_MODES = tuple(f"{i:03d}" for i in range(1000))


class StackedSource(Source):
    """Images whose channels are images of another source, chosen at random once and for all.

    Args:
        source: grey images of ten classes.
        rows: numbers of the stacked images there, ``(n, 3)``.
    """

    def __init__(self, source: Source, rows: Array) -> None:
        _, *size = source.spec.shape
        self.spec = DataSpec(
            example=Space(
                kind="image", shape=(_CHANNELS, *size), range=source.spec.range, levels=source.spec.levels
            ),
            condition=class_space(_MODES),
        )
        self._source = source
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def fetch(self, indices: Array) -> Raw:
        rows = self._rows[indices]
        values, labels, _ = self._source.fetch(rows.reshape(-1))
        assert isinstance(labels, np.ndarray)
        modes = labels.reshape(-1, _CHANNELS) @ np.array([100, 10, 1])
        return Raw(values.reshape(len(rows), _CHANNELS, *values.shape[2:]), modes)


@data("stacked-digits", paper="arXiv:1611.02163")
def stacked_digits(*, path: str | None = None, n: int = 128_000, seed: int = 0) -> Dataset:
    """Three random digits as the channels of one image: 1,000 modes, one class each.

    With MNIST's idx files and the default n these are the data of the stacked-MNIST protocol
    (arXiv:1712.04086).

    Args:
        path: folder of MNIST's idx files; by default the 5,000 digits of digits28.
        n: training images; a tenth as many again, of the test digits, are made for testing.
        seed: decides which digits are stacked.

    Raises:
        DataError: for n below 1, or images that are not grey digits of ten classes.

    >>> stacked_digits(n=10).spec.shape
    (3, 28, 28)
    """
    if n < 1:
        raise DataError(f"stacked-digits: n is a number of images, at least 1; got {n}")
    digits = digits28() if path is None else idx(path=path)
    if digits.spec.shape[0] != 1 or digits.spec.num_classes != 10:
        raise DataError(f"stacked-digits needs grey images of ten classes; got {digits.spec.describe()}")
    splits: list[StackedSource] = []
    for split, source, count in (("train", digits.train, n), ("test", digits.test, -(-n // 10))):
        rng = np.random.default_rng(derive_seed(seed, "stacked-digits", split))
        splits.append(StackedSource(source, rng.integers(len(source), size=(count, _CHANNELS))))
    return Dataset(
        name="stacked-digits",
        spec=splits[0].spec,
        train=splits[0],
        test=splits[1],
        fingerprint=fingerprint(digits.fingerprint, str(n), str(seed)),
        description=f"{n:,} images of three digits each, 1,000 modes",
        licence=digits.licence,
    )
