"""Accuracy of a model's classifier on test examples."""

from __future__ import annotations

import numpy as np
import torch

from genus.core.capabilities import Classifies
from genus.core.registry import metric
from genus.metrics.accuracy import class_accuracy
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import means_without_each
from genus.metrics.score import Score
from genus.sampling.draw import device_of, evaluating


@metric("classification-error")
@needs(Classifies)
def classification_scores(evidence: Evidence) -> list[Score]:
    """Share of test examples whose class the model gets wrong, with Wilson's interval."""
    model = evidence.model
    assert isinstance(model, Classifies)
    logits: list[torch.Tensor] = []
    labels: list[torch.Tensor] = []
    with evaluating(model):
        for batch in evidence.real.likelihood_batches():
            known = evidence.spec.class_labels(batch.condition)
            if known is None:
                return []
            logits.append(model.classify(batch.x.to(device_of(model))).float().cpu())
            labels.append(known)
    wrong = torch.cat(logits).argmax(1) != torch.cat(labels)
    right, low, high = class_accuracy(torch.cat(logits).numpy(), torch.cat(labels).numpy())
    shares = np.bincount(torch.cat(labels).numpy()) / sum(map(len, labels))
    return [
        Score(
            name="classification error",
            value=1 - right,
            low=1 - high,
            high=1 - low,
            n=sum(map(len, labels)),
            better="lower",
            shared=means_without_each(wrong.numpy()),
            baseline=float(1 - shares.max()),
            note="test examples; baseline: always the most frequent class",
        )
    ]
