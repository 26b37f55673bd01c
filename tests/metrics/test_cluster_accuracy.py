"""Groups without names against classes: the best matching, by hand and by trying all."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.capabilities import Clusters
from genus.core.errors import DataError
from genus.core.model import Model
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.metrics import matched_accuracy
from genus.metrics.evaluate import Evaluation, gather, measure
from genus.metrics.intervals import wilson

CLASSES = ("a", "b", "c")
LINE = DataSpec(example=Space(kind="vector", shape=(1,)), condition=class_space(CLASSES))


class Numbers:
    """Examples that are their own class."""

    centres = None
    sigma = None

    def __init__(self, n: int, spec: DataSpec = LINE) -> None:
        self.spec = spec
        self.labels = torch.arange(n) % 3

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: np.ndarray) -> Batch:
        labels = self.labels[torch.from_numpy(indices)]
        return Batch(labels[:, None].float(), labels if self.spec.classes else None)


class Groups(Model, Clusters):
    """Sorts by a table from classes to groups; every ``fails``-th call of it errs."""

    def __init__(self, table: list[int], groups: int) -> None:
        super().__init__(LINE)
        self.table, self.groups = torch.tensor(table), groups
        self.unused = nn.BatchNorm1d(1)

    def clusters(self, x: Tensor) -> Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        return nn.functional.one_hot(self.table[x[:, 0].long()], self.groups).float()


def measured(model: Model, spec: DataSpec = LINE, n: int = 60) -> Evaluation:
    return measure(
        gather(model, train=Numbers(n, spec), test=Numbers(n, spec), data_name="p", fingerprint="f"),
        ["cluster-accuracy"],
    )


def test_perfect_groups_score_one_whatever_their_numbers() -> None:
    labels = np.arange(30) % 3
    for order in permutations(range(3)):
        assert matched_accuracy(np.array(order)[labels], labels)[0] == 1
    score = measured(Groups([2, 0, 1], 3))["cluster-accuracy"]
    assert score.value == 1
    assert (score.low, score.high) == wilson(60, 60)
    assert score.n == 60
    assert score.better == "higher"


def test_one_group_for_everything_is_right_for_one_class() -> None:
    score = measured(Groups([1, 1, 1], 3))["cluster-accuracy"]
    assert score.value == pytest.approx(1 / 3)
    assert "dealt at random reach 0.333" in score.note


def test_the_matching_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    for groups, classes in [(4, 4), (5, 3), (3, 5)]:
        found, named = rng.integers(groups, size=40), rng.integers(classes, size=40)
        wide = max(groups, classes)
        best = max(np.mean(np.array(order)[found] == named) for order in permutations(range(wide), wide))
        value, low, high = matched_accuracy(found, named)
        assert value == pytest.approx(best)
        assert (low, high) == wilson(round(value * 40), 40)


def test_two_groups_of_one_class_are_not_both_right() -> None:
    assert matched_accuracy([0, 0, 0, 1, 1, 2], [0, 0, 0, 0, 0, 1])[0] == pytest.approx(4 / 6)


def test_what_does_not_fit_is_refused_and_what_has_no_classes_left_out() -> None:
    with pytest.raises(DataError, match="do not match"):
        matched_accuracy([0, 1], [0])
    with pytest.raises(DataError, match="no examples"):
        matched_accuracy([], [])
    plain = DataSpec(example=Space(kind="vector", shape=(1,)))
    assert not measured(Groups([0, 1, 2], 3), plain).scores
