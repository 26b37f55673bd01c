"""A convolutional encoder for sequences, images and volumes of any size."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.convolution import Norm, convolution, normalisation

_SMALLEST, _WIDEST = 4, 8


@network("convnet", paper="arXiv:1409.1556")
def convnet(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    *,
    width: Count = 32,
    norm: Literal["batch", "layer", "instance", "none"] = "batch",
) -> nn.Module:
    """Pairs of convolutions of width 3, each followed by a halving of the sides, then a mean over places.

    From ``(channels, *size)`` to ``(features,)``, in 1-D, 2-D and 3-D. Sides are halved until none
    exceeds 4; the width doubles each time, up to eightfold. Short sides stay as they are, so any
    size is possible.

    Args:
        width: channels of the first pair.
        norm: after each convolution.

    Raises:
        RecipeError: when the input has no spatial axes or the output is no vector.

    >>> import torch
    >>> convnet((3, 5, 40), (16,), width=4)(torch.zeros(2, 3, 5, 40)).shape
    torch.Size([2, 16])
    """
    if len(outputs) != 1 or len(inputs) not in (2, 3, 4):
        raise RecipeError(
            f"network 'convnet' maps an image to a vector, not {inputs} to {outputs}; use 'mlp'"
        )
    channels, *rest = inputs
    size, dims = tuple(rest), len(rest)
    layers: list[nn.Module] = []
    wide = width
    while True:
        layers += _pair(channels, wide, dims, norm)
        if max(size) <= _SMALLEST:
            break
        halved = tuple(-(-side // 2) if side > _SMALLEST else side for side in size)
        layers.append(Shrink(halved))
        channels, wide, size = wide, min(2 * wide, _WIDEST * width), halved
    return nn.Sequential(*layers, Shrink((1,) * dims), nn.Flatten(), nn.Linear(wide, outputs[0]))


class Shrink(nn.Module):
    """Average neighbours so that the spatial axes get a size.

    Args:
        size: wanted sizes, one per spatial axis.
    """

    def __init__(self, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Average ``(n, channels, *larger)`` to ``(n, channels, *size)``."""
        if tuple(x.shape[2:]) == self.size:
            return x
        pool = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
        return pool[len(self.size)](x, self.size)


def _pair(inputs: int, outputs: int, dims: int, norm: Norm) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before in (inputs, outputs):
        layers += [
            convolution(dims, before, outputs, 3, padding=1, bias=norm == "none"),
            normalisation(norm, outputs, dims),
            nn.ReLU(inplace=True),
        ]
    return layers
