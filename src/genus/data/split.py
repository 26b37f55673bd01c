"""Deterministic splits, and fingerprints by which a run recognises its data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from genus.core.errors import DataError
from genus.data.checks import CHUNK, Array


def hold_out(
    n: int, share: float, labels: Array | None = None, groups: Array | None = None, *, seed: int = 0
) -> tuple[Array, Array]:
    """Split example numbers into train and test, the same way in every run.

    Examples are put in random order within their class, classes one after the other; the test
    split takes them at equal distances, so that each class gives its share.

    Args:
        n: how many examples there are.
        share: share of the test split, in (0, 1).
        labels: integers ``(n,)`` to stratify by.
        groups: integers ``(n,)``; examples of one group never fall into both splits. Whole groups are taken
            at random until they hold the share; labels are not looked at then.
        seed: of the random order.

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
    if groups is not None:
        return _hold_out_groups(groups, share, seed)
    count = max(1, round(share * n))
    if count >= n:
        raise DataError(f"{n} examples cannot be split with holdout {share}: no training examples are left")
    order = np.random.default_rng(seed).permutation(n)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    chosen = np.zeros(n, dtype=bool)
    chosen[order[((np.arange(count) + 0.5) * n / count).astype(np.int64)]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def group_numbers(names: Array) -> Array:
    """Number of the group of each example, int64, from names of groups ``(n,)``."""
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _hold_out_groups(groups: Array, share: float, seed: int) -> tuple[Array, Array]:
    """Splits that cut no group: groups in random order, until the test split has its share of examples."""
    names, sizes = np.unique(groups, return_counts=True)
    if len(names) < 2:
        raise DataError(
            f"all {len(groups)} examples belong to one group, and a group is never cut; bring more of them"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order]
    taken = before < max(1.0, share * len(groups)) - 0.5
    taken[-1] = False  # one group at least is left to learn from
    chosen = np.isin(groups, names[order[taken]])
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
