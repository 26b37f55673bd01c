"""Labels of any type as class numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from genus.core.errors import DataError
from genus.data.checks import Array

_MOST = 1000


def encode_labels(splits: Sequence[Array]) -> tuple[list[Array], tuple[str, ...]]:
    """Number the different labels of all splits, in the order of :func:`sorted_names`.

    Args:
        splits: labels of each split, whole numbers or text (bytes are UTF-8), ``(n,)`` or ``(n, 1)``.

    Returns:
        int64 class numbers ``(n,)`` of each split, and the names of the classes.

    Raises:
        DataError: for several labels per example, NaN, fractions, or more than 1000 classes.

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
        if labels.dtype.kind == "S":
            try:
                labels = np.char.decode(labels, "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(f"labels are bytes that are no UTF-8 text ({error})") from None
        if labels.dtype.kind == "f":
            unknown = np.flatnonzero(~np.isfinite(labels))
            if len(unknown):
                raise DataError(
                    f"{len(unknown)} labels are NaN or infinite, the first of example {unknown[0]}; give "
                    "those examples a class, or leave them out"
                )
            if not np.array_equal(labels, np.rint(labels)):
                raise DataError("labels are fractions; classes are whole numbers or text")
            labels = labels.astype(np.int64)
        if labels.dtype.kind not in "biuU":
            raise DataError(f"labels of type {labels.dtype} are not supported; use whole numbers or text")
        flat.append(labels)
    found, numbers = np.unique(np.concatenate(flat), return_inverse=True)
    names = [str(name) for name in found.tolist()]
    if len(names) > _MOST:
        raise DataError(f"there are {len(names):,} different labels; classes number at most {_MOST:,}")
    ordered = sorted_names(names)
    places = np.array([ordered.index(name) for name in names], dtype=np.int64)
    cuts = np.cumsum([len(labels) for labels in flat])[:-1]
    return np.split(places[numbers], cuts), ordered


def are_numbers(names: Sequence[str]) -> bool:
    """Whether all names of classes are whole numbers, which then are never taken for positions.

    >>> are_numbers(["3", "-5"]), are_numbers(["3", "b"])
    (True, False)
    """
    return bool(names) and all(re.fullmatch(r"-?[0-9]+", name) for name in names)


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in the order of their numbers: as numbers where all are whole numbers, else as text.

    >>> sorted_names(["10", "2", "1"]), sorted_names(["10", "2", "a"])
    (('1', '2', '10'), ('10', '2', 'a'))
    """
    known = tuple(names)
    return tuple(sorted(known, key=lambda name: (int(name), name)) if are_numbers(known) else sorted(known))
