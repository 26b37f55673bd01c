"""Glow: normalised activations, learned mixing of channels and affine couplings."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from genus.core.components import Network
from genus.core.errors import RecipeError
from genus.core.ranges import Count
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.activation_norm import ActivationNorm
from genus.layers.bijection import Bijection, Chain, Squeezed
from genus.layers.coupling import Coupling, Halves, build_coupling
from genus.layers.element_transform import ScaleAndShift, TransformFactory
from genus.layers.invertible_convolution import InvertibleConvolution
from genus.models.flow.flow import Flow
from genus.models.flow.multiscale import Build, MultiScaleFlow, squeezable, squeezed


@model("glow", paper="arXiv:1807.03039")
class Glow(Flow):
    """Flow whose steps are a scale and shift per channel, a 1×1 convolution, and an affine coupling.

    Scales and shifts begin by standardising one batch. Halves of the channels are coupled; the
    convolution mixes them between two couplings. Vectors pass ``couplings`` steps.

    Args:
        spec: the data; any kind; images of one channel need even sides.
        network: of each coupling: ``coupling-resnet`` for images, ``mlp`` for vectors.
        couplings: steps per scale.
        scales: scales of images with even sides; half of the elements leave after each but the last.
        squeeze: how blocks of 2 become channels before the steps of a scale: ``plain`` (this paper)
            or ``haar``.
        rest: see :class:`Flow`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        couplings: Count = 8,
        scales: Count = 3,
        squeeze: Literal["plain", "haar"] = "plain",
        **rest: Any,
    ) -> None:
        super().__init__(spec, **rest)
        couple = partial(halves, network=network, transform=ScaleAndShift)
        self.flow = glow_bijection(spec.shape, couple, couplings=couplings, scales=scales, squeeze=squeeze)


def halves(shape: tuple[int, ...], *, network: Network, transform: TransformFactory) -> Coupling:
    """A coupling that moves the second half of the channels or coordinates.

    Raises:
        RecipeError: for a single channel.
    """
    if shape[0] < 2:
        raise RecipeError(
            "a coupling of channels needs two of them: images of one channel need even sides, and vectors "
            "two numbers; realnvp couples places instead"
        )
    return build_coupling(shape, Halves(shape[0], swap=False), network, transform)


def mixed_steps(shape: tuple[int, ...], move: Build, count: int) -> Chain:
    """Steps of activation normalisation, invertible 1×1 convolution, and what moves elements.

    Args:
        shape: of what passes through.
        move: builds the last part of a step.
        count: number of steps.
    """
    parts: list[Bijection] = []
    for _ in range(count):
        parts += [ActivationNorm(shape[0], len(shape) - 1), InvertibleConvolution(shape[0]), move(shape)]
    return Chain(parts)


def glow_bijection(
    shape: tuple[int, ...],
    move: Build,
    *,
    couplings: int,
    scales: int,
    squeeze: Literal["plain", "haar"] = "plain",
) -> MultiScaleFlow:
    """Steps of Glow on several scales, each of which begins by squeezing where sides are even.

    Args:
        shape: of an example.
        move: builds the last part of a step, a coupling.
        couplings: steps per scale.
        scales: largest number of scales.
        squeeze: how blocks of 2 become channels.
    """
    steps = partial(mixed_steps, move=move, count=couplings)

    def last(shape: tuple[int, ...]) -> Bijection:
        return Squeezed(steps(squeezed(shape)), squeeze) if squeezable(shape) else steps(shape)

    return MultiScaleFlow(shape, before=None, after=steps, last=last, scales=scales, squeeze=squeeze)
