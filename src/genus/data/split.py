"""Deterministic splits, and fingerprints by which a run recognises its data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from genus.core.errors import DataError
from genus.data.checks import CHUNK, Array


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
            rows = max(1, CHUNK // max(1, part[:1].nbytes))
            for first in range(0, len(part), rows):
                digest.update(part[first : first + rows].tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"|")
    return digest.hexdigest()[:16]
