"""Feature maps: what distances between distributions are measured in.

A feature component is built with the :class:`~genus.core.spec.DataSpec` of the data, has a
``name``, a ``size`` and a ``fingerprint``, and maps examples in data units to ``(n, size)``
float32. One that can also recognise classes is a :class:`Classifies`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.binder import build, resolve
from genus.core.errors import DataError
from genus.core.registry import features
from genus.core.spec import DataSpec

DIGIT_WEIGHTS = Path(__file__).with_name("weights") / "digits.safetensors"
"""Weights of :class:`DigitNet`, trained by ``scripts/train_digit_features.py``."""

DIGITS = tuple("0123456789")


class FeatureMap(ABC):
    """What every feature component offers.

    Args:
        spec: the data whose examples it will receive.
    """

    name: str
    size: int
    fingerprint: str = ""

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Features ``(n, size)``, float32, of examples ``(n, *spec.shape)`` in data units."""


class Classifies(FeatureMap):
    """A feature map whose features also tell the class."""

    @abstractmethod
    def read_out(self, features: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of features ``(n, size)``."""

    def classify(self, x: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of examples ``(n, *spec.shape)`` in data units."""
        return self.read_out(self(x))


class DigitNet(nn.Module):
    """A convolutional network of 130,474 weights that reads handwritten digits.

    Three 3×3 convolutions with batch normalisation, 64 rectified features, ten logits.
    """

    num_features = 64

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(1, 32), nn.MaxPool2d(2),
            *_block(32, 64), nn.MaxPool2d(2),
            *_block(64, 96), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(96 * 9, self.num_features, bias=False),
            nn.BatchNorm1d(self.num_features),
            nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(self.num_features, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map images to features and logits.

        Args:
            x: ``(n, channels, height, width)`` in [0, 1]; channels are averaged and other sizes
                than 28×28 resized.

        Returns:
            features ``(n, 64)`` and logits ``(n, 10)``.
        """
        x = x.mean(1, keepdim=True)
        if x.shape[-2:] != (28, 28):
            x = F.interpolate(x, (28, 28), mode="bilinear", antialias=True, align_corners=False)
        found = self.body(x)
        return found, self.head(found)


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


@cache
def digit_net() -> DigitNet:
    """Return the trained :class:`DigitNet`, frozen and in evaluation mode.

    Raises:
        DataError: when the weights are missing.
    """
    if not DIGIT_WEIGHTS.is_file():
        raise DataError(f"{DIGIT_WEIGHTS} is missing; reinstall genus or run scripts/train_digit_features.py")
    net = DigitNet()
    net.load_state_dict(load_file(DIGIT_WEIGHTS))
    return net.eval().requires_grad_(False)


def digit_net_record() -> dict[str, str]:
    """How the shipped digit network was trained: test accuracy, seed, epochs."""
    with safe_open(DIGIT_WEIGHTS, "pt") as file:
        return dict(file.metadata())


@features("digits")
class DigitFeatures(Classifies):
    """Sixty-four penultimate features of a small digit classifier, and its logits."""

    name = "digits"
    size = DigitNet.num_features

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        if spec.kind != "image" or spec.range != (0.0, 1.0):
            raise DataError(f"digit features need images in [0, 1]; the data are: {spec.describe()}")
        self.fingerprint = hashlib.sha256(DIGIT_WEIGHTS.read_bytes()).hexdigest()
        self._net = digit_net()

    def __call__(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            parts = [self._net(part)[0] for part in x.detach().cpu().float().split(250)]
        return torch.cat([torch.zeros(0, self.size), *parts])

    def read_out(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return self._net.head(features)


@features("stacked-digits")
class StackedDigitFeatures(Classifies):
    """Digit features of each of three channels, and logits of the thousand stacks."""

    name = "stacked-digits"
    size = 3 * DigitNet.num_features

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        if spec.kind != "image" or spec.shape[0] != 3 or spec.range != (0.0, 1.0):
            raise DataError(f"stacked digits need images of 3 channels in [0, 1]; got {spec.describe()}")
        self._digits = DigitFeatures(spec)
        self.fingerprint = self._digits.fingerprint

    def __call__(self, x: Tensor) -> Tensor:
        return self._digits(x.flatten(0, 1)[:, None]).reshape(len(x), self.size)

    def read_out(self, features: Tensor) -> Tensor:
        logits = self._digits.read_out(features.reshape(-1, DigitNet.num_features))
        red, green, blue = logits.log_softmax(1).reshape(len(features), 3, 10).unbind(1)
        return (red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]).flatten(1)


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


def default_features(spec: DataSpec, data_name: str = "") -> FeatureMap | None:
    """Choose the feature map for some data.

    ``digits`` for 1×28×28 images whose classes are the ten digits (or whose name says MNIST),
    ``stacked-digits`` for those data, ``identity`` for vectors and other flat data, ``pixels`` for
    other images. None for tokens, whose numbers are names: distances between them mean nothing.

    Args:
        spec: the data.
        data_name: name of the data set; decides for unlabelled digits.
    """
    if spec.kind == "tokens":
        return None
    if data_name == "stacked-digits":
        return make_features("stacked-digits", spec)
    grey28 = spec.kind == "image" and spec.shape == (1, 28, 28)
    if grey28 and (spec.classes == DIGITS or (not spec.classes and data_name.startswith("mnist"))):
        return make_features("digits", spec)
    return make_features("pixels" if len(spec.shape) > 1 else "identity", spec)


def make_features(name: str, spec: DataSpec) -> FeatureMap:
    """Build a registered feature component for some data.

    Raises:
        RecipeError: when no component has that name.
    """
    return build("features", resolve("features", name, "features"), spec)
