"""Features of handwritten digits, from a network that comes with genus."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import DataError
from genus.core.registry import features
from genus.core.spec import DataSpec
from genus.metrics.features.base import ClassifyingFeatures, in_parts

DIGIT_WEIGHTS = Path(__file__).parents[1] / "weights" / "digits.safetensors"
"""Weights of :class:`DigitNet`, trained by ``scripts/train_digit_features.py``."""

DIGITS = tuple("0123456789")


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
    """Training record of the shipped digit network: test accuracy, seed, epochs."""
    with safe_open(DIGIT_WEIGHTS, "pt") as file:
        return dict(file.metadata())


@features("digits")
class DigitFeatures(ClassifyingFeatures):
    """Sixty-four penultimate features of a small digit classifier, and its logits."""

    name = "digits"
    size = DigitNet.num_features

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        if spec.kind != "image" or spec.range != (0.0, 1.0):
            raise DataError(f"digit features need images in [0, 1]; the data are: {spec.describe()}")
        self.fingerprint = hashlib.sha256(DIGIT_WEIGHTS.read_bytes()).hexdigest()
        self.of_data = spec.classes in ((), DIGITS)
        self._net = digit_net()

    def __call__(self, x: Tensor) -> Tensor:
        return in_parts(lambda part: self._net(part)[0], x, self.size)

    def read_out(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return self._net.head(features)


@features("stacked-digits")
class StackedDigitFeatures(ClassifyingFeatures):
    """Digit features of each of three channels, and logits of the thousand stacks."""

    name = "stacked-digits"
    size = 3 * DigitNet.num_features

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        if spec.kind != "image" or spec.shape[0] != 3 or spec.range != (0.0, 1.0):
            raise DataError(f"stacked digits need images of 3 channels in [0, 1]; got {spec.describe()}")
        self._digits = DigitFeatures(spec)
        self.fingerprint = self._digits.fingerprint
        self.of_data = spec.num_classes in (0, 1000)

    def __call__(self, x: Tensor) -> Tensor:
        return self._digits(x.flatten(0, 1)[:, None]).reshape(len(x), self.size)

    def read_out(self, features: Tensor) -> Tensor:
        logits = self._digits.read_out(features.reshape(-1, DigitNet.num_features))
        red, green, blue = logits.log_softmax(1).reshape(len(features), 3, 10).unbind(1)
        return (red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]).flatten(1)
