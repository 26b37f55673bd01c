"""A perceptron whose outputs for each element of a vector see the elements before it alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.network import Autoregressive
from genus.core.ranges import Count
from genus.core.registry import network


@network("masked-mlp", paper="arXiv:1502.03509")
def masked_mlp(
    inputs: tuple[int, ...], outputs: tuple[int, ...], *, hidden: Sequence[Count] = (256, 256)
) -> nn.Module:
    """Masked fully connected layers: the outputs for element i depend on the elements before it.

    Args:
        inputs: one number per element, ``(size,)``.
        outputs: ``(numbers · size,)``, all elements' first numbers before their second ones.
        hidden: widths of the hidden layers.

    Raises:
        RecipeError: for images, or outputs that are no multiple of the inputs.
    """
    if len(inputs) != 1 or len(outputs) != 1 or outputs[0] % inputs[0]:
        raise RecipeError(f"masked-mlp maps a vector to some numbers per element, not {inputs} to {outputs}")
    return MaskedMLP(inputs[0], outputs[0] // inputs[0], hidden)


class MaskedMLP(Autoregressive):
    """The module behind :func:`masked_mlp`.

    Args:
        size: elements.
        numbers: outputs per element.
        hidden: widths of the hidden layers.
    """

    def __init__(self, size: int, numbers: int, hidden: Sequence[int]) -> None:
        super().__init__()
        seen = torch.arange(1, size + 1)  # how many elements a unit may know, its own included
        layers: list[nn.Module] = []
        for width in hidden:
            units = torch.arange(width) % max(size - 1, 1) + 1
            layers += [MaskedLinear(seen, units), nn.ReLU()]
            seen = units
        layers.append(MaskedLinear(seen, torch.arange(size).repeat(numbers)))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, size)`` to ``(n, numbers · size)``."""
        return self.layers(x)


class MaskedLinear(nn.Linear):
    """A fully connected layer in which a unit sees units that know no more than it may.

    Args:
        seen: elements that each input knows of, ``(inputs,)``; element i is known where it exceeds i.
        allowed: the same of each output, ``(outputs,)``.
    """

    mask: Tensor

    def __init__(self, seen: Tensor, allowed: Tensor) -> None:
        super().__init__(len(seen), len(allowed))
        self.register_buffer("mask", (seen[None] <= allowed[:, None]).float(), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """Map ``(n, inputs)`` to ``(n, outputs)``."""
        return F.linear(input, self.weight * self.mask, self.bias)
