"""Features of real examples, kept between evaluations by one protocol: they depend on no model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from genus.training.durable import write_bytes

Found = tuple[Tensor, Tensor | None]
"""Features ``(n, d)`` and labels ``(n,)``, or None."""


class FeatureCache:
    """A folder of what evaluations share.

    Args:
        folder: made when something is kept first; None keeps nothing.
        key: names everything that the features depend on.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._folder = folder
        self._key = key

    def get(self, name: str, make: Callable[[], Found]) -> Found:
        """The value kept under a name, else the result of ``make``, which is then kept.

        A damaged file is made anew.
        """
        if self._folder is None:
            return make()
        path = self._folder / f"{self._key}-{name}.safetensors"
        try:
            kept = safetensors.torch.load(path.read_bytes())
            return kept["features"], kept.get("labels")
        except (FileNotFoundError, KeyError, safetensors.SafetensorError):
            features, labels = make()
        held = {"features": features} if labels is None else {"features": features, "labels": labels}
        self._folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, safetensors.torch.save(held))
        return features, labels
