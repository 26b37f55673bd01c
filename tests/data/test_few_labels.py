"""Few labels: which are kept, and what the others look like."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.digits import digits8
from genus.data.few_labels import UNKNOWN, FewLabels


def test_as_many_labels_as_asked_for_equally_many_of_each_class() -> None:
    train = digits8().train
    few = FewLabels(train, 100)
    numbers = np.arange(len(train))
    seen, known = few.batch(numbers), train.batch(numbers)
    assert seen.condition is not None
    assert known.condition is not None
    kept = seen.condition != UNKNOWN
    assert kept.sum() == 100
    assert torch.equal(seen.condition[kept], known.condition[kept])
    assert torch.equal(seen.x, known.x)
    assert (torch.bincount(seen.condition[kept], minlength=10) - 10).abs().max() <= 1


def test_labelled_examples_come_again_until_they_are_an_eighth() -> None:
    train = digits8().train
    few = FewLabels(train, 40)
    everything = few.batch(np.arange(len(few)))
    assert everything.condition is not None
    kept = everything.condition != UNKNOWN
    assert kept.float().mean() == pytest.approx(1 / 8, abs=1 / len(few))
    assert len(torch.unique(everything.x[kept], dim=0)) == 40
    times = torch.unique(everything.x[kept], dim=0, return_counts=True)[1]
    assert times.max() - times.min() <= 1
    assert len(FewLabels(train, len(train) // 2)) == len(train), "enough labels, so nothing comes twice"


def test_labels_belong_to_examples_and_not_to_batches() -> None:
    few = FewLabels(digits8().train, 50)
    together = few.batch(np.array([3, 700, 41])).condition
    assert together is not None
    for place, number in enumerate([3, 700, 41]):
        alone = few.batch(np.array([number])).condition
        assert alone is not None
        assert alone[0] == together[place]


def test_too_many_or_no_labels_are_refused() -> None:
    with pytest.raises(DataError, match="leave it out"):
        FewLabels(digits8().train, 10_000)
    plain = ArraySource(
        np.zeros((5, 2), dtype=np.float32), None, DataSpec(example=Space(kind="vector", shape=(2,)))
    )
    with pytest.raises(DataError, match="no labels"):
        FewLabels(plain, 2)
