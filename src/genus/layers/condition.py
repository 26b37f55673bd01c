"""Conditioned networks: they see a vector of features per example beside their input.

Such a network takes the number of these features as a third positional argument, and
the features ``(n, condition)`` as the second argument of ``forward``.
"""

from __future__ import annotations

import inspect
import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from genus.core.batch import Condition
from genus.core.components import Network
from genus.core.errors import RecipeError
from genus.core.space import AnySpace
from genus.layers.condition_encoder import condition_encoder


def build_conditioned(
    network: Network, inputs: tuple[int, ...], outputs: tuple[int, ...], condition: int
) -> nn.Module:
    """Build a network that receives ``condition`` features beside its input.

    Args:
        network: a component that takes a condition, such as ``unet`` or ``residual-mlp``; any
            other will do where there is no condition.
        inputs: shape of its input, without batch axis.
        outputs: shape of its output.
        condition: number of features; 0 for none.

    Raises:
        RecipeError: when the component takes no condition.
    """
    if not condition:
        return network(inputs, outputs)
    try:
        inspect.signature(network).bind(inputs, outputs, condition)
    except TypeError:
        name = getattr(getattr(network, "func", network), "genus_name", "this one")
        raise RecipeError(
            f"the model needs a network that takes a step or a condition; {name!r} takes none: "
            "choose unet for images and volumes, residual-mlp for vectors, pixelcnn for pixelcnn, "
            "laplacian-level for levels of lapgan, or for the generator of a GAN dcgan, mlp, resnet, biggan, "
            "progan, stylegan, stylegan2 or styleswin"
        ) from None
    return cast("Any", network)(inputs, outputs, condition)


def sinusoids(position: Tensor, features: int, longest: float = 10_000.0) -> Tensor:
    """Sines and cosines of a position at geometric frequencies (arXiv:1706.03762).

    Args:
        position: ``(n,)``, any numeric type.
        features: number of them, even.
        longest: wavelength of the slowest one, over 2π.

    Returns:
        float32 ``(n, features)``.

    >>> sinusoids(torch.tensor([0]), 4).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    half = features // 2
    rates = torch.exp(torch.arange(half, device=position.device) * (-math.log(longest) / half))
    angles = position.float()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)


class StepEmbedding(nn.Module):
    """Features of a diffusion step, and of a condition where there is one.

    Args:
        features: number of features returned; even.
        condition: what examples are conditioned on; None for nothing.
    """

    def __init__(self, features: int, condition: AnySpace | None = None) -> None:
        super().__init__()
        self.features = features
        self.body = nn.Sequential(nn.Linear(features, features), nn.SiLU(), nn.Linear(features, features))
        self.encoder = None if condition is None else condition_encoder(condition, features)

    def forward(self, step: Tensor, condition: Condition | None = None, kept: Tensor | None = None) -> Tensor:
        """Map steps ``(n,)`` and conditions to ``(n, features)``.

        Args:
            step: numbers by which a time is known.
            condition: of each example; None hides it.
            kept: ``(n, 1)``, 0 where an example's condition is hidden; None hides no single one.
        """
        dtype = next(self.parameters()).dtype
        found = self.body(sinusoids(step, self.features).to(dtype))
        if self.encoder is not None and condition is not None:
            encoded = self.encoder(condition)
            found = found + (encoded if kept is None else kept.to(dtype) * encoded)
        return found
