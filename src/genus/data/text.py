"""Texts, one per row of a table: captions, reports, tags."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from genus.core.errors import DataError
from genus.core.registry import data
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.dialect import DelimiterName
from genus.data.source import Raw, Source
from genus.data.split import fingerprint, hold_out
from genus.data.text_table import column_number, read_table, unique_keys


@data("text")
def text(
    *,
    path: str,
    column: str | int = 1,
    key: str | int = 0,
    delimiter: DelimiterName = "auto",
    holdout: float = 0.1,
) -> Dataset:
    """Texts in one column of a table, as numbers of words.

    Words are read in small letters and without punctuation; the vocabulary is that of the training texts.

    Args:
        path: CSV file with a header and a row per text.
        column: of the texts, by name or number.
        key: column that names each text, such as the file of the image it belongs to, by name or number.
        delimiter: what separates cells, as for ``csv``.
        holdout: share kept for testing, in (0, 1).

    Raises:
        DataError: for two rows of one name, or training texts without a word.
    """
    table = read_table(path, header=True, delimiter=delimiter)
    texts = table.cells(column_number(column, table.names, path)).tolist()
    keys = unique_keys(table, column_number(key, table.names, path))
    train, test = hold_out(len(texts), holdout)
    source = TextSource(texts, train, keys)
    return Dataset.of_split(
        "text",
        source,
        train,
        test,
        fingerprint=fingerprint(texts, list(keys), f"holdout {holdout}"),
        description=f"{len(texts):,} texts of {len(source.spec.example.names):,} words in {path}",
    )


class TextSource(Source):
    """Texts as word numbers, with the vocabulary of some of them.

    Words that these lack are passed over, and what is longer than the longest of them is cut.

    Args:
        texts: all of them.
        train: numbers of those whose words are known.
        keys: their names.

    Raises:
        DataError: when those hold no word.

    >>> source = TextSource(["red sun", "sun moon"], np.array([0]), ["a", "b"])
    >>> source.fetch(np.arange(2)).values.tolist()
    [[1, 2], [2, 0]]
    """

    def __init__(self, texts: Sequence[str], train: Array, keys: Sequence[str]) -> None:
        split = [words_of(text) for text in texts]
        known = [split[i] for i in train.tolist()]
        names = tuple(sorted({word for words in known for word in words}))
        if not names:
            raise DataError("the texts of the training examples hold no word")
        length = max(len(words) for words in known)
        numbers = {word: i for i, word in enumerate(names, start=1)}
        self.spec = DataSpec(example=Space(kind="tokens", shape=(length,), names=names))
        self.keys = keys
        self._texts = texts
        self._rows = np.array([word_numbers(words, numbers, length) for words in split], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def fetch(self, indices: Array) -> Raw:
        return Raw(self._rows.take(indices, axis=0))

    def fitted(self, rows: Array) -> Source:
        assert self.keys is not None
        return TextSource(self._texts, rows, self.keys)


def words_of(text: str) -> list[str]:
    """Words in small letters, without punctuation.

    >>> words_of("Keycap: 0, a man's hat")
    ['keycap', '0', 'a', "man's", 'hat']
    """
    return re.findall(r"\w+(?:['’]\w+)*", text.lower())


def word_numbers(words: Sequence[str], numbers: dict[str, int], length: int) -> list[int]:
    """Numbers of the words that have one, cut or filled up with 0 to ``length``."""
    row = [numbers[word] for word in words if word in numbers][:length]
    return row + [0] * (length - len(row))
