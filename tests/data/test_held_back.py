"""Examples held back to choose a checkpoint by: apart from training, the same in every run, no group cut."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.held_back import hold_back
from genus.data.loader import Loader
from genus.data.paired import UnpairedSource
from genus.data.split import hold_out

SPEC = DataSpec(example=Space(kind="vector", shape=(1,)))


def numbered(n: int, groups: np.ndarray | None = None) -> ArraySource:
    return ArraySource(np.arange(n, dtype=np.float32)[:, None], None, SPEC, groups=groups)


def numbers(source) -> set[int]:
    return set(source.batch(np.arange(len(source))).x[:, 0].int().tolist())


@pytest.mark.parametrize(("n", "count"), [(20, 10), (60, 10), (3000, 300), (20_000, 1000)])
def test_a_tenth_is_held_back(n: int, count: int) -> None:
    kept, held = hold_back(numbered(n))
    assert len(held) == count
    assert numbers(kept) | numbers(held) == set(range(n))
    assert not numbers(kept) & numbers(held)
    assert numbers(hold_back(numbered(n))[1]) == numbers(held)


def test_the_choice_is_another_than_that_of_the_test_split() -> None:
    held = numbers(hold_back(numbered(3000))[1])
    assert len(held & set(hold_out(3000, 0.1)[1].tolist())) < 60  # 30 by chance


def test_groups_are_not_cut() -> None:
    groups = np.arange(200) // 4
    kept, held = hold_back(numbered(200, groups))
    assert not {number // 4 for number in numbers(kept)} & {number // 4 for number in numbers(held)}


def test_few_examples_are_refused() -> None:
    with pytest.raises(DataError, match="there are 19 training examples"):
        hold_back(numbered(19))


def test_a_second_domain_stays_whole() -> None:
    kept, _ = hold_back(UnpairedSource(numbered(40), numbered(7)))
    assert kept.second == 7
    item = next(Loader(kept, 30, seed=0).iterate())
    order = Loader(kept, 30, seed=0)._order(0)
    assert set(order[:, 1].tolist()) == set(range(7))
    assert item.batch.condition is not None
    assert item.batch.condition[:, 0].tolist() == order[:, 1].tolist()
