"""Cheap scores during training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Batch, Condition, join_conditions
from genus.core.capabilities import Classifies, Density, Samples
from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.data.source import Source
from genus.metrics.examples import batches
from genus.metrics.features import FeatureMap, default_features
from genus.metrics.frechet import frechet_from_moments
from genus.metrics.likelihood import log_likelihoods
from genus.metrics.moments import Moments
from genus.metrics.score import Better
from genus.sampling.draw import conditions_like, device_of, draw, evaluating

QUICK_DIRECTION: Better = "lower"
"""Every quick score is better when lower."""


@dataclass(frozen=True)
class QuickReference:
    """Reference of quick scores, made once per run.

    Args:
        features: feature map; None for data that have none.
        moments: of the training examples' features; None without a feature map.
        held_out: test examples for likelihoods.
        condition: what training examples come with, ``(m, …)``; None when unlabelled.
    """

    features: FeatureMap | None
    moments: Moments | None
    held_out: Batch
    condition: Condition | None


def quick_reference(
    train: Source,
    held_out: Source,
    *,
    data_name: str = "",
    num_reference: int = 2_000,
    num_held_out: int = 200,
    seed: int = 0,
) -> QuickReference:
    """Prepare what :func:`quick_scores` needs.

    Args:
        train: training split, or the examples that a checkpoint is chosen by.
        held_out: examples not trained on.
        data_name: helps to choose the feature map.
        num_reference: most training examples whose features are taken.
        num_held_out: most examples whose likelihood is taken.
        seed: of the choice of examples.
    """
    features = default_features(train.spec, data_name)
    rng = np.random.default_rng(seed)
    parts: list[Moments] = []
    conditions: list[Condition] = []
    for batch in batches(train, rng.permutation(len(train))[:num_reference]):
        if features is not None:
            parts.append(Moments.of(features(batch.x).numpy()))
        if batch.condition is not None:
            conditions.append(batch.condition)
    moments = Moments.merged(parts) if parts else None
    kept = held_out.batch(rng.permutation(len(held_out))[:num_held_out])
    return QuickReference(features, moments, kept, join_conditions(conditions) if conditions else None)


def quick_scores(model: Model, reference: QuickReference, *, n: int = 500, seed: int = 0) -> dict[str, float]:
    """Score a model in the middle of training; the model is left as it was.

    Normalised densities give ``nll_per_dim`` (nats per element of held-out examples); models
    that sample give ``frechet`` (biased by the small n, so it compares only with itself); models
    that only classify give ``cross_entropy`` in nats. The first is the one to monitor, lower is
    better. NaN samples or likelihoods give infinity.

    Args:
        model: any model.
        reference: see :func:`quick_reference`.
        n: generated examples.
        seed: of sampling; the same noise each time makes scores comparable. Evaluations by the same seed draw
            other samples, so that they do not measure what a checkpoint was chosen by.

    Returns:
        Scores by name; empty for a model with none of these capabilities.
    """
    scores: dict[str, float] = {}
    if isinstance(model, Density) and model.kind != "unnormalised":
        batch = reference.held_out
        values = log_likelihoods(model, batch.x, batch.condition, seed=derive_seed(seed, "live likelihoods"))
        scores["nll_per_dim"] = _finite(-float(values.mean()) / model.spec.size)
    if isinstance(model, Samples) and reference.features is not None and reference.moments is not None:
        labels = None
        if model.conditional and reference.condition is not None:
            labels = conditions_like(reference.condition, model.spec, n)
        x = draw(model, n, condition=labels, seed=derive_seed(seed, "live samples"))
        rows = reference.features(x).numpy()
        distance = math.inf
        if np.isfinite(rows).all():
            distance = max(0.0, frechet_from_moments(Moments.of(rows), reference.moments))
        scores["frechet"] = distance
    if not scores and isinstance(model, Classifies) and reference.held_out.condition is not None:
        scores["cross_entropy"] = _finite(_cross_entropy(model, reference.held_out))
    return scores


def _cross_entropy(model: Model, batch: Batch) -> float:
    """Mean −log p(class) of labelled examples."""
    assert isinstance(model, Classifies)
    batch = batch.to(device_of(model))
    with evaluating(model):
        return float(F.cross_entropy(model.classify(batch.x).float(), cast("Tensor", batch.condition)))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.inf
