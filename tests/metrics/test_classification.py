"""The error of a classifier that is right by construction, and wrong by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genus.core.capabilities import Classifies
from genus.core.model import Model
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.metrics.evaluate import gather, measure

SPEC = DataSpec(example=Space(kind="vector", shape=(2,)), condition=class_space(("a", "b")))


class Sign(Model, Classifies):
    """Class 1 where the first coordinate is positive."""

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([-x[:, 0], x[:, 0]], 1)


@pytest.mark.parametrize("wrong", [0, 3, 10])
def test_error_counts_the_wrong(wrong: int) -> None:
    labels = np.tile([0, 1], 10)
    x = np.stack([labels * 2.0 - 1, np.zeros(20)], 1)
    x[:wrong] *= -1
    source = ArraySource(x, labels, SPEC)
    scores = measure(
        gather(Sign(SPEC), train=source, test=source, data_name="two", fingerprint="x"),
        ["classification-error"],
    )
    score = scores["classification error"]
    assert score.value == pytest.approx(wrong / 20)
    # Wilson's interval: the shares p at which |wrong/20 − p| is 1.96 deviations
    for end in (score.low, score.high):
        assert abs(wrong / 20 - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / 20), abs=1e-6)
    assert score.low <= score.value < score.high
    assert score.baseline == pytest.approx(0.5)
    assert score.n == 20
