"""Parting two sets into blocks: how many, how large, and that each example is in at most one."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics.blocks import BLOCK, block_pairs, many_blocks, small_blocks


def rows(n: int) -> np.ndarray:
    return np.arange(n, dtype=float)[:, None]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [((4, 9), 2), ((999, 2000), 2), ((1500, 1500), 3), ((5000, 1000), 2), ((5000, 5000), 10)],
)
def test_blocks_hold_all_examples(sizes: tuple[int, int], count: int) -> None:
    pairs = block_pairs(rows(sizes[0]), rows(sizes[1]))
    assert len(pairs) == count
    for side, n in enumerate(sizes):
        assert np.concatenate([pair[side] for pair in pairs])[:, 0].tolist() == list(range(n))
        assert min(len(pair[side]) for pair in pairs) >= n // count


@pytest.mark.parametrize(
    ("n", "count"), [(4, 2), (20, 10), (100, 10), (999, 10), (5000, 10), (10 * BLOCK + 5000, 20)]
)
def test_ten_blocks_or_more(n: int, count: int) -> None:
    pairs = many_blocks(rows(n), rows(n + 3))
    assert len(pairs) == count
    assert sum(len(x) for x, _ in pairs) == n


@pytest.mark.parametrize(
    ("n", "size", "count"),
    [(4, 2, 2), (11, 5, 2), (1000, 500, 2), (1999, 500, 3), (2000, 500, 4), (9000, 500, 4)],
)
def test_small_blocks_are_the_first_examples(n: int, size: int, count: int) -> None:
    pairs = small_blocks(rows(n + 7), rows(n))
    assert [len(part) for pair in pairs for part in pair] == [size] * (2 * count)
    for side in (0, 1):
        assert np.concatenate([pair[side] for pair in pairs])[:, 0].tolist() == list(range(size * count))


@pytest.mark.parametrize("part", [block_pairs, many_blocks, small_blocks])
def test_three_examples_are_too_few(part) -> None:
    part(rows(4), rows(4))
    with pytest.raises(DataError, match="at least 4 examples"):
        part(rows(3), rows(9))
