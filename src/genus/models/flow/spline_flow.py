"""Flows of rational-quadratic splines, by couplings or autoregressive."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from genus.core.components import Network
from genus.core.errors import RecipeError
from genus.core.network import Autoregressive
from genus.core.ranges import Count, Positive
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.autoregressive import AutoregressiveBijection
from genus.layers.bijection import Bijection, Flattened
from genus.layers.element_transform import TransformFactory
from genus.layers.spline import SMALLEST_SHARE, Spline
from genus.models.flow.flow import Flow
from genus.models.flow.glow import glow_bijection, halves, mixed_steps
from genus.models.flow.multiscale import require_two_numbers


@model("spline-flow", paper="arXiv:1906.04032")
class SplineFlow(Flow):
    """Flow of Glow's steps whose last part moves each element by a monotone spline within ±bound.

    Autoregressive steps see examples as vectors: one pass gives a density, and a sample takes a pass per
    element and step.

    Args:
        spec: the data; any kind; images of one channel need even sides.
        network: what tells the splines: ``coupling-resnet`` for images, ``mlp`` for vectors, ``masked-mlp``
            for autoregressive steps.
        moves: by ``couplings``, or ``autoregressive``, where element i moves as those before it say.
        bins: of a spline, 2 to 500.
        bound: where splines end; numbers beyond pass unchanged.
        couplings: steps per scale; of all for vectors.
        scales: scales of images with even sides, for couplings; half of the elements leave after each but
            the last.
        squeeze: how blocks of 2 become channels before the couplings of a scale: ``plain`` or ``haar``.
        rest: see :class:`Flow`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        moves: Literal["couplings", "autoregressive"] = "couplings",
        bins: Count = 8,
        bound: Positive = 5.0,
        couplings: Count = 4,
        scales: Count = 3,
        squeeze: Literal["plain", "haar"] = "plain",
        **rest: Any,
    ) -> None:
        super().__init__(spec, **rest)
        self.require(f"2 to {round(0.5 / SMALLEST_SHARE)} bins", 2 <= bins <= 0.5 / SMALLEST_SHARE)
        spline = partial(Spline, bins=bins, bound=bound)
        if moves == "autoregressive":
            require_two_numbers(spec.shape)
            move = partial(_autoregressive, network=network, transform=spline)
            self.flow = Flattened(spec.shape, mixed_steps((spec.size,), move, couplings))
            return
        move = partial(_coupled, network=network, transform=spline)
        self.flow = glow_bijection(spec.shape, move, couplings=couplings, scales=scales, squeeze=squeeze)


def _autoregressive(shape: tuple[int, ...], *, network: Network, transform: TransformFactory) -> Bijection:
    """An autoregressive step of vectors.

    Raises:
        RecipeError: when the network is not autoregressive.
    """
    size = shape[0]
    moving = transform(size, 0)
    net = network((size,), (moving.numbers * size,))
    if not isinstance(net, Autoregressive):
        raise RecipeError("moves: autoregressive needs an autoregressive network; choose network: masked-mlp")
    return AutoregressiveBijection(size, net, moving)


def _coupled(shape: tuple[int, ...], *, network: Network, transform: TransformFactory) -> Bijection:
    """A coupling of channels or coordinates.

    Raises:
        RecipeError: when the network is autoregressive.
    """
    coupling = halves(shape, network=network, transform=transform)
    if isinstance(coupling.network, Autoregressive):
        raise RecipeError("an autoregressive network needs moves: autoregressive; couplings take any other")
    return coupling
