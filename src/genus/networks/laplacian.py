"""The two networks of a level of LAPGAN, in 1-D, 2-D and 3-D, for any size and number of channels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genus.core.errors import RecipeError
from genus.core.ranges import Count, ShareBelow1
from genus.core.registry import network
from genus.layers.convolution import convolution
from genus.layers.gan_blocks import normalise_spectrally

_PADDED = 16
"""Images with a side shorter than this are padded before the discriminator's convolutions."""


@network("laplacian-level", paper="arXiv:1506.05751")
def laplacian_level(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 128,
    dropout: ShareBelow1 | None = None,
    spectral: bool = False,
) -> nn.Module:
    """Convolutions from an enlarged image and noise to detail, or from an image to a score.

    From ``(channels, *size)`` to ``(others, *size)`` it is the generator that the authors' code
    has for 32²: convolutions of side 7, 7 and 5, with ReLU between them and a linear output; noise
    is a channel of the input. From ``(channels, *size)`` to ``(features,)`` it is the
    discriminator: convolutions of side 5, the second with stride 2, dropout and a linear map. A
    condition becomes one more channel by a linear map, as the paper has it for classes; that map,
    like the discriminator's last one, is made for one size. Images with a side below 16 are padded
    before the discriminator's convolutions, for which they would be too small.

    Args:
        width: channels of the hidden layers.
        dropout: share of the discriminator's last features dropped; null for the paper's half.
        spectral: divide every weight by its largest singular value (arXiv:1802.05957).

    Raises:
        RecipeError: when sides differ, there are none, or a generator is given dropout.

    >>> laplacian_level((2, 16, 9), (1, 16, 9), width=4)(torch.zeros(2, 2, 16, 9)).shape
    torch.Size([2, 1, 16, 9])
    """
    channels, *rest = inputs
    size = tuple(rest)
    dims = len(size)
    if dims not in (1, 2, 3) or not outputs or outputs[1:] not in ((), size):
        raise RecipeError(
            f"network 'laplacian-level' maps an image to one of its size or to a vector, not {inputs} to "
            f"{outputs}; use 'dcgan' or 'mlp'"
        )
    before = channels + (1 if condition else 0)
    if len(outputs) == 1:
        share = 0.5 if dropout is None else dropout
        body = _discriminator(before, size, outputs[0], width, share)
    elif dropout:
        raise RecipeError("the generator of 'laplacian-level' drops nothing; leave dropout to null there")
    else:
        body = _generator(dims, before, outputs[0], width)
    if spectral:
        normalise_spectrally(body, affine=False)
    return _Conditioned(body, condition, size)


def _generator(dims: int, before: int, after: int, width: int) -> nn.Module:
    return nn.Sequential(
        convolution(dims, before, width, 7, padding=3),
        nn.ReLU(inplace=True),
        convolution(dims, width, width, 7, padding=3),
        nn.ReLU(inplace=True),
        convolution(dims, width, after, 5, padding=2),
    )


def _discriminator(
    before: int, size: tuple[int, ...], features: int, width: int, dropout: float
) -> nn.Module:
    dims, padding = len(size), 2 if min(size) < _PADDED else 0
    left = [(side - 4 + 2 * padding - 5 + 2 * padding) // 2 + 1 for side in size]
    return nn.Sequential(
        convolution(dims, before, width, 5, padding=padding),
        nn.ReLU(inplace=True),
        convolution(dims, width, width, 5, stride=2, padding=padding),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(width * math.prod(left), features),
    )


class _Conditioned(nn.Module):
    """A network on its input and, where there is one, a channel made from a condition."""

    def __init__(self, body: nn.Module, condition: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.body = body
        self.size = size
        self.plane = nn.Linear(condition, math.prod(size)) if condition else None

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, channels, *size)`` with a condition ``(n, condition)`` to the output."""
        if self.plane is not None and condition is not None:
            x = torch.cat([x, self.plane(condition).view(-1, 1, *self.size)], 1)
        return self.body(x)
