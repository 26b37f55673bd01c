"""Labels of any type as class numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genus.core.errors import DataError
from genus.data.checks import Array

_MOST = 1000


def encode_labels(splits: Sequence[Array]) -> tuple[list[Array], tuple[str, ...]]:
    """Number the different labels of all splits in sorted order.

    Args:
        splits: labels of each split, whole numbers or text, ``(n,)`` or ``(n, 1)``.

    Returns:
        int64 class numbers ``(n,)`` of each split, and the names of the classes.

    Raises:
        DataError: for several labels per example, fractions, or more than 1000 classes.

    >>> encode_labels([np.array([7, 3]), np.array([[3], [5]])])
    ([array([2, 0]), array([0, 1])], ('3', '5', '7'))
    """
    flat: list[Array] = []
    for labels in splits:
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise DataError(
                f"labels of shape {labels.shape}: one class per example is expected; "
                "leave several labels per example out"
            )
        if labels.dtype.kind == "f":
            if not np.array_equal(labels, np.rint(labels)):
                raise DataError("labels are fractions; classes are whole numbers or text")
            labels = labels.astype(np.int64)
        if labels.dtype.kind not in "biuUS":
            raise DataError(f"labels of type {labels.dtype} are not supported; use whole numbers or text")
        flat.append(labels)
    names, numbers = np.unique(np.concatenate(flat), return_inverse=True)
    if len(names) > _MOST:
        raise DataError(f"there are {len(names):,} different labels; classes number at most {_MOST:,}")
    cuts = np.cumsum([len(labels) for labels in flat])[:-1]
    return np.split(numbers.astype(np.int64), cuts), tuple(str(name) for name in names.tolist())
