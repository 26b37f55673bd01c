"""Agreement of groups found without labels with the classes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from genus.core.capabilities import Clusters
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import wilson
from genus.metrics.score import Score
from genus.sampling.draw import batch_size, device_of, evaluating


def matched_accuracy(groups: ArrayLike, labels: ArrayLike) -> tuple[float, float, float]:
    r"""Share of examples in the group of their class, after the best one-to-one matching.

    .. math:: \max_\pi \frac{1}{n} \sum_i [\pi(g_i) = y_i]

    over injections π of groups into classes (or of classes into groups, where those are more).
    Examples in groups without a class count as wrong.

    Args:
        groups: group numbers ``(n,)``, ≥ 0.
        labels: class numbers ``(n,)``, ≥ 0.

    Returns:
        share, and the ends of Wilson's 95 % interval, which takes the matching as given.

    Raises:
        DataError: for no examples, or when the numbers differ.

    >>> matched_accuracy([2, 2, 0, 1], [0, 0, 1, 1])[0]
    0.75
    """
    groups, labels = np.asarray(groups, dtype=np.int64), np.asarray(labels, dtype=np.int64)
    if len(groups) != len(labels):
        raise DataError(f"{len(groups)} groups do not match {len(labels)} labels")
    if len(groups) == 0:
        raise DataError("groups of no examples cannot be matched with classes; evaluate with more")
    counts = np.zeros((groups.max() + 1, labels.max() + 1), dtype=np.int64)
    np.add.at(counts, (groups, labels), 1)
    right = int(counts[linear_sum_assignment(counts, maximize=True)].sum())
    low, high = wilson(right, len(labels))
    return right / len(labels), low, high


@metric("cluster-accuracy")
@needs(Clusters)
def cluster_accuracy_scores(evidence: Evidence) -> list[Score]:
    """Share of test examples whose group is that of their class."""
    labels = evidence.real.held_out.class_labels
    if labels is None:
        return []
    groups, classes = _groups(evidence), labels.numpy()
    value, low, high = matched_accuracy(groups, classes)
    dealt = np.random.default_rng(evidence.protocol.seed).permutation(groups)
    chance = matched_accuracy(dealt, classes)[0]
    return [
        Score(
            name="cluster-accuracy",
            value=value,
            low=low,
            high=high,
            n=len(classes),
            better="higher",
            note=(
                f"test examples; groups are matched with classes on the same {len(classes)} examples, which "
                f"flatters: the same groups dealt at random reach {chance:.3f}"
            ),
        )
    ]


def _groups(evidence: Evidence) -> NDArray[np.int64]:
    """Likeliest group of each test example."""
    model = evidence.model
    assert isinstance(model, Clusters)
    device = device_of(model)
    parts = evidence.real.held_out_values().split(batch_size(evidence.spec))
    with evaluating(model):
        found = [model.clusters(x.to(device)).argmax(1).cpu() for x in parts]
    return torch.cat(found).numpy()
