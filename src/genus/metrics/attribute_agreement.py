"""Agreement of samples with the attributes that they are conditioned on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.core.space import Space
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import jackknife
from genus.metrics.score import Score

GROUPS = 20
SHOWN = 5
"""Attributes that the note names, the least followed first."""


def agreement(condition: ArrayLike, read: ArrayLike) -> NDArray[np.float64]:
    """Pearson's correlation of the condition and of what is read, attribute by attribute.

    Args:
        condition: attributes that samples are conditioned on ``(n, k)``.
        read: ``(n, k)``.

    Returns:
        ``(k,)``, in [−1, 1]; 0 for an attribute that does not vary on one of both sides.

    Raises:
        DataError: for fewer than two examples, or when the shapes differ.

    >>> agreement([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], [[5.0, 0.0], [7.0, 3.0], [9.0, 0.0]]).tolist()
    [1.0, 0.0]
    """
    first, second = np.asarray(condition, dtype=np.float64), np.asarray(read, dtype=np.float64)
    if first.shape != second.shape:
        raise DataError(f"attributes {first.shape} do not match {second.shape}")
    if len(first) < 2:
        raise DataError("a correlation needs two examples or more; evaluate with more")
    first, second = first - first.mean(0), second - second.mean(0)
    size = np.sqrt((first**2).sum(0) * (second**2).sum(0))
    return (first * second).sum(0) / np.where(size > 0, size, 1.0)


@metric("attribute-agreement")
@needs(Samples, features=True)
def attribute_agreement_scores(evidence: Evidence) -> list[Score]:
    """Mean correlation of the attributes in the condition with those that a linear map reads from samples."""
    space, condition = evidence.spec.condition, evidence.generated.condition
    if not isinstance(space, Space) or space.kind != "table" or not isinstance(condition, Tensor):
        return []
    reader = _reader(evidence)
    read = _read(reader, evidence.generated.features, condition.shape[1])
    wanted = condition.numpy()
    each = agreement(wanted, read)
    groups = np.array_split(np.arange(len(wanted)), min(GROUPS, len(wanted) // 2))
    left_out = [agreement(np.delete(wanted, g, 0), np.delete(read, g, 0)).mean() for g in groups]
    low, high = jackknife(float(each.mean()), [left_out])
    real = evidence.real.held_out_condition()
    assert isinstance(real, Tensor)
    floor = agreement(real.numpy(), _read(reader, evidence.real.held_out.features, real.shape[1]))
    worst = np.argsort(each)[:SHOWN]
    named = ", ".join(f"{space.columns[i].name} {each[i]:.2f} ({floor[i]:.2f})" for i in worst)
    return [
        Score(
            name="attribute-agreement",
            value=float(each.mean()),
            low=max(low, -1.0),
            high=min(high, 1.0),
            n=len(wanted),
            floor=float(floor.mean()),
            better="higher",
            note=(
                f"{named}; read linearly from {evidence.protocol.features} features; floor and parentheses: "
                f"{len(real)} test examples, what the reader can tell at best"
            ),
        )
    ]


def _reader(evidence: Evidence) -> Pipeline:
    """Ridge regression of attributes on features of training examples, its weight by leave-one-out."""
    reader = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-2, 4, 13)))
    known = evidence.real.reference_condition()
    assert isinstance(known, Tensor)
    return reader.fit(evidence.real.reference.features, known.numpy())


def _read(reader: Pipeline, features: NDArray[np.float32], attributes: int) -> NDArray[np.float64]:
    return np.asarray(reader.predict(features), dtype=np.float64).reshape(-1, attributes)
