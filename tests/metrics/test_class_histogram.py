from __future__ import annotations

import numpy as np
import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import DataError
from genus.data.stacked import stacked_digits
from genus.metrics.class_histogram import MANY, _shares, class_divergence
from genus.metrics.features import StackedDigitFeatures, default_features


def test_by_hand() -> None:
    assert class_divergence([1, 1], [0.5, 0.5]) == 0
    assert class_divergence([3, 1], [0.5, 0.5]) == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert class_divergence([1, 1], [1.0, 0.0]) == np.inf
    assert class_divergence([0, 2], [0.9, 0.1]) == pytest.approx(np.log(10))
    with pytest.raises(DataError, match="needs samples"):
        class_divergence([0, 0], [0.5, 0.5])


def test_its_bias_is_as_stated() -> None:
    rng = np.random.default_rng(0)
    q = np.full(50, 0.02)
    values = [class_divergence(rng.multinomial(2000, q), q) for _ in range(300)]
    assert np.mean(values) == pytest.approx(49 / 4000, rel=0.05)


def test_the_classifier_reads_real_stacks() -> None:
    dataset = stacked_digits(n=300)
    features = default_features(dataset.spec, dataset.name)
    assert isinstance(features, StackedDigitFeatures)
    batch: Batch = dataset.train.batch(np.arange(300))
    found = features(batch.x)
    assert found.shape == (300, 192)
    logits = features.read_out(found)
    assert torch.allclose(logits.exp().sum(1), torch.ones(300), atol=1e-4)
    assert (logits.argmax(1) == batch.condition).float().mean() > 0.96


def test_shares_are_counted_where_there_are_few_classes_and_equal_where_there_are_many() -> None:
    """The digits' shares are 3 to 1, the stacks' 1,000 modes are equal by their definition."""
    labels = np.repeat([0, 1], [30, 10])
    assert _shares(labels, 2).tolist() == [0.75, 0.25]
    assert _shares(labels, MANY - 1)[:3].tolist() == [0.75, 0.25, 0]
    for many in (MANY, MANY + 1, 1000):
        assert _shares(labels, many).tolist() == [1 / many] * many
