"""The convolutional pair of DCGAN, in 1-D, 2-D and 3-D, for any size and number of channels."""

from __future__ import annotations

import math
from typing import Literal

from torch import nn

from genus.core.errors import RecipeError
from genus.core.ranges import Count, ShareBelow1
from genus.core.registry import network
from genus.layers.conditional_norm import AffineMap, ConditionedSequential, told_norm
from genus.layers.convolution import Crop, Norm, convolution, normalisation

_KERNEL, _SMALLEST = 4, 4


@network("dcgan", paper="arXiv:1511.06434")
def dcgan(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    norm: Literal["batch", "layer", "instance", "virtual", "reference", "none"] = "batch",
    spectral: bool = False,
    dropout: ShareBelow1 = 0.0,
) -> nn.Module:
    """Strided convolutions down to a vector, or transposed ones up from it; no dense layers.

    From ``(features,)`` to ``(channels, *size)`` it is the paper's generator, with a linear
    output; from ``(channels, *size)`` to ``(features,)`` its discriminator. The size is halved
    until its shortest side is below 8, and the width doubles each time. The norms of a generator
    with a condition get their gains and shifts from it (arXiv:1802.05637).

    Args:
        condition: features of the condition beside the generator's input; 0 for none.
        width: channels of the layer next to the image.
        norm: inside the network; as in the paper, not next to the image.
        spectral: spectral normalisation of every layer.
        dropout: share of channels dropped after each hidden layer, in [0, 1).

    Raises:
        RecipeError: when neither side is a vector, or the image is smaller than 8.

    >>> import torch
    >>> dcgan((16,), (1, 28, 28), width=8)(torch.zeros(2, 16)).shape
    torch.Size([2, 1, 28, 28])
    """
    if len(inputs) == 1 and len(outputs) in (2, 3, 4):
        return _generator(inputs[0], outputs, condition, width, norm, spectral, dropout)
    if len(outputs) == 1 and len(inputs) in (2, 3, 4) and not condition:
        return _discriminator(inputs, outputs[0], width, norm, spectral, dropout)
    raise RecipeError(
        f"network 'dcgan' maps a vector to an image, also with a condition, or an image to a vector; not "
        f"{inputs} to {outputs}{' with a condition' if condition else ''}; use 'mlp'"
    )


def _levels(size: tuple[int, ...]) -> int:
    if min(size) < 2 * _SMALLEST:
        raise RecipeError(f"network 'dcgan' needs sides of at least 8, got {size}; use 'mlp'")
    return int(math.log2(min(size) / _SMALLEST))


def _generator(
    features: int,
    outputs: tuple[int, ...],
    condition: int,
    width: int,
    norm: Norm,
    spectral: bool,
    dropout: float,
) -> nn.Module:
    channels, *rest = outputs
    size, dims = tuple(rest), len(rest)
    sizes = [size]
    for _ in range(_levels(size)):
        sizes.append(tuple(-(-side // 2) for side in sizes[-1]))
    wide = width * 2 ** (len(sizes) - 2)
    layers: list[nn.Module] = [
        nn.Unflatten(1, (features, *(1,) * dims)),
        convolution(dims, features, wide, sizes[-1], transposed=True, spectral=spectral, bias=norm == "none"),
        told_norm(norm, wide, dims, condition),
        nn.ReLU(inplace=True),
        *_dropout(dropout, dims),
    ]
    for target in sizes[-2:0:-1]:
        up = convolution(
            dims, wide, wide // 2, _KERNEL, 2, 1, transposed=True, spectral=spectral, bias=norm == "none"
        )
        wide //= 2
        layers += [up, Crop(target), told_norm(norm, wide, dims, condition), nn.ReLU(inplace=True)]
        layers += _dropout(dropout, dims)
    last = convolution(dims, wide, channels, _KERNEL, 2, 1, transposed=True, spectral=spectral)
    return _initialised(ConditionedSequential(*layers, last, Crop(size)), norm)


def _discriminator(
    inputs: tuple[int, ...], features: int, width: int, norm: Norm, spectral: bool, dropout: float
) -> nn.Module:
    channels, *rest = inputs
    size, dims = tuple(rest), len(rest)
    layers: list[nn.Module] = []
    before, wide = channels, width
    for level in range(_levels(size)):
        inside = level > 0 and norm != "none"
        layers.append(convolution(dims, before, wide, _KERNEL, 2, 1, spectral=spectral, bias=not inside))
        if inside:
            layers.append(normalisation(norm, wide, dims))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers += _dropout(dropout, dims)
        size = tuple(side // 2 for side in size)
        before, wide = wide, wide * 2
    top = convolution(dims, before, features, size, spectral=spectral)
    return _initialised(nn.Sequential(*layers, top, nn.Flatten()), norm)


def _dropout(share: float, dims: int) -> list[nn.Module]:
    """Dropout of whole channels, or nothing."""
    return [{1: nn.Dropout1d, 2: nn.Dropout2d, 3: nn.Dropout3d}[dims](share)] if share else []


def _initialised(module: nn.Module, norm: Norm) -> nn.Module:
    """The paper's initial weights, N(0, 0.02²), where a norm rescales them; else He's.

    Without a norm signals would shrink by an order of magnitude per layer, and a discriminator
    that starts so weak lets the generator collapse.
    """
    maps = {layer.weight for layer in module.modules() if isinstance(layer, AffineMap)}
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1 and "weight" in name and parameter not in maps:
            if norm == "none":
                nn.init.kaiming_normal_(parameter, a=0.2)
            else:
                nn.init.normal_(parameter, 0.0, 0.02)
    return module
