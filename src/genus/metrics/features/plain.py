"""Feature maps without a network: the values themselves."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.errors import DataError
from genus.core.registry import features
from genus.core.spec import DataSpec
from genus.metrics.features.base import FeatureMap


@features("identity")
class Identity(FeatureMap):
    """The example itself, flattened; for vectors."""

    name = "identity"

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.size = spec.size

    def __call__(self, x: Tensor) -> Tensor:
        return x.detach().cpu().float().flatten(1)


@features("pixels")
class Pixels(FeatureMap):
    """The image, area-averaged to at most 16×16, flattened.

    Args:
        side: longest height and width kept.
    """

    name = "pixels"

    def __init__(self, spec: DataSpec, *, side: int = 16) -> None:
        super().__init__(spec)
        if len(spec.shape) < 2:
            raise DataError(f"pixel features need images or volumes; the data are: {spec.describe()}")
        self._shape = tuple(min(length, side) for length in spec.shape[1:])
        self.size = spec.shape[0] * torch.Size(self._shape).numel()
        self.fingerprint = "x".join(map(str, self._shape))

    def __call__(self, x: Tensor) -> Tensor:
        x = x.detach().cpu().float()
        if tuple(x.shape[2:]) != self._shape:
            x = F.interpolate(x, self._shape, mode="area")
        return x.flatten(1)
