"""Batches in a random order that is known in advance: resumable anywhere, split over ranks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from genus.core.batch import Batch
from genus.core.errors import DataError, GenusError
from genus.core.noise import derive_seed
from genus.data.checks import Array
from genus.data.source import Raw, Source, to_batch


@dataclass(frozen=True, slots=True)
class Item:
    """The part of one global batch that one rank works on.

    Args:
        batch: this rank's rows.
        start: offset of its first row in the global batch.
        total: size of the global batch, over all ranks.
        epoch: number of the pass over the data, from 0.
        ends_epoch: whether this is the last batch of the pass.
    """

    batch: Batch
    start: int
    total: int
    epoch: int
    ends_epoch: bool


_Plan = Iterator[tuple[Array, tuple[int, int, int, bool]]]


class Loader:
    """Cuts each pass over a source into batches, in an order given by the seed alone.

    Pass ``e`` is a permutation drawn from ``(seed, e)``. Its N examples make ``⌈N / batch⌉``
    batches whose sizes differ by at most one, so that every example is used and no batch is
    tiny. Rank ``r`` takes rows ``r·n // world … (r+1)·n // world`` of a batch of ``n``.

    Args:
        source: where examples come from.
        batch: largest number of examples in a global batch.
        seed: decides the order.
        rank: number of this process, in ``[0, world)``.
        world: number of processes that share each batch.
        workers: reader processes; 0 reads in this one. Batches are the same bit for bit.

    Raises:
        DataError: when the source is empty or a batch is smaller than ``world``.
    """

    def __init__(
        self, source: Source, batch: int, *, seed: int, rank: int = 0, world: int = 1, workers: int = 0
    ) -> None:
        if len(source) == 0:
            raise DataError("there are no examples to load")
        self.source = source
        self.seed = seed
        self.rank = rank
        self.world = world
        self.workers = workers
        self.batches_per_epoch = -(-len(source) // batch)
        self.smallest = len(source) // self.batches_per_epoch
        """Examples in the smallest global batch."""
        if self.smallest < world:
            raise DataError(
                f"a batch of {self.smallest} examples cannot be shared by {world} processes; "
                "raise train.batch, bring more data or use fewer processes"
            )

    def iterate(self, position: int = 0) -> Iterator[Item]:
        """Yield batches without end, from global batch number ``position`` on.

        Closing the iterator stops the reader processes.

        Args:
            position: batches already consumed since the stage began.
        """
        plan = self._plan(position)
        if self.workers:
            yield from self._in_parallel(plan)
        else:
            for rows, place in plan:
                with _reading(self.source):
                    batch = self.source.batch(rows)
                yield Item(batch, *place)

    def _plan(self, position: int) -> _Plan:
        n, batches = len(self.source), self.batches_per_epoch
        epoch, first = divmod(position, batches)
        while True:
            order = self._order(epoch)
            for number in range(first, batches):
                low, high = number * n // batches, (number + 1) * n // batches
                total = high - low
                start = self.rank * total // self.world
                stop = (self.rank + 1) * total // self.world
                place = (start, total, epoch, number == batches - 1)
                yield order[low + start : low + stop], place
            epoch, first = epoch + 1, 0

    def _order(self, epoch: int) -> Array:
        """Rows of a pass, ``(N,)``; with a second domain ``(N, 2)``, its order independent of the first."""
        n, second = len(self.source), self.source.second
        order = np.random.default_rng(derive_seed(self.seed, "order", epoch)).permutation(n)
        if not second:
            return order
        rng = np.random.default_rng(derive_seed(self.seed, "second order", epoch))
        passes = [rng.permutation(second) for _ in range(-(-n // second))]
        return np.stack([order, np.concatenate(passes)[:n]], axis=1)

    def _in_parallel(self, plan: _Plan) -> Iterator[Item]:
        places: deque[tuple[int, int, int, bool]] = deque()

        def rows() -> Iterator[Array]:
            for indices, place in plan:
                places.append(place)
                yield indices

        sampler: Iterable[Any] = rows()
        reader = iter(
            DataLoader(
                _Reads(self.source),
                batch_size=None,
                sampler=sampler,
                num_workers=self.workers,
                collate_fn=_unchanged,
                generator=torch.Generator(),  # else every start would draw from the global one
                prefetch_factor=4,
            )
        )
        # Only this frame holds the reader, so closing the generator ends its processes.
        for raw, error in reader:
            if error is not None:
                raise error
            yield Item(to_batch(Raw(*map(_as_array, raw)), self.source.spec), *places.popleft())


@contextmanager
def _reading(source: Source) -> Iterator[None]:
    """Refuse a StopIteration of a source: whoever iterates over batches would take it for their end.

    Raises:
        DataError: in its place.
    """
    try:
        yield
    except StopIteration as error:
        raise DataError(
            f"{type(source).__name__} raised StopIteration where examples were wanted: a source gives every "
            "row it is asked for; look for a next() without a default in it"
        ) from error


class _Reads(TorchDataset[Any]):
    """Fetches in a reader process; raw values cross over, a quarter of the bytes of floats."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getitem__(self, index: Any) -> Any:
        try:
            with _reading(self._source):
                raw = self._source.fetch(index)
        except GenusError as error:  # carried over as a value: raised there, it loses its message
            return None, error
        return tuple(map(_as_tensor, raw)), None


def _as_tensor(part: Any) -> Any:
    """Arrays as tensors, which cross between processes without a copy."""
    if isinstance(part, dict):
        return {name: torch.from_numpy(array) for name, array in part.items()}
    return None if part is None else torch.from_numpy(part)


def _as_array(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: tensor.numpy() for name, tensor in part.items()}
    return None if part is None else part.numpy()


def _unchanged(item: Any) -> Any:
    return item
