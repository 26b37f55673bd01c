"""Residual blocks of generators and discriminators, their initial weights and spectral norms."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from genus.layers.conditional_norm import AffineMap, ConditionalNorm
from genus.layers.convolution import Norm, convolution, normalisation
from genus.layers.resampling import nearest_up
from genus.layers.resized_convolution import DownConvolution, UpConvolution

_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class UpBlock(nn.Module):
    """norm, ReLU, double, convolve, norm, ReLU, convolve; beside it the input, doubled and mixed.

    The shortcut mixes channels before it doubles, which is the same and cheaper.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        size: sides of the output; None leaves the input's.
        condition: features of the norms' condition; 0 for none.
        norm: which norm.

    Paper: arXiv:1802.05957, appendix B.4.
    """

    def __init__(
        self, dims: int, before: int, after: int, size: tuple[int, ...] | None, condition: int, norm: Norm
    ) -> None:
        super().__init__()
        self.size = size
        self.norm1 = ConditionalNorm(before, condition, dims, norm)
        self.norm2 = ConditionalNorm(after, condition, dims, norm)
        if size is None:
            self.conv1 = convolution(dims, before, after, 3, padding=1)
        else:
            self.conv1 = UpConvolution(dims, before, after, size)
        self.conv2 = convolution(dims, after, after, 3, padding=1)
        plain = size is None and before == after
        self.shortcut = nn.Identity() if plain else convolution(dims, before, after, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *size)``."""
        h = self.conv1(F.relu(self.norm1(x, condition)))
        h = self.conv2(F.relu(self.norm2(h, condition)))
        short = self.shortcut(x)
        return h + (short if self.size is None else nearest_up(short, self.size))


class DownBlock(nn.Module):
    """Norm, ReLU, convolve, norm, ReLU, convolve, average; beside it the input, averaged and mixed.

    Args:
        dims: spatial axes.
        before: channels of the input.
        after: channels of the output.
        down: whether sides are halved, rounding down.
        first: leaves out the first norm and ReLU, for blocks that see the image itself.
        norm: before each ReLU; the paper has none.
        wide: whether the first convolution widens already (BigGAN) or the second one (SNGAN).

    Paper: arXiv:1802.05957, appendix B.4.
    """

    def __init__(
        self,
        dims: int,
        before: int,
        after: int,
        *,
        down: bool,
        first: bool = False,
        norm: Norm = "none",
        wide: bool = False,
    ) -> None:
        super().__init__()
        inside = after if wide or first else before
        self.norm1 = normalisation("none" if first else norm, before, dims)
        self.norm2 = normalisation(norm, inside, dims)
        self.first = first
        self.pool = _POOL[dims] if down else None
        self.conv1 = convolution(dims, before, inside, 3, padding=1)
        self.conv2 = (
            DownConvolution(dims, inside, after) if down else convolution(dims, after, after, 3, padding=1)
        )
        plain = not down and before == after
        self.shortcut = nn.Identity() if plain else convolution(dims, before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, before, *sides)`` to ``(n, after, *sides)``, or to half of the sides."""
        h = self.conv1(x if self.first else F.relu(self.norm1(x)))
        h = self.conv2(F.relu(self.norm2(h), inplace=True))
        return h + self.shortcut(x if self.pool is None else self.pool(x, 2))


class ProjectionReadout(nn.Module):
    """A linear map of features, and with a condition its projection: w·φ + b + (V c)·φ.

    Args:
        channels: size of φ.
        features: numbers read out.
        condition: features of c; 0 for none.

    Paper: arXiv:1802.05637, equation 3 (c one-hot gives the paper's embedding).
    """

    def __init__(self, channels: int, features: int, condition: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, features)
        self.project = nn.Linear(condition, channels, bias=False) if condition else None

    def forward(self, phi: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, channels)``, with conditions ``(n, condition)``, to ``(n, features)``."""
        score = self.linear(phi)
        if self.project is not None and condition is not None:
            score = score + (self.project(condition) * phi).sum(1, keepdim=True)
        return score


def initialise(network: nn.Module, how: Literal["xavier", "orthogonal"]) -> None:
    """Initial weights of a residual network, zero biases.

    Args:
        network: changed in place.
        how: ``xavier`` is SNGAN's, with gain √2 inside residual branches and 1 elsewhere; maps
            of a condition stay zero. ``orthogonal`` is BigGAN's, for all weights.
    """
    for name, layer in network.named_modules():
        if not isinstance(layer, _WEIGHTED):
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if how == "orthogonal":
            nn.init.orthogonal_(layer.weight)
        elif not isinstance(layer, AffineMap):
            inside = ".conv1" in f".{name}" or ".conv2" in f".{name}"
            nn.init.xavier_uniform_(layer.weight, gain=2**0.5 if inside else 1.0)


def normalise_spectrally(network: nn.Module, *, affine: bool) -> None:
    """Divide all weights by their largest singular values; call it after :func:`initialise`.

    Args:
        network: changed in place.
        affine: the maps from a condition to gains and shifts, too.
    """
    for layer in list(network.modules()):
        if isinstance(layer, _WEIGHTED) and (affine or not isinstance(layer, AffineMap)):
            spectral_norm(layer)
