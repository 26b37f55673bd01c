"""NICE: additive couplings, which keep volumes, and a learned scale of each latent number."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from genus.core.components import Network
from genus.core.ranges import Count
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.bijection import Bijection, Chain, Flattened
from genus.layers.coupling import Alternate, build_coupling
from genus.layers.element_transform import Shift
from genus.models.flow.flow import Flow
from genus.models.flow.multiscale import require_two_numbers


class DiagonalScale(Bijection):
    """y = x exp(s) with a learned s per coordinate of a vector.

    Args:
        size: of a vector.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x| = Σ s, ``(n,)``."""
        return x * self.log_scale.exp(), self.log_scale.sum().expand(len(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        return y * (-self.log_scale).exp()


@model("nice", paper="arXiv:1410.8516")
class NICE(Flow):
    """Flow of additive couplings, y_b = x_b + m(x_a), and a last scale of each latent number.

    Examples are vectors to it: elements with even numbers and those with odd ones move in turn.
    ln |det ∂f/∂x| of the couplings is 0, so the last scale alone says which latent numbers matter.

    Args:
        spec: the data; any kind with two or more numbers per example.
        network: m of each coupling, a network of vectors: ``mlp``.
        couplings: how many; with fewer than three not every element depends on every other.
        base: distribution of the latent numbers.
        rest: see :class:`Flow`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        couplings: Count = 4,
        base: Literal["normal", "logistic"] = "logistic",
        **rest: Any,
    ) -> None:
        super().__init__(spec, base=base, **rest)
        require_two_numbers(spec.shape)
        size = spec.size
        turns = [Alternate(size, swap=i % 2 == 1) for i in range(couplings)]
        volume_preserving = Chain(build_coupling((size,), turn, network, Shift) for turn in turns)
        self.flow = Flattened(spec.shape, Chain([volume_preserving, DiagonalScale(size)]))
