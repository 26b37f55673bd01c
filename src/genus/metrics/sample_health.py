"""A quick examination of a few samples during training: are they varied, new, alive?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import Samples
from genus.core.model import Model
from genus.metrics.features import ClassifyingFeatures, FeatureMap, default_features
from genus.metrics.memorisation import copy_threshold, gap_ratios, training_gaps
from genus.metrics.nearest import nearest_neighbours
from genus.sampling.draw import conditions_like, draw

if TYPE_CHECKING:  # it would import what only evaluations need, for a second
    from genus.data.source import Source

SAMPLES = 256
"""Samples per look: a share of them is known to ±6 %, and drawing them costs a few updates."""
_NEIGHBOURS = 5
_ELEMENTS = 4_000_000
_MOST_TRAIN = 4_000
_ACCUSED = 0.01
_NEAR_BOUND = 0.01
_STILL = 0.05
_FEW = 12

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class HealthReference:
    """Reference of the examination, made once per run.

    Args:
        features: feature map in which variety is measured; None for data that have none.
        real: features of as many training examples as there will be samples.
        reach: distance of each of them to its fifth neighbour among them ``(n,)``.
        covered: share of ``real`` that other real examples cover.
        spacing: median distance of ``real`` to the nearest other one.
        classes: effective number of classes among ``real``; None without a classifier.
        train: training examples as rows ``(m, d)``, against copying.
        gaps: distance of each of them to the nearest other.
        copy: ratio of distance to gap up to which a sample is a copy; None where too few examples
            are held out to say.
        held_out: median distance of held-out examples to the nearest of ``train``.
        values: training examples as values ``(n, elements)``.
        condition: what training examples come with, ``(m, …)``; None when unlabelled.
        all_train: whether ``train`` holds every training example.
    """

    features: FeatureMap
    real: Rows
    reach: NDArray[np.float64]
    covered: float
    spacing: float
    classes: float | None
    train: Rows
    gaps: NDArray[np.float64]
    copy: float | None
    held_out: float
    values: Rows
    condition: Condition | None
    all_train: bool


def health_reference(
    train: Source, held_out: Source, *, data_name: str = "", seed: int = 0
) -> HealthReference | None:
    """Prepare what :func:`look` needs; None for data without distances, or too few to compare.

    Args:
        train: training split.
        held_out: examples not trained on.
        data_name: helps to choose the feature map.
        seed: of the choice of examples.
    """
    features = default_features(train.spec, data_name)
    if features is None or len(train) < _FEW or len(held_out) < _FEW:
        return None
    rng = np.random.default_rng(seed)
    most = max(SAMPLES, min(_MOST_TRAIN, _ELEMENTS // train.spec.size))
    found = train.batch(rng.permutation(len(train))[:most])
    values = found.x
    others = held_out.batch(rng.permutation(len(held_out))[:SAMPLES]).x
    if len(values) >= 2 * SAMPLES:
        first, second = values[:SAMPLES], values[SAMPLES : 2 * SAMPLES]
    else:
        first, second = values[:SAMPLES], others
    real = features(first).numpy()
    rows, rest = _rows(values), _rows(others)
    distinct, gaps = training_gaps(rows)
    rows = rows[distinct]
    numbers, distances = nearest_neighbours(rest, rows)
    ratios = gap_ratios(distances[:, 0], gaps[numbers[:, 0]])
    return HealthReference(
        features=features,
        real=real,
        reach=(reach := _reach(real)),
        covered=coverage(features(second).numpy(), real, reach),
        spacing=float(np.median(nearest_neighbours(real)[1])),
        classes=_effective_classes(features, real),
        train=rows,
        gaps=gaps,
        copy=copy_threshold(ratios, _ACCUSED),
        held_out=float(np.median(distances)),
        values=_rows(first),
        condition=found.condition,
        all_train=len(values) == len(train),
    )


def look(model: Model, reference: HealthReference, *, seed: int = 0, n: int = SAMPLES) -> dict[str, float]:
    """Draw a few samples and describe them by numbers; the model is left as it was.

    Args:
        model: any model; one that cannot sample, or not yet, gives nothing.
        reference: see :func:`look_reference`.
        seed: of sampling; the same noise each time.
        n: samples, at least 12; as many as there are real ones by default.

    Returns:
        By name: ``finite`` share of samples; ``variety``, total variance of features over that of
        real examples; ``spacing``, median distance to the nearest other sample over the same of
        real examples; ``coverage``, share of real examples that have a sample nearer than their
        fifth neighbour, over the same of other real examples; ``classes``, effective number of
        classes over that of real examples; ``copies``, share of samples that repeat a training
        example; ``distance``, median distance to the nearest training example over that of held-out
        ones; ``bounds``, share of elements at the ends of the range beyond that of real examples;
        ``still``, share of the elements that vary in the data and not in the samples; ``spread``,
        deviation of the samples, and ``offset``, distance of their mean from that of the data, both in
        units of the data's own deviation (root of the total variance of values), whatever that is.
    """
    if not isinstance(model, Samples):
        return {}
    n = min(n, max(len(reference.real), _FEW))
    labels = None
    if model.conditional and reference.condition is not None:
        labels = conditions_like(reference.condition, model.spec, n)
    try:
        x = draw(model, n, condition=labels, seed=seed)
    except RuntimeError:  # half trained, a model may be unable to draw; training must not end by a look
        return {}
    finite = torch.isfinite(x.flatten(1)).all(1)
    signs = {"finite": float(finite.float().mean())}
    if int(finite.sum()) < _FEW:
        return signs
    x = x[finite]
    signs.update(_varied(x, reference))
    signs.update(_near(x, reference))
    signs.update(_alive(_rows(x), reference.values, model.spec.range))
    signs.update(_placed(_rows(x), reference.values))
    return signs


def coverage(samples: Rows, real: Rows, reach: NDArray[np.float64]) -> float:
    """Share of real examples with a sample within their reach (arXiv:2002.09797, equation 4)."""
    return float((nearest_neighbours(real, samples)[1][:, 0] <= reach).mean())


def _varied(x: Tensor, reference: HealthReference) -> dict[str, float]:
    rows = reference.features(x).numpy()
    real = float(reference.real.var(0).sum())
    signs = {"variety": float(rows.var(0).sum()) / real if real else math.nan}
    signs["spacing"] = _over(float(np.median(nearest_neighbours(rows)[1])), reference.spacing)
    signs["coverage"] = _over(coverage(rows, reference.real, reference.reach), reference.covered)
    classes = _effective_classes(reference.features, rows)
    if classes is not None and reference.classes is not None:
        signs["classes"] = classes / reference.classes
    return {name: value for name, value in signs.items() if math.isfinite(value)}


def _near(x: Tensor, reference: HealthReference) -> dict[str, float]:
    numbers, distances = nearest_neighbours(_rows(x), reference.train)
    signs = {"distance": _over(float(np.median(distances)), reference.held_out)}
    if reference.copy is not None:
        ratios = gap_ratios(distances[:, 0], reference.gaps[numbers[:, 0]])
        signs["copies"] = float((ratios <= reference.copy).mean())
    return {name: value for name, value in signs.items() if math.isfinite(value)}


def _alive(samples: Rows, real: Rows, bounds: tuple[float, float] | None) -> dict[str, float]:
    deviations = real.std(0)
    vary = deviations > 1e-3 * max(float(deviations.max()), 1e-12)
    signs = {"still": float((samples.std(0)[vary] <= _STILL * deviations[vary]).mean())}
    if bounds is not None:
        low, high = bounds
        near = _NEAR_BOUND * (high - low)

        def share(rows: Rows) -> float:
            return float(((rows <= low + near) | (rows >= high - near)).mean())

        signs["bounds"] = share(samples) - share(real)
    return signs


def _placed(samples: Rows, real: Rows) -> dict[str, float]:
    deviation = math.sqrt(float(real.var(0, dtype=np.float64).sum()))
    offset = np.linalg.norm(samples.mean(0, dtype=np.float64) - real.mean(0, dtype=np.float64))
    spread = math.sqrt(float(samples.var(0, dtype=np.float64).sum()))
    signs = {"spread": _over(spread, deviation), "offset": _over(float(offset), deviation)}
    return {name: value for name, value in signs.items() if math.isfinite(value)}


def _effective_classes(features: FeatureMap, rows: Rows) -> float | None:
    """exp of the entropy of the recognised classes; None without a classifier of the data."""
    if not (isinstance(features, ClassifyingFeatures) and features.of_data):
        return None
    counts = np.bincount(features.read_out(torch.from_numpy(rows)).argmax(1).numpy())
    shares = counts[counts > 0] / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _reach(real: Rows) -> NDArray[np.float64]:
    k = min(_NEIGHBOURS, len(real) - 1)
    return nearest_neighbours(real, k=k)[1][:, -1]


def _rows(x: Tensor) -> Rows:
    return x.detach().float().flatten(1).numpy()


def _over(value: float, reference: float) -> float:
    return value / reference if reference > 0 else math.nan
