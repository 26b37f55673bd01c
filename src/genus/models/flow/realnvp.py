"""RealNVP: an exact density by affine couplings."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from genus.core.components import Network
from genus.core.ranges import Count
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.bijection import Bijection
from genus.models.flow.flow import Flow
from genus.models.flow.multiscale import MultiScaleFlow, affine_couplings


@model("realnvp", paper="arXiv:1605.08803")
class RealNVP(Flow):
    """Flow of affine couplings: y_b = x_b ⊙ exp(s(x_a)) + t(x_a), y_a = x_a.

    Each scale has checkerboard couplings, then couplings of channels; the last one checkerboard
    couplings alone. Vectors pass couplings of alternating halves.

    Args:
        spec: the data; any kind with two or more numbers per example.
        network: of each coupling: ``coupling-resnet`` for images, ``mlp`` for vectors.
        couplings: couplings of each kind per scale, one more in the last; of all for vectors.
        scales: scales of images with even sides; half of the elements leave after each.
        squeeze: how blocks of 2 become channels: ``plain`` (this paper) or ``haar``, whose
            coarse half stays longest.
        rest: see :class:`Flow`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        couplings: Count = 3,
        scales: Count = 3,
        squeeze: Literal["plain", "haar"] = "plain",
        **rest: Any,
    ) -> None:
        super().__init__(spec, **rest)
        self.flow = realnvp_bijection(
            spec.shape, network, couplings=couplings, scales=scales, squeeze=squeeze
        )


def realnvp_bijection(
    shape: tuple[int, ...],
    network: Network,
    *,
    couplings: int,
    scales: int,
    squeeze: Literal["plain", "haar"] = "plain",
) -> MultiScaleFlow:
    """The couplings of RealNVP on several scales; the arguments are those of :class:`RealNVP`."""

    def last(shape: tuple[int, ...]) -> Bijection:
        has_sides = len(shape) > 1
        places = has_sides and any(side > 1 for side in shape[1:])
        return affine_couplings(shape, network, couplings + has_sides, checkerboard=places)

    stack = partial(affine_couplings, network=network, count=couplings)
    return MultiScaleFlow(
        shape,
        before=partial(stack, checkerboard=True),
        after=partial(stack, checkerboard=False),
        last=last,
        scales=scales,
        squeeze=squeeze,
    )
