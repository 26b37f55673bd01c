"""Attributes asked for against attributes read: by hand, and with models that do and do not listen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics import agreement
from genus.metrics.evaluate import Evaluation, gather, measure
from genus.metrics.score import Score
from tests.tiny import table


class Marked:
    """Examples of two numbers that show their two attributes turned by 45°, and a third of noise."""

    centres = None
    sigma = None

    def __init__(self, n: int, seed: int, conditioned: bool = True) -> None:
        rng = np.random.default_rng(seed)
        self.values = torch.from_numpy(rng.normal([3.0, -50.0], [0.1, 20.0], size=(n, 2))).float()
        self.noise = torch.from_numpy(rng.normal(size=(n, 1))).float()
        condition = table(("slant", 3.0, 0.1), ("age", -50.0, 20.0)) if conditioned else None
        self.spec = DataSpec(example=Space(kind="vector", shape=(3,)), condition=condition)

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, indices: np.ndarray) -> Batch:
        rows = torch.from_numpy(indices)
        values = self.values[rows]
        return Batch(shown(values, self.noise[rows]), values if self.spec.condition else None)


def shown(values: Tensor, noise: Tensor) -> Tensor:
    """What an example with these attributes looks like."""
    a, b = (values[:, :1] - 3) / 0.1, (values[:, 1:] + 50) / 20
    return torch.cat([a + b, a - b, noise], 1)


class Painter(Model, Samples):
    """Draws what it is asked for, or examples with attributes of its own for the second one."""

    conditional = True

    def __init__(self, spec: DataSpec, *, deaf: bool = False) -> None:
        super().__init__(spec)
        self.deaf = deaf
        self.unused = nn.Linear(1, 1)

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        assert condition is not None
        if self.deaf:
            condition = torch.stack([condition[:, 0], -50 + 20 * noise.normal(n)], 1)
        return shown(condition, noise.normal(n, 1))


def measured(train: Marked, *, deaf: bool = False) -> Evaluation:
    evidence = gather(
        Painter(train.spec, deaf=deaf),
        train=train,
        test=Marked(200, 1),
        data_name="p",
        fingerprint="f",
        n=400,
    )
    return measure(evidence, ["attribute-agreement"])


def score_of(evaluation: Evaluation) -> Score:
    return evaluation["attribute-agreement"]


def test_it_is_pearson_correlation_attribute_by_attribute() -> None:
    rng = np.random.default_rng(0)
    asked = rng.normal(size=(50, 3))
    read = asked * [1, -2, 0.3] + rng.normal(size=(50, 3))
    expected = [np.corrcoef(asked[:, i], read[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(agreement(asked, read), expected, rtol=1e-12)


def test_whoever_listens_scores_one_in_whatever_units() -> None:
    score = score_of(measured(Marked(500, 0)))
    assert score.value == pytest.approx(1, abs=1e-3)
    assert score.floor == pytest.approx(1, abs=1e-3)
    assert score.low <= score.value <= score.high <= 1
    assert score.n == 400
    assert score.better == "higher"


def test_an_attribute_that_is_not_listened_to_is_named_first() -> None:
    score = score_of(measured(Marked(500, 0), deaf=True))
    assert score.value == pytest.approx(0.5, abs=0.1)
    assert score.low < 0.5 < score.high
    assert score.note.startswith("age ")
    assert score.floor == pytest.approx(1, abs=1e-3)


def test_data_without_attributes_are_left_out() -> None:
    train = Marked(100, 0, conditioned=False)
    model = Painter(train.spec)
    model.conditional = False
    evidence = gather(
        model, train=train, test=Marked(50, 1, conditioned=False), data_name="p", fingerprint="f", n=40
    )
    assert not measure(evidence, ["attribute-agreement"]).scores


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="do not match"):
        agreement(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(DataError, match="two examples"):
        agreement(np.zeros((1, 2)), np.zeros((1, 2)))
