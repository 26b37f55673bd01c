"""Evidence of a metric: the samples of a model beside real examples; and what a metric needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from genus.core.drawing import Drawing
from genus.core.model import Model
from genus.core.spec import DataSpec
from genus.metrics.generated_samples import GeneratedSamples
from genus.metrics.protocol import Protocol
from genus.metrics.real_reference import Distance, RealReference
from genus.sampling.draw import check_drawing

_T = TypeVar("_T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Evidence:
    """The samples of one model and the real examples they are compared with.

    Args:
        real: training and test examples, floors and the mixture; may be shared by models.
        generated: the model and its samples.
        selection: how the checkpoint was chosen among others, a note on each score; empty when it was not.
    """

    real: RealReference
    generated: GeneratedSamples
    selection: str = ""

    @property
    def model(self) -> Model:
        """The model that is measured."""
        return self.generated.model

    @property
    def spec(self) -> DataSpec:
        """Specification of the data."""
        return self.real.spec

    @property
    def protocol(self) -> Protocol:
        """The protocol of measurement; its hash is stamped on each."""
        return self.generated.protocol

    def drawn(self, drawing: Drawing) -> Evidence:
        """The same real examples beside samples that are drawn in another way.

        Raises:
            CapabilityError: when the model cannot follow it.
            InputError: for a choice out of range.
        """
        check_drawing(self.model, drawing)
        return replace(self, generated=replace(self.generated, drawing=drawing))

    def against_reference(self, distance: Distance) -> tuple[float, float | None, float | None]:
        """Value, floor and baseline of a distance to the reference.

        Args:
            distance: of features ``(n, d)`` to the reference's ``(m, d)``.

        Returns:
            The distance of the samples to the reference, of the two sets of
            :attr:`RealReference.floor_sets`, and of the mixture's samples to the reference; the
            last two are None where the distance is undefined for them.
        """
        value = distance(self.generated.features, self.real.reference.features)
        return value, *self.real.floor_and_baseline(distance)


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Requirements of a metric on a model and its data; see :func:`needs`."""

    capabilities: tuple[type, ...] = ()
    features: bool = False
    one_example: bool = False
    paired: bool = False
    fits: Callable[[DataSpec], str] | None = None

    def lacking(self, evidence: Evidence) -> str:
        """Requirements that the model or the data do not meet; empty when they meet all."""
        model, spec = evidence.model, evidence.spec
        if self.one_example != model.one_example:
            if model.one_example:
                return "one training example is no distribution to compare with"
            return "it looks inside a single training example, and the model learns from many"
        for capability in self.capabilities:
            if not isinstance(model, capability):
                return f"{type(model).__name__} does not offer {capability.__name__}"
        if self.features and evidence.real.feature_map is None:
            return f"no feature map fits the data by default ({spec.describe()}); name one"
        if self.paired and (reason := _unpaired(evidence)):
            return reason
        return "" if self.fits is None else self.fits(spec)


def _unpaired(evidence: Evidence) -> str:
    """Reason why samples have no test example to be compared with; empty when they have one."""
    parts = evidence.spec.condition_parts().values()
    if not evidence.spec.paired or not any(space.is_spatial for space in parts):
        return (
            "it compares a sample with the test example whose image or mask it was drawn for, and these "
            f"data come with none ({evidence.spec.describe()})"
        )
    if not evidence.generated.conditional:
        return f"{type(evidence.model).__name__} does not draw for a condition; give the model a conditioning"
    return ""


def needs(
    *capabilities: type,
    features: bool = False,
    one_example: bool = False,
    paired: bool = False,
    fits: Callable[[DataSpec], str] | None = None,
) -> Callable[[_T], _T]:
    """Declare what a metric needs; it is skipped for models and data without.

    Args:
        capabilities: classes of :mod:`genus.core.model` that the model must derive from.
        features: whether it looks at features.
        one_example: whether it looks inside the one example of data that have no more; all others
            need a distribution.
        paired: whether it compares each test example with a sample drawn for its image or mask.
        fits: says why data do not fit the metric; empty when they do.
    """
    needed = Needs(
        capabilities=capabilities, features=features, one_example=one_example, paired=paired, fits=fits
    )

    def mark(function: _T) -> _T:
        function.needs = needed  # type: ignore[attr-defined]
        return function

    return mark
