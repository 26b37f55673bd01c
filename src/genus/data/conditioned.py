"""Examples that come with attributes, words, images or masks in place of a class."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from genus.core.condition import Condition
from genus.core.errors import DataError
from genus.core.spec import DataSpec
from genus.data.checks import Array
from genus.data.source import Raw, Source


class Conditioned(Source):
    """The examples of one source with conditions beside them.

    Args:
        examples: where the examples come from; labels it has are passed over.
        conditions: raw conditions ``(N, *condition.shape)``: float32 attributes or int64 word numbers; or a
            source of images as level numbers. Of those for masks, the upper half of the levels is 1.
        condition: what they are.

    Raises:
        DataError: when there are not as many conditions as examples, or a shape is another.
    """

    def __init__(self, examples: Source, conditions: Array | Source, condition: Condition) -> None:
        if len(examples) != len(conditions):
            raise DataError(f"there are {len(examples)} examples, but {len(conditions)} conditions")
        shape = conditions.spec.shape if isinstance(conditions, Source) else conditions.shape[1:]
        if shape != condition.shape:
            raise DataError(f"conditions have the shape {shape}; declared is {condition.shape}")
        self.spec = DataSpec(
            kind=examples.spec.kind,
            shape=examples.spec.shape,
            range=examples.spec.range,
            levels=examples.spec.levels,
            condition=condition,
        )
        self._examples = examples
        self._conditions = conditions

    def __len__(self) -> int:
        return len(self._examples)

    def fetch(self, indices: Array) -> Raw:
        values, _ = self._examples.fetch(indices)
        if not isinstance(self._conditions, Source):
            return values, self._conditions.take(indices, axis=0)
        condition, _ = self._conditions.fetch(indices)
        if self.spec.condition is not None and self.spec.condition.kind == "mask":
            condition = (condition >= (self._conditions.spec.levels or 2) // 2).astype(np.uint8)
        return values, condition


def conditions_in_turn(source: Source, n: int) -> Tensor:
    """The conditions ``(n, *condition.shape)`` of examples of a source, in turn where they are few.

    The order is random and always the same, because files are often sorted.

    Raises:
        DataError: when the source has no conditions.
    """
    order = np.random.default_rng(0).permutation(len(source))
    chosen = order[np.arange(n) % len(order)]
    found = [source.batch(chosen[first : first + 250]).condition for first in range(0, n, 250)]
    kept = [part for part in found if part is not None]
    if source.spec.condition is None or len(kept) < len(found):
        raise DataError(f"the data have no conditions: {source.spec.describe()}")
    return torch.cat(kept)


def describe_attributes(values: Array, names: Sequence[str], train: Array) -> Condition:
    """The condition of attributes, with their means and deviations over training examples.

    Args:
        values: of all examples, ``(N, k)``.
        names: of the attributes, k.
        train: numbers of the training examples.

    Raises:
        DataError: for an attribute that is the same for all of them.
    """
    known = values[train].astype(np.float64)
    spread = known.std(0)
    for name, deviation in zip(names, spread, strict=True):
        if not deviation > 0:
            raise DataError(f"attribute {name!r} is the same for all training examples; leave it out")
    return Condition(
        kind="attributes",
        shape=(len(names),),
        names=tuple(names),
        centre=tuple(known.mean(0).tolist()),
        spread=tuple(spread.tolist()),
    )


def words_of(text: str) -> list[str]:
    """Words in small letters, without punctuation.

    >>> words_of("Keycap: 0, a man's hat")
    ['keycap', '0', 'a', "man's", 'hat']
    """
    return re.findall(r"\w+(?:['’]\w+)*", text.lower())


def encode_texts(texts: Sequence[str], train: Array) -> tuple[Array, Condition]:
    """Texts as word numbers; the vocabulary is that of the training examples.

    Words that training examples lack are passed over, and what is longer than the longest training
    text is cut.

    Args:
        texts: of all examples.
        train: numbers of the training examples.

    Returns:
        int64 ``(N, length)``, filled up with 0, and the condition.

    Raises:
        DataError: when the training texts hold no word.

    >>> encode_texts(["red sun", "sun moon"], np.array([0]))[0].tolist()
    [[1, 2], [2, 0]]
    """
    split = [words_of(text) for text in texts]
    known = [split[i] for i in train.tolist()]
    names = tuple(sorted({word for words in known for word in words}))
    if not names:
        raise DataError("the texts of the training examples hold no word")
    length = max(len(words) for words in known)
    numbers = {word: i for i, word in enumerate(names, start=1)}
    rows = [word_numbers(words, numbers, length) for words in split]
    return np.array(rows, dtype=np.int64), Condition(kind="text", shape=(length,), names=names)


def word_numbers(words: Sequence[str], numbers: dict[str, int], length: int) -> list[int]:
    """Numbers of the words that have one, cut or filled up with 0 to ``length``."""
    row = [numbers[word] for word in words if word in numbers][:length]
    return row + [0] * (length - len(row))
