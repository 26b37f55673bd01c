"""Convolutions and norms chosen by the number of spatial axes, so that networks are written once."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from genus.layers.precision import wide, wide_on_processors
from genus.layers.reference_norm import ReferenceBatchNorm, VirtualBatchNorm

Norm = Literal["batch", "layer", "instance", "virtual", "reference", "none"]

_CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class VectorBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of vectors ``(n, channels)``; in training a single one has no variance."""

    minimum_examples = 2


_BATCH_NORMS = {0: VectorBatchNorm, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def convolution(
    dims: int, *args: Any, transposed: bool = False, spectral: bool = False, **kwargs: Any
) -> nn.Module:
    """Convolution over ``dims`` spatial axes; arguments as for ``torch.nn.Conv2d``.

    Args:
        dims: 1, 2 or 3.
        transposed: build a transposed convolution.
        spectral: divide the weight by its largest singular value (arXiv:1802.05957).
    """
    layer = (_TRANSPOSED if transposed else _CONVOLUTIONS)[dims](*args, **kwargs)
    return spectral_norm(layer) if spectral else layer


def convolve_dilated(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """Convolve images by a kernel whose places lie ``dilation`` apart, without padding.

    Dilated kernels are applied in float32 on processors, see
    :func:`genus.layers.precision.wide_on_processors`.

    Args:
        x: ``(n, before, height, width)``.
        weight: ``(after, before, rows, columns)``.
        bias: ``(after,)``, or None.
        dilation: >= 1.

    Returns:
        ``(n, after, …)`` in the type of ``x``.
    """
    if dilation == 1 or x.device.type != "cpu":
        return F.conv2d(x, weight, bias, dilation=dilation)
    with wide_on_processors(x.device):
        own = None if bias is None else wide(bias)
        return F.conv2d(wide(x), wide(weight), own, dilation=dilation).to(x.dtype)


def normalisation(name: Norm, channels: int, dims: int) -> nn.Module:
    """Normalisation layer over ``channels``.

    Args:
        name: ``layer`` normalises each example over channels and space, ``instance`` each channel
            of each example, ``batch`` each channel over the batch, ``reference`` over a fixed batch
            and ``virtual`` over that and the example (see :mod:`genus.layers.reference_norm`).
        channels: number of channels.
        dims: spatial axes; 0 for vectors.
    """
    if name == "none":
        return nn.Identity()
    if name == "virtual":
        return VirtualBatchNorm(channels)
    if name == "reference":
        return ReferenceBatchNorm(channels)
    if name == "batch":
        return _BATCH_NORMS[dims](channels)
    if dims == 0:
        return nn.LayerNorm(channels)
    return nn.GroupNorm(1 if name == "layer" else channels, channels)


class Crop(nn.Module):
    """Cut the end of each spatial axis down to a size.

    Args:
        size: wanted sizes, one per spatial axis.
    """

    def __init__(self, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Cut ``(n, channels, *larger)`` to ``(n, channels, *size)``."""
        if tuple(x.shape[2:]) == self.size:
            return x
        return x[(slice(None), slice(None), *(slice(n) for n in self.size))]
