from __future__ import annotations

import itertools
import multiprocessing

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genus.core.errors import DataError
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.loader import Item, Loader
from genus.data.source import Raw, Source

SPEC = DataSpec(example=Space(kind="vector", shape=(1,)))


def numbered(n: int) -> ArraySource:
    return ArraySource(np.arange(n, dtype=np.float32)[:, None], np.arange(n), SPEC)


def rows(item: Item) -> list[int]:
    return item.batch.x[:, 0].int().tolist()


def place(item: Item) -> tuple[int, int, int, bool]:
    return item.start, item.total, item.epoch, item.ends_epoch


sizes = st.tuples(st.integers(1, 80), st.integers(1, 30), st.integers(1, 4), st.integers(0, 3))


@settings(deadline=None)
@given(sizes)
def test_every_example_once_per_epoch_in_nearly_equal_batches(size) -> None:
    n, batch, world, seed = size
    batches = -(-n // batch)
    assume(n // batches >= world)
    loaders = [Loader(numbered(n), batch, seed=seed, rank=r, world=world) for r in range(world)]
    streams = [loader.iterate() for loader in loaders]
    for epoch in range(2):
        seen: list[int] = []
        totals: list[int] = []
        for number in range(loaders[0].batches_per_epoch):
            items = [next(stream) for stream in streams]
            offset = 0
            for item in items:
                assert place(item) == (offset, items[0].total, epoch, number == batches - 1)
                offset += len(item.batch)
                seen += rows(item)
            assert offset == items[0].total
            totals.append(offset)
        assert sorted(seen) == list(range(n))
        assert max(totals) <= batch
        assert max(totals) - min(totals) <= 1


@settings(deadline=None)
@given(sizes, st.integers(0, 60))
def test_resuming_anywhere_equals_the_tail(size, position) -> None:
    n, batch, _, seed = size
    loader = Loader(numbered(n), batch, seed=seed)
    whole = list(itertools.islice(loader.iterate(), position + 5))[position:]
    resumed = list(itertools.islice(Loader(numbered(n), batch, seed=seed).iterate(position), 5))
    assert [(rows(a), place(a)) for a in whole] == [(rows(b), place(b)) for b in resumed]


def test_ranks_together_read_what_one_process_reads() -> None:
    alone = Loader(numbered(50), 8, seed=3).iterate()
    ranks = [Loader(numbered(50), 8, seed=3, rank=r, world=3).iterate() for r in range(3)]
    for _ in range(14):
        assert rows(next(alone)) == [i for stream in ranks for i in rows(next(stream))]


def test_order_depends_on_seed_and_epoch() -> None:
    def first_two_epochs(seed: int) -> list[list[int]]:
        return [rows(item) for item in itertools.islice(Loader(numbered(40), 40, seed=seed).iterate(), 2)]

    a, b = first_two_epochs(0)
    assert a != b
    assert a != first_two_epochs(1)[0]
    assert a == first_two_epochs(0)[0]


@pytest.mark.parametrize("position", [0, 13])
def test_reader_processes_give_the_same_bits_and_leave_the_global_seed_alone(position) -> None:
    source = ArraySource(
        np.random.default_rng(0).integers(0, 256, size=(37, 2), dtype=np.uint8),
        np.arange(37) % 3,
        DataSpec(
            example=Space(kind="vector", shape=(2,), range=(0.0, 1.0), levels=256),
            condition=class_space(("a", "b", "c")),
        ),
    )
    inline = Loader(source, 8, seed=1).iterate(position)
    state = torch.random.get_rng_state()
    parallel = Loader(source, 8, seed=1, workers=2).iterate(position)
    for _ in range(12):
        a, b = next(inline), next(parallel)
        assert torch.equal(a.batch.x, b.batch.x)
        assert torch.equal(a.batch.condition, b.batch.condition)
        assert place(a) == place(b)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(multiprocessing.active_children()) == 2
    parallel.close()
    assert multiprocessing.active_children() == []


class Broken(Source):
    spec = SPEC

    def __len__(self) -> int:
        return 4

    def fetch(self, indices: np.ndarray) -> Raw:
        raise DataError("file 3 is gone")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_reader_s_error_arrives_as_it_was(workers) -> None:
    with pytest.raises(DataError, match=r"^file 3 is gone$"):
        next(Loader(Broken(), 2, seed=0, workers=workers).iterate())


class Leaking(ArraySource):
    """A source in which an iterator ends that should not."""

    def fetch(self, indices):
        return next(iter(())) if 7 in indices else super().fetch(indices)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_leaking_end_of_iteration_ends_nothing_silently(workers) -> None:
    loader = Loader(Leaking(np.zeros((12, 1), np.float32), None, SPEC), 4, seed=0, workers=workers)
    with pytest.raises(DataError, match="Leaking raised StopIteration"):
        for _ in zip(range(3), loader.iterate(), strict=False):
            pass


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(DataError, match="batch of 2 examples cannot be shared by 3"):
        Loader(numbered(10), 2, seed=0, world=3)
    with pytest.raises(DataError, match="no examples"):
        Loader(numbered(0), 2, seed=0)
