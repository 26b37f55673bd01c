"""The generator of StyleSwin: a transformer whose blocks attend within windows and take styles."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.condition import sinusoids
from genus.layers.modulation import AdaptiveInstanceNorm
from genus.layers.resampling import cut, fir_up
from genus.layers.window_attention import DoubleAttention
from genus.networks.style_shapes import GeneratorShape, StyleGenerator

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
_HEAD, _HEADS, _RATIO = 32, 4, 4
"""Channels of a head where there are many, usual fewest heads, hidden units of a perceptron per channel."""


@network("styleswin", paper="arXiv:2112.10762")
def styleswin(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 32,
    channels: Count = 512,
    blocks: Count = 2,
    window: Count = 8,
    layers: Count = 8,
) -> nn.Module:
    """From a latent to an image through styles, by attention within windows.

    At each resolution two blocks of double attention and a perceptron, both after adaptive
    instance normalisation; then an image layer, summed over resolutions. Each doubling adds
    sinusoidal positions. Sides need not be multiples of the window: maps are filled up, and
    nothing attends to the filling. A window that holds the whole map is not shifted. There is no
    noise. The output is linear. Scales of the normalisation start at 1 and not, as in the authors'
    code, at 0. The paper's network for 1024² has ``width=16`` and 40.86 million parameters, that
    for 256² ``width=128``.

    Args:
        inputs: ``(latent,)``; styles have the same size.
        outputs: channels, then 1 to 3 sides of at least 4.
        condition: features of the condition per example; 0 for none.
        width: channels of the finest resolution, a multiple of 4; they double with each coarser one.
        channels: most channels of any resolution, a multiple of 4.
        blocks: of each resolution; each takes a style.
        window: side of the windows, at most the longest side of the image.
        layers: layers of the mapping network.

    Raises:
        RecipeError: for other shapes, for longer windows, and when channels do not divide into
            heads.
    """
    shape = GeneratorShape.of(
        "styleswin", inputs, outputs, condition, width=width, channels=channels, layers=layers
    )
    if any(size % _HEADS for size in shape.widths):
        raise RecipeError(
            f"styleswin's channels divide into at least {_HEADS} heads: width and channels must be "
            f"multiples of {_HEADS}, got {width} and {channels}"
        )
    if window > max(outputs[1:]):
        raise RecipeError(
            f"styleswin's window of {window} is longer than every side of {outputs[1:]}; use a shorter one"
        )
    return StyleSwin(shape, blocks=blocks, window=window)


class StyleSwin(StyleGenerator):
    """The module behind :func:`styleswin`.

    Args:
        shape: its sizes.
        blocks, window: as in :func:`styleswin`.
    """

    def __init__(self, shape: GeneratorShape, *, blocks: Count, window: Count) -> None:
        super().__init__(shape, num_styles=blocks * len(shape.sizes))
        sizes, wide, latent = shape.sizes, shape.widths, shape.latent
        self.constant = nn.Parameter(torch.randn(1, *sizes[0], wide[0]))
        self.blocks = nn.ModuleList(
            nn.ModuleList(Block(size, after, latent, window) for _ in range(blocks))
            for size, after in zip(sizes, wide, strict=True)
        )
        steps = zip(sizes[1:], pairwise(wide), strict=True)
        self.up = nn.ModuleList(StyleSwinUp(size, before, after) for size, (before, after) in steps)
        self.show = nn.ModuleList(nn.Linear(after, shape.channels) for after in wide)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def synthesis(self, styles: Tensor, noise: Noise) -> Tensor:
        del noise
        style = iter(styles.unbind(1))
        x = self.constant.expand(len(styles), *self.constant.shape[1:])
        image: Tensor | None = None
        for level, (size, blocks, show) in enumerate(zip(self.sizes, self.blocks, self.show, strict=True)):
            if level:
                x = self.up[level - 1](x)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, next(style))
            shown = show(x).movedim(-1, 1)
            image = shown if image is None else fir_up(image, size) + shown
        assert image is not None
        return image


class Block(nn.Module):
    """x + attention(AdaIN(x)), then x + perceptron(AdaIN(x)).

    Args:
        size: sides of the map.
        channels: of the map.
        style: size of the style.
        window: side of windows.
    """

    def __init__(self, size: tuple[int, ...], channels: int, style: int, window: int) -> None:
        super().__init__()
        most = max(channels // _HEAD, _HEADS)
        heads = next(h for h in range(most, 0, -1) if h % 2 == 0 and channels % h == 0)
        self.norm1 = AdaptiveInstanceNorm(channels, style)
        self.attention = DoubleAttention(size, channels, heads, window)
        self.norm2 = AdaptiveInstanceNorm(channels, style)
        self.perceptron = nn.Sequential(
            nn.Linear(channels, _RATIO * channels), nn.GELU(), nn.Linear(_RATIO * channels, channels)
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map ``(n, *size, channels)`` and styles ``(n, style)`` to the shape of ``x``."""
        x = x + self.attention(self.norm1(x.movedim(-1, 1), style).movedim(1, -1))
        return x + self.perceptron(self.norm2(x.movedim(-1, 1), style).movedim(1, -1))


class StyleSwinUp(nn.Module):
    """Linear interpolation, layer normalisation, a linear map, and α times sinusoidal positions.

    α is learned and 0 at the start.

    Args:
        size: sides of the output.
        before: channels of the input.
        after: channels of the output.
    """

    positions: Tensor

    def __init__(self, size: tuple[int, ...], before: int, after: int) -> None:
        super().__init__()
        self.size = size
        self.norm = nn.LayerNorm(before)
        self.reduce = nn.Linear(before, after, bias=False)
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("positions", sinusoidal_places(size, after), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, *sides, before)`` to ``(n, *size, after)``."""
        x = x.movedim(-1, 1)
        mode = _LINEAR[len(self.size)]
        x = cut(F.interpolate(x, scale_factor=2.0, mode=mode, align_corners=False), self.size)
        return self.reduce(self.norm(x.movedim(1, -1))) + self.strength * self.positions


def sinusoidal_places(size: tuple[int, ...], channels: int) -> Tensor:
    """Sines and cosines of the place along each axis, an equal share of the channels per axis.

    Args:
        size: sides.
        channels: of the result; where they do not divide evenly, the last axis has fewer.

    Returns:
        ``(*size, channels)``.

    >>> sinusoidal_places((2,), 2)[0].tolist() == [torch.tensor(1.0).sin(), torch.tensor(1.0).cos()]
    True
    """
    share = 2 * -(-channels // (2 * len(size)))
    maps: list[Tensor] = []
    for axis, side in enumerate(size):
        waves = sinusoids(torch.arange(1, side + 1), share)
        waves = waves.view([side if a == axis else 1 for a in range(len(size))] + [share])
        maps.append(waves.expand(*size, share))
    return torch.cat(maps, -1)[..., :channels]
