"""Digits of black and white pixels, drawn once and for all from the grey ones."""

from __future__ import annotations

import numpy as np

from genus.core.errors import DataError
from genus.core.noise import derive_seed
from genus.core.registry import data
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.dataset import Dataset
from genus.data.digits import digits28
from genus.data.idx import idx
from genus.data.source import Source
from genus.data.split import fingerprint

_TOGETHER = 5000
"""Images drawn at a time; limits memory only."""


@data("binarised", paper="Salakhutdinov and Murray, ICML 2008")
def binarised(*, path: str | None = None, seed: int = 0) -> Dataset:
    """Static binarisation: each pixel is drawn once, white with its grey value as probability.

    Likelihoods in nats compare on one binarisation only: on these data with one seed they are of the same
    images. Published numbers of static binarisation are of the draws of arXiv:1206.2350's authors, which
    differ from these by chance alone.

    Args:
        path: folder of idx files (MNIST, 60,000 and 10,000 images); by default the 5,000 digits of digits28.
        seed: decides the draws.

    Raises:
        DataError: for images that are not grey, or are binary already.

    >>> binarised().spec.levels
    2
    """
    grey = digits28() if path is None else idx(path=path)
    channels, levels = grey.spec.shape[0], grey.spec.levels
    if grey.spec.example.kind != "image" or channels != 1 or levels is None:
        raise DataError(f"binarised needs grey images; got {grey.spec.describe()}")
    if len(np.unique(grey.train.fetch(np.arange(min(_TOGETHER, len(grey.train)))).values)) <= 2:
        raise DataError("binarised needs images of more than two levels; these are binary already")
    space = Space(kind="image", shape=grey.spec.shape, range=(0.0, 1.0), levels=2)
    spec = DataSpec(example=space, condition=grey.spec.condition)
    splits = {
        split: _drawn(source, spec, np.random.default_rng(derive_seed(seed, "binarised", split)))
        for split, source in (("train", grey.train), ("test", grey.test))
    }
    return Dataset(
        name="binarised",
        spec=spec,
        train=splits["train"],
        test=splits["test"],
        fingerprint=fingerprint(grey.fingerprint, "binarised", str(seed)),
        description=f"{grey.description}; each pixel drawn once as black or white",
        licence=grey.licence,
    )


def _drawn(source: Source, spec: DataSpec, rng: np.random.Generator) -> ArraySource:
    values = np.empty((len(source), *spec.shape), dtype=np.uint8)
    labels = np.zeros(len(source), dtype=np.int64)
    top = (source.spec.levels or 0) - 1
    for start in range(0, len(source), _TOGETHER):
        rows = np.arange(start, min(start + _TOGETHER, len(source)))
        raw = source.fetch(rows)
        values[rows] = rng.random(raw.values.shape, dtype=np.float32) * top < raw.values
        if isinstance(raw.condition, np.ndarray):
            labels[rows] = raw.condition
    return ArraySource(values, labels if spec.num_classes else None, spec)
