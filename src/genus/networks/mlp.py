"""Multi-layer perceptron between any two shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from genus.core.ranges import Count, ShareBelow1
from genus.core.registry import network
from genus.layers.conditional_norm import ConditionedSequential, told_norm
from genus.layers.gan_blocks import normalise_spectrally

Activation = Literal["relu", "leaky-relu", "tanh", "silu", "softplus", "maxout"]

PIECES = 5
"""Linear maps of a maxout unit."""


class Largest(nn.Module):
    """The largest number along the last axis."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(…, pieces)`` to ``(…)``."""
        return x.amax(-1)


_ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "maxout": lambda: nn.Sequential(nn.Unflatten(1, (-1, PIECES)), Largest()),
}


@network("mlp")
def mlp(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    hidden: Sequence[Count] = (256, 256),
    activation: Literal["relu", "leaky-relu", "tanh", "silu", "softplus", "maxout"] = "relu",
    norm: Literal["batch", "layer", "virtual", "reference", "none"] = "none",
    dropout: ShareBelow1 = 0.0,
    spectral: bool = False,
) -> nn.Module:
    """Fully connected layers: ``(n, *inputs)`` → ``(n, *outputs)``; the output is linear.

    With a condition, each hidden layer gets gains and shifts from it, after its norm if it has one.

    Args:
        condition: features of the condition beside its input; 0 for none.
        hidden: widths of the hidden layers.
        activation: after each hidden layer; ``maxout`` takes the largest of five linear maps
            (arXiv:1302.4389).
        norm: before each activation.
        dropout: share of hidden units dropped in training, in [0, 1).
        spectral: divide every layer's weight by its largest singular value (arXiv:1802.05957).

    >>> import torch
    >>> mlp((2,), (1, 4, 4), hidden=[8])(torch.zeros(3, 2)).shape
    torch.Size([3, 1, 4, 4])
    """
    layers: list[nn.Module] = [nn.Flatten()]
    width = math.prod(inputs)
    for size in hidden:
        pieces = PIECES if activation == "maxout" else 1
        layers += [nn.Linear(width, pieces * size), told_norm(norm, pieces * size, 0, condition)]
        layers.append(_ACTIVATIONS[activation]())
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = size
    layers += [nn.Linear(width, math.prod(outputs)), nn.Unflatten(1, outputs)]
    network = ConditionedSequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))
    if spectral:
        normalise_spectrally(network, affine=False)
    return network
