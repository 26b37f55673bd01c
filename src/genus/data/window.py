"""Windows: a part of the range of images that becomes the whole of it; and small numbers that are masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from genus.core.errors import DataError
from genus.data.array_source import Subset
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.image_source import LabelMaps, used_levels
from genus.data.paired import chunks
from genus.data.source import Raw, Source
from genus.data.split import fingerprint

WindowChoice = Literal["auto"] | Sequence[float] | None
"""``auto``, or smallest and largest number of the files; None for their whole range."""
PixelKind = Literal["auto", "image", "labels"]
"""What whole numbers are: shades, numbers of labels, or what they look like."""

SHARES = (0.005, 0.995)
"""Shares of the values below the ends of an automatic window."""
SMALL = 16
"""Whole numbers that all lie below this one are no shades of a wider range."""
_LOOK = 1 << 22
"""Values in which the percentiles of floats are found."""


class Windowed(Source):
    """Images whose numbers from ``low`` to ``high`` fill the range [0, 1]; those outside are its ends.

    Args:
        images: of levels, or of floats.
        low: number of the files that becomes 0.
        high: number that becomes 1.
        refit: measures a window on other rows; None where it was declared.
    """

    def __init__(
        self, images: Source, low: float, high: float, refit: Callable[[Array], Source] | None = None
    ) -> None:
        space = images.spec.example
        levels = None if space.levels is None else int(high) - int(low) + 1
        unit = 1 if space.levels is None else space.levels - 1
        window = (float(low) / unit, float(high) / unit)
        space = replace(space, range=(0.0, 1.0), levels=levels, window=window)
        self.spec = replace(images.spec, example=space)
        self.keys, self.groups = images.keys, images.groups
        self._images, self._low, self._high, self._refit = images, low, high, refit

    def __len__(self) -> int:
        return len(self._images)

    def fetch(self, indices: Array) -> Raw:
        raw = self._images.fetch(indices)
        if self.spec.levels is not None:
            low = raw.values.dtype.type(self._low)
            values = np.clip(raw.values, low, raw.values.dtype.type(self._high)) - low
        else:
            values = np.clip((raw.values - self._low) / (self._high - self._low), 0, 1).astype(np.float32)
        return raw._replace(values=values)

    def fitted(self, rows: Array) -> Source:
        return self if self._refit is None else self._refit(rows)


def read_as(dataset: Dataset, kind: PixelKind, window: WindowChoice) -> Dataset:
    """Images as what their numbers are: shades of a window, masks of two values, or numbers of labels.

    With ``auto``, grey images of whole numbers below 16 are masks: two values become black and white, more
    are labels.

    Args:
        dataset: of images or volumes as the files hold them.
        kind: what the numbers are.
        window: which of them are shades; measured on the training examples where it is ``auto``.

    Raises:
        DataError: for a window that is none, or too many values for labels.
    """
    space = dataset.spec.example
    if space.kind not in ("image", "volume") and (kind != "auto" or window is not None):
        raise DataError(f"kind and window are of images and volumes; these are of kind {space.kind!r}")
    if kind == "labels" and (window is not None or space.levels is None):
        raise DataError("numbers of labels are whole, without a window: set kind=image, or mend them")
    wrap = _windowing(dataset.train, window) if window is not None else _masks(dataset, kind)
    if wrap is None:
        return dataset
    train, test = dataset.train, dataset.test
    if isinstance(train, Subset) and isinstance(test, Subset) and train.source is test.source:
        whole = wrap(train.source)
        train, test = Subset(whole, train.indices), Subset(whole, test.indices)
    else:
        train, test = wrap(train), wrap(test)
    mark = fingerprint(dataset.fingerprint, repr(train.spec.example))
    return replace(dataset, spec=train.spec, train=train, test=test, fingerprint=mark)


def percentiles(source: Source, rows: Array) -> tuple[float, float]:
    """Numbers between which 99 % of the values of some examples lie, as the source stores them."""
    levels = source.spec.levels
    if levels is not None:
        counts = np.zeros(levels, dtype=np.int64)
        for part in chunks(rows, 64):
            counts += np.bincount(source.fetch(part).values.ravel(), minlength=levels)
        below = counts.cumsum() / counts.sum()
        low, high = (int(np.searchsorted(below, share)) for share in SHARES)
        return low, high
    step = -(-len(rows) * source.spec.size // _LOOK)
    values = [source.fetch(part).values for part in chunks(rows[::step], 64)]
    low, high = np.quantile(np.concatenate(values), SHARES)
    return float(low), float(high)


def _masks(dataset: Dataset, kind: PixelKind) -> Callable[[Source], Source] | None:
    """What makes masks of images; None where they are shades."""
    values = {"labels": _used, "auto": _small_numbers}[kind](dataset) if kind != "image" else []
    if len(values) == 0:
        return None
    if kind == "auto" and len(values) == 2:
        return _windowing(dataset.train, [int(value) for value in values])
    return lambda source: LabelMaps(source, values)


def _used(dataset: Dataset) -> Array:
    return np.union1d(used_levels(dataset.train), used_levels(dataset.test))


def _small_numbers(dataset: Dataset) -> Array | list[int]:
    """The values of grey images of whole numbers that are masks; none where they are shades."""
    space = dataset.spec.example
    if space.kind not in ("image", "volume") or (space.levels or 0) <= SMALL or space.shape[0] != 1:
        return []
    for part in chunks(np.arange(len(dataset.train)), 64):  # most data are known by a few examples
        if dataset.train.fetch(part).values.max() >= SMALL:
            return []
    values = _used(dataset)
    return values if len(values) > 1 and values[-1] < SMALL else []


def _windowing(train: Source, window: WindowChoice) -> Callable[[Source], Source]:
    """What makes a window of a source of which ``train`` is a part."""
    if window != "auto":
        low, high = _declared(train, window or ())
        return lambda source: Windowed(source, low, high)

    def measured(part: Source, rows: Array, source: Source) -> Source:
        low, high = percentiles(part, rows)
        if not low < high:
            raise DataError(
                f"window=auto: 99 % of the values are {low:g}, so there is no range to stretch; declare one, "
                "such as window=[0, 255]"
            )
        return Windowed(source, low, high, lambda rows: measured(source, rows, source))

    return lambda source: measured(train, np.arange(len(train)), source)


def _declared(train: Source, window: str | Sequence[float]) -> tuple[float, float]:
    levels = train.spec.levels
    most = np.inf if levels is None else levels - 1
    numbers = [float(number) for number in window]
    if len(numbers) != 2 or not -np.inf < numbers[0] < numbers[1] <= most:
        known = "" if levels is None else f" of 0 to {levels - 1}"
        raise DataError(f"window is auto, or [smallest, largest] number{known}; got {list(window)!r}")
    if levels is not None and (numbers[0] < 0 or any(number % 1 for number in numbers)):
        raise DataError(f"window: the files hold whole numbers from 0 to {levels - 1}; got {list(window)!r}")
    return numbers[0], numbers[1]
