"""The protocol of measurement; numbers under different protocols do not compare."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from genus.core.errors import ProtocolError

VERSION = 2
"""Raised whenever a metric's definition changes."""

_CHOICES = ("standing", "means", "sampler", "steps", "guidance")
"""Fields left out where nothing is chosen, so that numbers from before there was a choice keep their hash."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything a number depends on besides the model.

    Args:
        data: name of the data set.
        fingerprint: of the data set, both splits.
        levels: number of values an element of the data takes; None when continuous.
        reference: split that distances refer to.
        num_reference: its examples used.
        num_samples: generated examples.
        likelihood: split that likelihoods are measured on.
        num_likelihood: its examples used.
        features: name of the feature map; empty for none.
        features_fingerprint: SHA-256 of its weights, or its size; empty for none.
        seed: of sampling and of every choice of examples.
        truncation: how samples are drawn, as the next five, see :class:`genus.core.drawing.Drawing`.
        standing: see there.
        means: see there.
        sampler: see there.
        steps: see there.
        guidance: see there.
        version: of the definitions of the metrics.
    """

    data: str
    fingerprint: str
    levels: int | None
    reference: str
    num_reference: int
    num_samples: int
    likelihood: str
    num_likelihood: int
    features: str
    features_fingerprint: str
    seed: int
    truncation: float | None = None
    standing: bool = False
    means: bool = False
    sampler: str = ""
    steps: int | None = None
    guidance: float | None = None
    version: int = VERSION

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits, equal exactly for equal protocols, on every machine."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def yardsticks(self) -> tuple[str, str]:
        """Description of floors and baselines, for the headings of tables."""
        if self.num_reference == 1:
            return "the image mirrored", "Gaussian textures"
        return "real against real", "EM Gaussian mixture"

    def differences(self, other: Protocol) -> dict[str, tuple[Any, Any]]:
        """Fields in which two protocols differ, with both values."""
        mine, theirs = asdict(self), asdict(other)
        return {key: (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}

    def require_same(self, other: Protocol) -> None:
        """Refuse to compare numbers of different protocols.

        Raises:
            ProtocolError: naming every difference.
        """
        if self != other:
            spelled = ", ".join(f"{k}: {a!r} against {b!r}" for k, (a, b) in self.differences(other).items())
            raise ProtocolError(
                f"these numbers were measured differently and do not compare ({spelled}); "
                "evaluate both again with the same settings"
            )

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields, from which ``Protocol(**fields)`` rebuilds the protocol."""
        fields = asdict(self)
        for choice in _CHOICES:
            if fields[choice] in (None, False, ""):
                del fields[choice]
        return fields
