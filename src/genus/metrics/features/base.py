"""The interface of feature maps."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from genus.core.spec import DataSpec


class FeatureMap(ABC):
    """The interface of feature maps.

    Args:
        spec: the data whose examples it will receive.
    """

    name: str
    size: int
    fingerprint: str = ""
    note: str = ""
    """What must be said beside every number measured in these features."""

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    @classmethod
    def require(cls) -> None:
        """Refuse early when something it is made of is not on this machine.

        Raises:
            DataError: saying what to install or to name.
        """
        return  # most need nothing

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Features ``(n, size)``, float32, of examples ``(n, *spec.shape)`` in data units."""


class ClassifyingFeatures(FeatureMap):
    """A feature map that also classifies."""

    of_data: bool = True
    """Whether its classes are those of the data, in their order; else it recognises others."""

    @abstractmethod
    def read_out(self, features: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of features ``(n, size)``."""

    def classify(self, x: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of examples ``(n, *spec.shape)`` in data units."""
        return self.read_out(self(x))


def in_parts(network: Callable[[Tensor], Tensor], x: Tensor, size: int, at_once: int = 250) -> Tensor:
    """Features of a few examples at a time, on the processor and without gradients.

    Args:
        network: from float32 ``(n, *shape)`` to ``(n, size)``.
        x: examples, on any device.
        size: number of features.
        at_once: examples that pass together; limits memory only.

    Returns:
        float32 ``(n, size)`` on the CPU.
    """
    with torch.no_grad():
        parts = [network(part).float() for part in x.detach().cpu().float().split(at_once) if len(part)]
    return torch.cat([torch.zeros(0, size), *parts])


def weights_digest(tensors: Mapping[str, Tensor], about: str = "") -> str:
    """SHA-256 of named tensors, whatever file they lie in, and of a text about them.

    >>> weights_digest({"a": torch.zeros(2)}) == weights_digest({"a": torch.zeros(2)})
    True
    >>> weights_digest({"a": torch.zeros(2)}) == weights_digest({"b": torch.zeros(2)})
    False
    """
    digest = hashlib.sha256(about.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
