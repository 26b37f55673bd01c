"""Differentiable augmentation of real and generated examples before the discriminator.

An augmentation receives examples ``(n, *shape)`` on the networks' scale, the source of random
numbers, and its strength, a scalar in [0, 1]; it returns changed examples through which gradients
pass. Each example is changed by random numbers of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.ranges import Positive, Share, Weight
from genus.core.registry import augmentation
from genus.objectives.augment_blit import cutout, flip, shift, turn
from genus.objectives.augment_colour import brightness, contrast, saturation
from genus.objectives.augment_stroke import thicken
from genus.objectives.augment_warp import Amounts, warp


@augmentation("diffaugment", paper="arXiv:2006.10738")
def diffaugment(
    x: Tensor,
    noise: Noise,
    strength: Tensor,
    *,
    policy: Sequence[Literal["colour", "translation", "cutout"]] = ("colour", "translation", "cutout"),
) -> Tensor:
    """Random colour, translation and cutout, each of an example with probability ``strength``.

    Colour adds u − ½, scales channels around their mean by 2u and values around theirs by u + ½;
    translation moves by up to an eighth of each side, zeros follow; cutout zeroes a box of half
    the side. The paper's strength is 1; one, two and three spatial axes alike.

    Args:
        x: ``(n, channels, *size)``, on the scale [−1, 1].
        noise: random numbers.
        strength: probability of each transformation, scalar in [0, 1].
        policy: which kinds.

    Raises:
        RecipeError: for vectors, which have no places.
    """
    _needs_places(x, "diffaugment")
    if "colour" in policy:
        for change in (brightness, saturation, contrast):
            x = change(x, noise, strength)
    if "translation" in policy:
        x = shift(x, noise, strength)
    if "cutout" in policy:
        x = cutout(x, noise, strength)
    return x


@augmentation("geometric", paper="arXiv:2006.06676")
def geometric(
    x: Tensor,
    noise: Noise,
    strength: Tensor,
    *,
    policy: Sequence[Literal["flip", "turn", "shift", "scale", "rotate", "stretch", "move"]] | None = None,
) -> Tensor:
    """Random flips, turns and shifts by whole elements, then scaling, rotation, stretching and moves.

    These are the paper's pixel blitting and general geometric transformations, with its
    distributions; each is applied to an example with probability ``strength``. In three axes
    turns are in a random plane, rotations uniform in space, and stretching has three factors of
    product 1. Values between elements are linear, without the paper's wavelet filter, and
    examples are mirrored at their edges.

    Args:
        x: ``(n, channels, *size)``.
        noise: random numbers.
        strength: probability of each transformation, scalar in [0, 1].
        policy: which kinds; null for all that suit the number of axes, which for sequences are
            shift, scale and move. Leave out what the data must not suffer: digits are not
            flipped, turned or rotated.

    Raises:
        RecipeError: for vectors, which have no places; for turns, rotations or stretching of
            sequences, which have one axis.
    """
    _needs_places(x, "geometric")
    kinds = _geometric_kinds(x.dim() - 2, policy)
    if "flip" in kinds:
        x = flip(x, noise, strength)
    if "turn" in kinds:
        x = turn(x, noise, strength)
    if "shift" in kinds:
        x = shift(x, noise, strength, edges="mirror")
    general = kinds & {"scale", "rotate", "stretch", "move"}
    return warp(x, noise, strength, general) if general else x


@augmentation("upright")
def upright(
    x: Tensor,
    noise: Noise,
    strength: Tensor,
    *,
    scale: Weight = 0.2,
    tilt: Weight = 12.0,
    shear: Weight = 0.45,
    move: Weight = 0.04,
) -> Tensor:
    """Scale and stretch, tilt, shear and move an example so little that things still stand upright.

    Each is applied to an example with probability ``strength``; in three axes the tilt is about any
    axis and the shear along the last one. Sequences are scaled and moved. Values between elements
    are linear, and examples are mirrored at their edges.

    Args:
        x: ``(n, channels, *size)``.
        noise: random numbers.
        strength: probability of each transformation, scalar in [0, 1].
        scale: standard deviation of the binary logarithm of the scaling, and of each side's stretching.
        tilt: largest angle, in degrees.
        shear: largest lean, over the height.
        move: standard deviation of a move, as a share of the side.

    Raises:
        RecipeError: for vectors, which have no places.
    """
    _needs_places(x, "upright")
    in_a_plane = ("stretch", "tilt", "shear") if x.dim() > 3 else ()
    return warp(x, noise, strength, ("scale", *in_a_plane, "move"), Amounts(scale, move, tilt, shear))


@augmentation("stroke")
def stroke(x: Tensor, noise: Noise, strength: Tensor, *, bolder: Share = 1.0, finer: Share = 0.6) -> Tensor:
    """Make bright strokes bolder or finer by up to an element on either side.

    An example is mixed with its grey dilation or erosion over neighbourhoods of three, by a share
    that is uniform up to ``bolder`` or ``finer``; each half of the changed examples gets one.

    Args:
        x: ``(n, channels, *size)``.
        noise: random numbers.
        strength: probability of a change, scalar in [0, 1].
        bolder: largest share of the dilated example, in [0, 1].
        finer: largest share of the eroded example, in [0, 1]; what is two elements wide is gone
            where it is 1.

    Raises:
        RecipeError: for vectors, which have no places.
    """
    _needs_places(x, "stroke")
    return thicken(x, noise, strength, bolder=bolder, finer=finer)


@augmentation("instance-noise", paper="arXiv:1610.04490")
def instance_noise(x: Tensor, noise: Noise, strength: Tensor, *, std: Positive = 0.1) -> Tensor:
    """Add normal noise to every element: x + pσε, so that real and generated distributions overlap.

    The paper lowers the noise to none while it trains: let ``strength`` fall.

    Args:
        x: ``(n, *shape)``; vectors, too.
        noise: random numbers.
        strength: p, by which the noise is scaled; scalar in [0, 1].
        std: σ, standard deviation at strength 1, on the networks' scale, > 0.
    """
    return x + (strength * std).to(x.dtype) * noise.normal(*x.shape).to(x.dtype)


def _geometric_kinds(dims: int, policy: Sequence[str] | None) -> set[str]:
    """The requested kinds, or all that suit the number of axes."""
    in_a_plane = {"turn", "rotate", "stretch"}
    if policy is None:
        return {"shift", "scale", "move"} | (in_a_plane | {"flip"} if dims > 1 else set())
    if dims == 1 and (unfit := in_a_plane & set(policy)):
        raise RecipeError(
            f"augmentation 'geometric': sequences have one axis, so {', '.join(sorted(unfit))} cannot "
            "be applied; use policy=[shift,scale,move], and flip where direction does not matter"
        )
    return set(policy)


def _needs_places(x: Tensor, name: str) -> None:
    if x.dim() < 3:
        raise RecipeError(
            f"augmentation {name!r} moves and colours places, and vectors such as (n, "
            f"{x.shape[-1]}) have none; use instance-noise, or no augmentation"
        )
