"""PixelCNN: the chain rule over pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, Samples
from genus.core.components import Network
from genus.core.errors import InputError, RecipeError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.condition import build_conditioned
from genus.layers.condition_encoder import condition_encoder
from genus.layers.masked import CausalNetwork
from genus.sampling.autoregressive import raster


@model("pixelcnn", paper="arXiv:1601.06759")
class PixelCNN(Model, Samples, Density):
    """Autoregressive model of grey values: p(x) = Π_i p(x_i | x_1 … x_{i−1}).

    Each element (a channel of a pixel) has a categorical distribution over ``levels`` equally
    spaced values, predicted from the elements before it. Data on a finer grid are rounded to it.
    Signals and vectors are read as images of one row.

    Args:
        spec: images, signals or vectors with a range.
        network: a causal network, such as ``pixelcnn``.
        levels: grey values an element may take, >= 2; null for those of the data.
        conditional: learn each class separately; the data need classes.
        features: size of the embedding of the class.
    """

    kind = "exact"

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        levels: Count | None = None,
        conditional: bool = False,
        features: Count = 32,
    ) -> None:
        super().__init__(spec)
        levels = levels or spec.levels or 0
        flat = len(spec.shape) < 4
        self.require("values in a range, of images, signals or vectors", spec.range is not None and flat)
        self.require("two or more levels: data with levels, or model.levels", levels >= 2)
        self.require_condition(conditional)
        self.levels = levels
        self.top = levels - 1  # the largest number of a level
        self.low, self.high = spec.range or (0.0, 1.0)
        self.conditional = conditional
        self.shape = _as_image(spec.shape)
        channels, *sides = self.shape
        self.outputs = 1 if levels == 2 else levels  # one logit decides between two values
        built = build_conditioned(
            network, self.shape, (channels * self.outputs, *sides), features if conditional else 0
        )
        if not isinstance(built, CausalNetwork):
            found = type(built).__name__
            raise RecipeError(f"PixelCNN needs a causal network, such as pixelcnn, not {found}")
        self.network = built
        space = spec.condition if conditional else None
        self.embedding = None if space is None else condition_encoder(space, features)

    def phases(self) -> Sequence[Phase]:
        """One phase: maximum likelihood."""
        return [Phase(name="likelihood", updates={"network": self.parameters}, loss=self.loss)]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Cross-entropy in nats per element, a mean over examples."""
        del ctx
        return {"cross_entropy": self._cross_entropy(batch.x, batch.condition).mean() / self.spec.size}

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Exact log-probability of the grey values nearest to ``x``, nats per example ``(n,)``."""
        del noise
        if self.conditional and condition is None:
            raise InputError("this model is conditional: pass the condition of each example")
        with torch.no_grad():
            return -self._cross_entropy(x, condition)

    @torch.no_grad()
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Draw ``n`` examples element by element; classes are uniform where none are requested."""
        condition = self.requested_or_uniform(n, condition, noise)
        uniform = noise.uniform(n, *self.shape)
        values = raster(self.network, uniform, self.choose, self._condition(condition))
        numbers = ((values + 1) * (self.top / 2)).round()
        return (self.low + numbers * ((self.high - self.low) / self.top)).view(n, *self.spec.shape)

    def logits(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Unnormalised log-probabilities of all values of all elements.

        Args:
            x: examples ``(n, *spec.shape)`` in data units.
            condition: of each example.

        Returns:
            ``(n, levels, *spec.shape)``.
        """
        values = self.numbers(x).to(x.dtype) * (2 / self.top) - 1
        predicted = self.network(values.view(-1, *self.shape), self._condition(condition))
        predicted = predicted.unflatten(1, (self.shape[0], self.outputs)).transpose(1, 2)
        return self._complete(predicted).reshape(len(x), -1, *self.spec.shape)

    def numbers(self, x: Tensor) -> Tensor:
        """Numbers 0 … levels − 1 of the grey values nearest to ``x``, int64."""
        unit = (x - self.low) / (self.high - self.low)
        return (unit * self.top).round().long().clamp(0, self.top)

    def choose(self, predicted: Tensor, uniform: Tensor) -> Tensor:
        """Invert the distribution function: from outputs ``(n, outputs)`` to values ``(n,)`` in [-1, 1]."""
        cumulative = self._complete(predicted).softmax(1).cumsum(1)
        number = (uniform[:, None] > cumulative[:, :-1]).sum(1)
        return number.to(predicted.dtype) * (2 / self.top) - 1

    def _cross_entropy(self, x: Tensor, condition: Condition | None) -> Tensor:
        logits = self.logits(x, condition if self.conditional else None)
        wide = logits if logits.dtype == torch.float64 else logits.float()
        return F.cross_entropy(wide, self.numbers(x), reduction="none").flatten(1).sum(1)

    def _complete(self, predicted: Tensor) -> Tensor:
        """With two values only the second has a logit; the first one's is zero."""
        if self.outputs > 1:
            return predicted
        return torch.cat([torch.zeros_like(predicted), predicted], 1)

    def _condition(self, condition: Condition | None) -> Tensor | None:
        return None if self.embedding is None or condition is None else self.embedding(condition)


def _as_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Channels, height and width of an example.

    >>> _as_image((7,)), _as_image((2, 9)), _as_image((3, 8, 8))
    ((1, 1, 7), (2, 1, 9), (3, 8, 8))
    """
    if len(shape) == 1:
        return (1, 1, *shape)
    return shape if len(shape) == 3 else (shape[0], 1, *shape[1:])
