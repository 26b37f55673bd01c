"""Layers with an equalised learning rate, and the normalisation of feature vectors of pixels.

Adam's steps do not depend on the scale of a gradient, so weights of different scales learn at
different relative speeds. Here all weights start from N(0, 1) and He's constant multiplies them
at run time.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_EXAMPLES = 8
"""Below this many examples' worth of inputs per weight, scaling the input is the cheaper way."""


class EqualisedLinear(nn.Module):
    """y = rate·(gain/√inputs · x Wᵀ + b), with W from N(0, rate⁻²).

    Args:
        inputs: features of the input.
        outputs: features of the output.
        bias: whether b is added.
        gain: √2 is He's, for layers before a rectifier; 1 for others.
        rate: multiplies the learning rate of W and b relative to other layers, at the same output.
        start: initial value of the added bias.

    Paper: arXiv:1710.10196, and arXiv:1812.04948 for ``rate``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        gain: float = math.sqrt(2),
        rate: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), start / rate)) if bias else None
        self.scale = gain * rate / math.sqrt(inputs)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, inputs)`` to ``(n, outputs)``."""
        if self.bias is None:
            return F.linear(x * self.scale, self.weight)
        return torch.addmm(self.bias, x, self.weight.t(), beta=self.rate, alpha=self.scale)


class EqualisedConvolution(nn.Module):
    """y = rate·(gain/√fan-in · W ∗ x + b), with W from N(0, rate⁻²), over 1 to 3 spatial axes.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        kernel: side of the kernel, or its sides.
        stride: of the convolution.
        padding: zeros on each side; None for half the kernel, which keeps the size of odd ones.
        bias: whether b is added.
        gain: √2 is He's, for layers before a rectifier; 1 for others.
        rate: multiplies the learning rate of W and b relative to other layers, at the same output.

    Paper: arXiv:1710.10196.
    """

    def __init__(
        self,
        dims: int,
        before: int,
        after: int,
        kernel: int | tuple[int, ...],
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        gain: float = math.sqrt(2),
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        sides = (kernel,) * dims if isinstance(kernel, int) else kernel
        self.weight = nn.Parameter(torch.randn(after, before, *sides) / rate)
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None
        self.scale = gain * rate / math.sqrt(before * math.prod(sides))
        self.rate = rate
        self.stride = stride
        self.padding = tuple(side // 2 for side in sides) if padding is None else padding
        self.convolve = _CONVOLVE[dims]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *sides)`` at stride 1 and default padding."""
        bias = self.bias if self.bias is None or self.rate == 1 else self.bias * self.rate
        weight = self.weight
        if x[0].numel() * _EXAMPLES < weight.numel():
            x = x * self.scale
        else:
            weight = weight * self.scale
        return self.convolve(x, weight, bias, self.stride, self.padding)


class PixelNorm(nn.Module):
    """a / √(mean over channels of a² + ε): every pixel's feature vector gets length √channels.

    Args:
        epsilon: keeps zero vectors zero.

    Paper: arXiv:1710.10196, equation in section 4.2.

    >>> PixelNorm()(torch.tensor([[3.0, 4.0]])).square().mean().item()
    1.0
    """

    def __init__(self, epsilon: float = 1e-8) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(n, channels, *sides)`` or vectors ``(n, channels)``."""
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + self.epsilon)
