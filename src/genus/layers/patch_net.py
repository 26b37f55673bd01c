"""Stacks of small convolutions that see one patch at a time, for images of any size."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from genus.layers.convolution import convolution, normalisation

SLOPE = 0.2


class PatchNet(nn.Module):
    """Convolutions of side 3 without stride; an output place sees a patch of side 2 · depth + 1.

    Each but the last is followed by a norm and a leaky ReLU of slope 0.2. Weights begin as
    N(0, 0.02²), those of norms as N(1, 0.02²).

    Args:
        dims: spatial axes, 1 to 3.
        inputs: channels.
        outputs: channels.
        width: channels between.
        depth: convolutions, >= 1.
        norm: after each convolution but the last.
        padded: surround the input with ``depth`` zeros, once, so that the output has its size; otherwise
            the output is smaller by 2 · depth along each axis.

    Paper: arXiv:1905.01164, section 2.2.

    >>> import torch
    >>> PatchNet(2, 3, 1, width=4, depth=5)(torch.zeros(1, 3, 25, 30)).shape
    torch.Size([1, 1, 15, 20])
    """

    def __init__(
        self,
        dims: int,
        inputs: int,
        outputs: int,
        *,
        width: int,
        depth: int = 5,
        norm: Literal["batch", "layer", "instance", "none"] = "batch",
        padded: bool = False,
    ) -> None:
        super().__init__()
        self.padding = (depth, depth) * dims if padded else ()
        layers: list[nn.Module] = []
        for before in (inputs, *(width,) * (depth - 2))[: depth - 1]:
            layers += [
                convolution(dims, before, width, 3),
                normalisation(norm, width, dims),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
        self.body = nn.Sequential(*layers, convolution(dims, width if layers else inputs, outputs, 3))
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.normal_(parameter, 0.0 if parameter.dim() > 1 else 1.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, inputs, *sides)`` to ``(n, outputs, *sides)``, or to smaller sides without padding."""
        return self.body(F.pad(x, self.padding))
