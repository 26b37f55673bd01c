"""Calls of a model's networks that a sample takes."""

from __future__ import annotations

from genus.core.capabilities import Samples
from genus.core.drawing import ChoosesSampler
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.score import Score


@metric("model-calls")
@needs(Samples, ChoosesSampler)
def model_calls_scores(evidence: Evidence) -> list[Score]:
    """Evaluations of networks per sample, those of guidance counted; what samplers are compared at."""
    n = len(evidence.generated.values)
    model = evidence.model
    assert isinstance(model, ChoosesSampler)
    calls = float(model.calls)
    return [
        Score(
            name="model-calls", value=calls, low=calls, high=calls, n=n, better="lower",
            note="evaluations of networks per sample, those of guidance counted",
        )
    ]  # fmt: skip
