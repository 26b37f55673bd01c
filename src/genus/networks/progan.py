"""The growing pair of ProGAN, in 1-D, 2-D and 3-D, for any size and number of channels."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.errors import RecipeError
from genus.core.network import Grows
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.batch_coupling import MinibatchDeviation
from genus.layers.equalised import EqualisedConvolution, EqualisedLinear, PixelNorm
from genus.layers.resampling import box_down, nearest_up, pyramid, widths
from genus.layers.resized_convolution import down_convolve, up_convolve

_SLOPE = 0.2


@network("progan", paper="arXiv:1710.10196")
def progan(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    condition: int = 0,
    *,
    width: Count = 64,
    channels: Count = 512,
    group: Count | None = None,
) -> nn.Module:
    """Convolutions with equalised rates that work at a resolution and can grow to the next.

    From ``(latent,)`` to ``(channels, *size)`` it is the paper's generator, with a linear output;
    from ``(channels, *size)`` to ``(features,)`` its discriminator. Both start at full size, which
    is what a model trains that does not grow them. The paper's networks for 1024² have width 16;
    its widths for smaller images are 16384 / side.

    At a lower level the generator works at that level's size and repeats every place up to the
    full size, and the discriminator begins by taking the means of the same cells. So a model need
    not know about sizes, and what is trained is the same as with small images: the cells' means
    undo the repetition. A new level fades in as in the paper: its image, or its features of the
    image, are mixed with those of the level before.

    As in the authors' code the activation follows the averaging (in the paper's table 2 it stands
    before), and a condition is concatenated to the latent before both are normalised. There the
    discriminator guesses the class beside the score; here its one score gets a projection of the
    condition on the last features, and guessing is left to the model.

    Args:
        width: channels next to the image at full size; doubled with each halving of the sides.
        channels: most channels of any resolution.
        group: examples compared by the discriminator's standard deviation; null for the paper's 4.

    Raises:
        RecipeError: when neither side is a vector, the image is smaller than 4, or a generator is
            given a group.

    >>> progan((16,), (1, 28, 28), width=8)(torch.zeros(2, 16)).shape
    torch.Size([2, 1, 28, 28])
    """
    if len(inputs) == 1 and len(outputs) in (2, 3, 4):
        if group is not None:
            raise RecipeError("the generator of 'progan' compares no examples; leave group to null there")
        return GrowingGenerator(inputs[0], outputs, condition, width, channels)
    if len(outputs) == 1 and len(inputs) in (2, 3, 4):
        group = 4 if group is None else group
        return GrowingDiscriminator(inputs, outputs[0], condition, width, channels, group)
    raise RecipeError(
        f"network 'progan' maps a vector to an image or back, not {inputs} to {outputs}; use 'mlp'"
    )


class Growing(Grows):
    """Position of a growing network, kept in a buffer: its level, and the share of the newest.

    Args:
        size: sides of the image at full size.
        width: channels there.
        channels: most channels of any resolution.
    """

    standing: Tensor

    def __init__(self, size: tuple[int, ...], width: int, channels: int) -> None:
        super().__init__()
        self.sizes = pyramid(size)
        self.num_levels = len(self.sizes)
        self.widths = widths(self.num_levels, width, channels)
        self.register_buffer("standing", torch.tensor([self.num_levels - 1.0, 1.0]))

    def grow(self, level: int) -> None:
        if not 0 <= level < self.num_levels:
            raise ValueError(f"level {level} is not one of {self.num_levels}")
        self.standing[0] = level

    def fade(self, share: float) -> None:
        self.standing[1] = share

    def faded(self, x: Tensor) -> Tensor:
        level, share = self.where()
        if share == 1:
            return x
        before = box_down(x, self.num_levels - level)
        return torch.lerp(nearest_up(before, self.sizes[-1]), x, share)

    def where(self) -> tuple[int, float]:
        """Level, and share of its own layers."""
        level, share = self.standing.tolist()
        return int(level), share if level else 1.0


class GrowingGenerator(Growing):
    """The module behind :func:`progan` from a vector.

    Args:
        latent: size of the input.
        outputs: channels and sides of the image.
        condition: features of the condition; 0 for none.
        width: channels next to the image at full size.
        channels: most channels of any resolution.
    """

    def __init__(
        self, latent: int, outputs: tuple[int, ...], condition: int, width: int, channels: int
    ) -> None:
        super().__init__(outputs[1:], width, channels)
        dims, wide = len(outputs) - 1, self.widths
        self.start = (wide[0], *self.sizes[0])
        places = math.prod(self.sizes[0])
        gain = math.sqrt(2 / places)  # He's for the paper's transposed convolution of that size
        self.dense = EqualisedLinear(latent + condition, wide[0] * places, bias=False, gain=gain)
        self.bias = nn.Parameter(torch.zeros(wide[0], *(1,) * dims))
        self.first = EqualisedConvolution(dims, wide[0], wide[0], 3)
        steps = list(pairwise(wide))
        self.up = nn.ModuleList(EqualisedConvolution(dims, before, after, 3) for before, after in steps)
        self.keep = nn.ModuleList(EqualisedConvolution(dims, after, after, 3) for _, after in steps)
        self.show = nn.ModuleList(EqualisedConvolution(dims, w, outputs[0], 1, gain=1.0) for w in wide)
        self.norm = PixelNorm()

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map latents ``(n, latent)`` with a condition ``(n, condition)`` to ``(n, channels, *size)``."""
        level, share = self.where()
        z = x if condition is None else torch.cat([x, condition], 1)
        h = self._rectify(self.dense(self.norm(z)).view(-1, *self.start) + self.bias)
        h = before = self._rectify(self.first(h))
        for number in range(level):
            before, up, size = h, self.up[number], self.sizes[number + 1]
            h = self._rectify(up_convolve(h, up.weight * up.scale, up.bias, size))  # type: ignore[operator, arg-type]
            h = self._rectify(self.keep[number](h))
        image = self.show[level](h)
        if share < 1:
            image = torch.lerp(nearest_up(self.show[level - 1](before), self.sizes[level]), image, share)
        return nearest_up(image, self.sizes[-1])

    def _rectify(self, h: Tensor) -> Tensor:
        return self.norm(F.leaky_relu(h, _SLOPE))


class GrowingDiscriminator(Growing):
    """The module behind :func:`progan` from an image.

    Args:
        inputs: channels and sides of the image.
        features: numbers read out.
        condition: features of the condition; 0 for none.
        width: channels next to the image at full size.
        channels: most channels of any resolution.
        group: examples compared by the standard deviation.
    """

    def __init__(
        self, inputs: tuple[int, ...], features: int, condition: int, width: int, channels: int, group: int
    ) -> None:
        super().__init__(inputs[1:], width, channels)
        if condition and features != 1:
            raise RecipeError("a conditional discriminator has one output; use features 1")
        dims, wide = len(inputs) - 1, self.widths
        steps = list(pairwise(wide))
        self.read = nn.ModuleList(EqualisedConvolution(dims, inputs[0], w, 1) for w in wide)
        self.keep = nn.ModuleList(EqualisedConvolution(dims, after, after, 3) for _, after in steps)
        self.down = nn.ModuleList(EqualisedConvolution(dims, after, before, 3) for before, after in steps)
        self.deviation = MinibatchDeviation(group)
        self.last = EqualisedConvolution(dims, wide[0] + 1, wide[0], 3)
        self.dense = EqualisedLinear(wide[0] * math.prod(self.sizes[0]), wide[0])
        self.score = EqualisedLinear(wide[0], features, gain=1.0)
        self.project = EqualisedLinear(condition, wide[0], bias=False, gain=1.0) if condition else None

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map images ``(n, channels, *size)`` with a condition ``(n, condition)`` to ``(n, features)``."""
        level, share = self.where()
        x = box_down(x, self.num_levels - 1 - level)
        h = _rectify(self.read[level](x))
        for number in reversed(range(level)):
            down = self.down[number]
            h = _rectify(self.keep[number](h))
            h = _rectify(down_convolve(h, down.weight * down.scale, down.bias, ceil=True))  # type: ignore[operator, arg-type]
            if share < 1 and number == level - 1:
                h = torch.lerp(_rectify(self.read[number](box_down(x))), h, share)
        h = _rectify(self.last(self.deviation(h)))
        h = _rectify(self.dense(h.flatten(1)))
        score = self.score(h)
        if self.project is not None and condition is not None:
            score = score + (self.project(condition) * h).sum(1, keepdim=True) / math.sqrt(h.shape[1])
        return score


def _rectify(h: Tensor) -> Tensor:
    return F.leaky_relu(h, _SLOPE)
