"""Two readers joined into one data set: examples of the first, conditions of the second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal

import numpy as np

from genus.core.errors import DataError
from genus.core.registry import data
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.paired import PairedSource, UnpairedSource, refuse_constant, table_of
from genus.data.source import Reader, Source
from genus.data.split import fingerprint

_SHOWN = 5


@data("pair")
def pair(
    *,
    example: Reader,
    condition: Reader,
    by: Literal["name", "order"] | None = "name",
    suffix: str = "",
) -> Dataset:
    """Examples of one reader, each with its condition from another; exchange the two for the way back.

    Masks to images is ``example`` photographs and ``condition`` masks; images to masks is the reverse.
    Splits are those of the examples. Classes of the examples stay, as one part of the condition.

    Args:
        example: reader of what is generated, such as ``{name: folder, path: photos}``.
        condition: reader of what it is conditioned on: images, label maps, a table of numbers, texts.
        by: ``name`` joins what has one name: file names without endings, relative to their folders, or
            the key column of a table. ``order`` joins the first to the first. Null leaves both unpaired:
            two domains of which any member may stand beside any other.
        suffix: what names of conditions have more: ``a_mask.png`` goes with ``a.jpg`` under ``_mask``.

    Raises:
        DataError: for examples without a condition, names that occur twice, and what the readers refuse.
    """
    examples, others = example(), condition()
    if by is None:
        train, test = (
            UnpairedSource(a, b) for a, b in ((examples.train, others.train), (examples.test, others.test))
        )
    else:
        train, test = _paired(examples, others, by, suffix)
    return Dataset(
        name="pair",
        spec=train.spec,
        train=train,
        test=test,
        fingerprint=fingerprint(examples.fingerprint, others.fingerprint, f"{by} {suffix}"),
        description=f"{examples.description}; conditions: {others.description}",
        licence="; ".join(text for text in (examples.licence, others.licence) if text),
    )


def _paired(examples: Dataset, others: Dataset, by: str, suffix: str) -> tuple[Source, Source]:
    """Both splits of the examples, with their conditions."""
    conditions, _ = others.whole()
    splits = (examples.train, examples.test)
    if by == "order":
        rows = _rows_by_order(examples, conditions)
    else:
        rows = _rows_by_name(splits, conditions, suffix, others.name)
    conditions = conditions.fitted(rows[0])
    refuse_constant(conditions, rows[0], others.name)
    space = table_of(conditions, rows[0]) if conditions.spec.example.is_flat else None
    train, test = (PairedSource(a, conditions, b, space) for a, b in zip(splits, rows, strict=True))
    return train, test


def _rows_by_order(examples: Dataset, conditions: Source) -> list[Array]:
    whole, rows = examples.whole()
    if len(whole) != len(conditions):
        raise DataError(
            f"there are {len(whole)} examples, but {len(conditions)} conditions; join them by name"
        )
    return rows


def _rows_by_name(splits: Sequence[Source], conditions: Source, suffix: str, name: str) -> list[Array]:
    """Number of the condition of each example, by split."""
    if conditions.keys is None:
        raise DataError(f"conditions of {name!r} have no names; set data.condition.key, or data.by=order")
    missing = [split for split in splits if split.keys is None]
    if missing:
        raise DataError("the examples have no names; set data.example.key, or data.by=order")
    wanted = [[_stem(key) + suffix for key in split.keys or ()] for split in splits]
    found = [_stem(key) for key in conditions.keys]
    if not set(wanted[0]) & set(found):  # folders may differ: then file names alone decide
        wanted = [[PurePosixPath(key).name for key in keys] for keys in wanted]
        found = [PurePosixPath(key).name for key in found]
    twice = [key for key, count in Counter(found).items() if count > 1]
    if twice:
        raise DataError(f"{name}: several conditions are called {twice[0]!r}; keep one of them")
    places = {key: row for row, key in enumerate(found)}
    lacking = [key for keys in wanted for key in keys if key not in places]
    if lacking:
        shown = ", ".join(lacking[:_SHOWN]) + (", …" if len(lacking) > _SHOWN else "")
        total = sum(len(keys) for keys in wanted)
        raise DataError(
            f"{len(lacking)} of {total} examples have no condition of their name in the data {name!r}: "
            f"{shown}; complete them, or move those examples elsewhere"
        )
    return [np.array([places[key] for key in keys], dtype=np.int64) for keys in wanted]


def _stem(key: str) -> str:
    """A name without its endings: ``a/b.nii.gz`` is ``a/b``, ``subject.01`` stays."""
    path = PurePosixPath(key)
    while path.suffix[1:2].isalpha():
        path = path.with_suffix("")
    return str(path)
