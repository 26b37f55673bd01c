"""Evaluate a model: every registered metric that fits it, under one protocol."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genus.core.binder import build, resolve
from genus.core.errors import DataError, GenusError
from genus.core.model import Model
from genus.core.registry import component, components
from genus.data.source import Source
from genus.metrics.evidence import Evidence, Needs
from genus.metrics.features import FeatureMap, default_features, make_features
from genus.metrics.generated_samples import GeneratedSamples
from genus.metrics.protocol import Protocol
from genus.metrics.real_reference import RealReference
from genus.metrics.score import Score, join_notes

FEWEST = 10
_FIRST = ("frechet", "frechet-limit", "kid", "neighbours", "accuracy", "classes-drawn", "modes", "likelihood")
_MOST_SAMPLES = 5_000
_SAMPLES_OF_ONE = 50
_MOST_REFERENCE = 10_000
_MOST_ELEMENTS = 200_000_000


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything measured on one model.

    Args:
        protocol: how.
        scores: what was found; each carries the protocol's hash.
        refused: metrics that were undefined here, with the reason.
    """

    protocol: Protocol
    scores: Sequence[Score]
    refused: dict[str, str] = field(default_factory=dict[str, str])

    def __getitem__(self, name: str) -> Score:
        """The score of that name.

        Raises:
            KeyError: when it was not measured.
        """
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(name)

    def to_json(self) -> str:
        """JSON text from which :meth:`from_json` rebuilds the evaluation."""
        fields: dict[str, Any] = {
            "protocol": {**self.protocol.to_json(), "hash": self.protocol.hash},
            "scores": [score.to_json() for score in self.scores],
            "refused": self.refused,
        }
        return json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Evaluation:
        """Rebuild an evaluation from :meth:`to_json`.

        Raises:
            DataError: when the text is not one, or was changed by hand.
        """
        try:
            fields = json.loads(text)
            stamped = fields["protocol"].pop("hash")
            protocol = Protocol(**fields["protocol"])
            scores = [Score.from_json(item) for item in fields["scores"]]
            refused = dict(fields["refused"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"this is not an evaluation of genus ({error}); evaluate the model again"
            raise DataError(reason) from None
        if any(score.protocol != protocol.hash for score in scores) or stamped != protocol.hash:
            raise DataError("this evaluation's protocol does not match its hash; evaluate the model again")
        return cls(protocol=protocol, scores=scores, refused=refused)


def refuse_few_examples(train: Source, test: Source) -> None:
    """Refuse data of which too few examples could be measured.

    Raises:
        DataError: for fewer than ten in either split.
    """
    if min(len(train), len(test)) < FEWEST:
        raise DataError(
            f"an evaluation needs at least {FEWEST} training and test examples; the data have {len(train)} "
            f"and {len(test)}: bring more, or hold back another share of them (data.holdout)"
        )


def gather(
    model: Model,
    *,
    train: Source,
    test: Source,
    data_name: str,
    fingerprint: str,
    features: FeatureMap | str | None = None,
    n: int | None = None,
    num_reference: int = _MOST_REFERENCE,
    num_likelihood: int = 1_000,
    seed: int = 0,
    keep: Path | None = None,
) -> Evidence:
    """The evidence for metrics; nothing is drawn or computed before it is used.

    Args:
        model: any model.
        train: training split, the reference of distances.
        test: test split, for likelihoods and the real-against-real floor.
        data_name: name of the data set.
        fingerprint: of the data set.
        features: feature map or its name; None chooses by the data.
        n: generated examples; None takes as many as there are training examples, but no more
            than 5,000, nor than 200 million elements; 50 where there is one training example.
        num_reference: most training examples that distances refer to.
        num_likelihood: most test examples that likelihoods are measured on.
        seed: of sampling and of every choice of examples.
        keep: folder for what depends on no model, see :class:`RealReference`.

    Raises:
        DataError: for fewer than ten examples anywhere, unless the model learns from one example.
        RecipeError: for an unknown feature map.
    """
    feature_map = _feature_map(features, train, data_name)
    if n is None:
        most = _SAMPLES_OF_ONE if model.one_example else len(train)
        n = max(FEWEST, min(most, _MOST_SAMPLES, _MOST_ELEMENTS // train.spec.size))
    if not model.one_example:
        refuse_few_examples(train, test)
    if (fewest := min(n, num_reference, num_likelihood)) < FEWEST:
        raise DataError(f"an evaluation needs at least {FEWEST} generated and real examples; got {fewest}")
    protocol = Protocol(
        data=data_name,
        fingerprint=fingerprint,
        levels=train.spec.levels,
        reference="train",
        num_reference=min(num_reference, len(train)),
        num_samples=n,
        likelihood="test",
        num_likelihood=min(num_likelihood, len(test)),
        features="" if feature_map is None else feature_map.name,
        features_fingerprint="" if feature_map is None else feature_map.fingerprint,
        seed=seed,
    )
    real = RealReference(train=train, test=test, feature_map=feature_map, protocol=protocol, keep=keep)
    return Evidence(real, GeneratedSamples(model=model, real=real))


def _feature_map(features: FeatureMap | str | None, train: Source, data_name: str) -> FeatureMap | None:
    if features is None:
        return default_features(train.spec, data_name)
    return make_features(features, train.spec) if isinstance(features, str) else features


def measure(
    evidence: Evidence,
    metrics: Sequence[str] | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Measure a model by every registered metric that fits it and its data.

    One that is undefined here, or NaN, is recorded and does not stop the rest.

    Args:
        evidence: model, data and protocol.
        metrics: names; None takes all registered ones, those of plug-ins too.
        progress: called with each name before it is computed.

    Raises:
        RecipeError: for an unknown metric.
    """
    stamp = evidence.protocol.hash
    scores: list[Score] = []
    refused: dict[str, str] = {}
    for name in _in_reading_order(components("metric")) if metrics is None else metrics:
        reason = getattr(component("metric", name).load(), "needs", Needs()).lacking(evidence)
        if reason:
            if metrics is not None:  # named by the user, so silence would mislead
                refused[name] = reason
            continue
        if progress is not None:
            progress(name)
        try:
            found = build("metric", resolve("metric", name, "metrics"), evidence)
            _refuse_nan(found)
        except GenusError as error:
            refused[name] = str(error)
        else:
            scores += [
                replace(score, protocol=stamp, note=join_notes(score.note, evidence.selection))
                for score in found
            ]
    return Evaluation(protocol=evidence.protocol, scores=scores, refused=refused)


def _refuse_nan(scores: Sequence[Score]) -> None:
    for score in scores:
        if math.isnan(score.value):
            raise DataError(f"{score.name} is NaN; check the samples for NaN")


def _in_reading_order(names: Iterable[str]) -> list[str]:
    """Scores in reading order: the usual ones first, then the rest by name."""
    return sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
