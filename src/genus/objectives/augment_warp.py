"""Augmentation by random affine maps: scaling, rotation, stretching, leaning, moves by fractions of elements.

The maps of an example are multiplied into one, and it is sampled once. Places are measured in
elements from the centre, so that sides of different length are turned without stretching.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, normalize

from genus.core.noise import Noise


class Amounts(NamedTuple):
    """Amounts of the maps; the defaults are those of arXiv:2006.06676, which neither tilts nor shears.

    Args:
        scale: standard deviation of the binary logarithm of a scaling or stretching.
        move: standard deviation of a move, as a share of the side.
        tilt: largest angle of a tilt, in degrees.
        shear: most that a shear moves a place, over its distance from the centre.
    """

    scale: float = 0.2
    move: float = 0.125
    tilt: float = 0.0
    shear: float = 0.0


PUBLISHED = Amounts()


def warp(
    x: Tensor, noise: Noise, strength: Tensor, kinds: Collection[str], amounts: Amounts = PUBLISHED
) -> Tensor:
    r"""Send each place q of an example to :math:`R_2 S R_1 s\,T H q + t`.

    ``scale`` draws the factor s, ``rotate`` the rotations R₁ and R₂, uniform among all of them,
    ``stretch`` the diagonal S of determinant 1, ``move`` the translation t, ``tilt`` the rotation T
    by an angle uniform up to ``tilt`` (in space about any axis), ``shear`` the matrix H that
    moves places along the last axis, by a number uniform up to ``shear`` times their distance
    along each other axis. Each is drawn for an example with probability ``strength`` and is the
    identity otherwise; each rotation with 1 − √(1 − strength), so that one at least has ``strength``.

    Args:
        x: ``(n, channels, *size)``; with one spatial axis there is nothing to rotate or stretch.
        noise: random numbers.
        strength: probability, scalar in [0, 1].
        kinds: of ``scale``, ``rotate``, ``stretch``, ``tilt``, ``shear`` and ``move``.
        amounts: how far they go.

    Returns:
        The examples, sampled linearly and mirrored at their edges; linear in x, and exactly x
        where nothing was drawn. Gradients exist to any order.
    """
    with torch.autocast(x.device.type, enabled=False):  # places in bf16 would be elements apart
        back, offset, touched = _draw_maps(x, noise, strength, kinds, amounts)
        moved = sample_affine(x, back, offset)
    return torch.where(touched.view(-1, *(1,) * (x.dim() - 1)), moved, x)


def _draw_maps(
    x: Tensor, noise: Noise, strength: Tensor, kinds: Collection[str], amounts: Amounts
) -> tuple[Tensor, Tensor, Tensor]:
    """Inverse linear parts ``(n, axes, axes)``, translations ``(n, axes)``, and who has any ``(n,)``."""
    n, dims = len(x), x.dim() - 2
    touched = torch.zeros(n, dtype=torch.bool, device=x.device)
    back = torch.eye(dims, device=x.device).repeat(n, 1, 1)
    offset = torch.zeros(n, dims, device=x.device)

    def drawn(probability: Tensor) -> Tensor:
        apply = noise.uniform(n) < probability
        touched.logical_or_(apply)
        return apply[:, None]

    def unrotated(back: Tensor) -> Tensor:
        apply = drawn(1 - (1 - strength).sqrt())[:, :, None]
        return torch.where(apply, back @ rotations(noise, n, dims).mT, back)

    if "shear" in kinds:
        lean = amounts.shear * (1 - 2 * noise.uniform(n, dims - 1))
        back[:, 0, 1:] = lean * drawn(strength)
    if "tilt" in kinds:
        angle = math.radians(amounts.tilt) * (1 - 2 * noise.uniform(n)) * drawn(strength)[:, 0]
        back = back @ turned(_planes(noise, n, dims).to(back), -angle)
    if "scale" in kinds:
        back = back * torch.exp2(-amounts.scale * drawn(strength) * noise.normal(n, 1))[:, :, None]
    if "rotate" in kinds:
        back = unrotated(back)
    if "stretch" in kinds:
        factors = torch.exp2(-amounts.scale * drawn(strength) * _balanced(noise.normal(n, dims)))
        back = back @ torch.diag_embed(factors)
    if "rotate" in kinds:
        back = unrotated(back)
    if "move" in kinds:
        sides = torch.tensor(x.shape[:1:-1], dtype=torch.float32, device=x.device)
        offset = amounts.move * sides * drawn(strength) * noise.normal(n, dims)
    return back, offset, touched


def rotations(noise: Noise, n: int, dims: int) -> Tensor:
    """Rotations of the plane or of space, uniform among all of them, ``(n, dims, dims)``."""
    if dims == 2:
        angle = 2 * math.pi * noise.uniform(n)
        rows = angle.cos(), -angle.sin(), angle.sin(), angle.cos()
        return torch.stack(rows, 1).view(n, 2, 2)
    # A uniform direction among unit quaternions is a uniform rotation.
    w, i, j, k = normalize(noise.normal(n, 4), dim=1).unbind(1)
    rows = (
        1 - 2 * (j * j + k * k), 2 * (i * j - k * w), 2 * (i * k + j * w),
        2 * (i * j + k * w), 1 - 2 * (i * i + k * k), 2 * (j * k - i * w),
        2 * (i * k - j * w), 2 * (j * k + i * w), 1 - 2 * (i * i + j * j),
    )  # fmt: skip
    return torch.stack(rows, 1).view(n, 3, 3)


def turned(planes: Tensor, angle: Tensor) -> Tensor:
    """Rotations by angles, I + sin α K + (1 − cos α) K² (Rodrigues).

    Args:
        planes: the generators K, skew-symmetric with K³ = −K, ``(n, dims, dims)``.
        angle: α, in radians, ``(n,)``.
    """
    sine, rest = angle.sin()[:, None, None], (1 - angle.cos())[:, None, None]
    return torch.eye(planes.shape[1], device=planes.device) + sine * planes + rest * planes @ planes


def _planes(noise: Noise, n: int, dims: int) -> Tensor:
    """Generators of the rotations of the plane, or of those of space about uniform axes."""
    if dims == 2:
        return torch.tensor([[0.0, -1.0], [1.0, 0.0]]).repeat(n, 1, 1)
    x, y, z = normalize(noise.normal(n, 3), dim=1).unbind(1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(n, 3, 3)


def sample_affine(x: Tensor, back: Tensor, offset: Tensor) -> Tensor:
    """Sample examples where affine maps of the places of the result lie.

    Args:
        x: ``(n, channels, *size)``.
        back: ``(n, axes, axes)``; the place q of the result shows ``back @ (q − offset)`` of x.
            Coordinates are in elements from the centre, the last axis of x first.
        offset: ``(n, axes)``, in elements.
    """
    size = x.shape[2:]
    axes = [torch.arange(side, device=x.device) - (side - 1) / 2 for side in size]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1).flatten(0, -2)
    half = torch.tensor(size[::-1], dtype=torch.float32, device=x.device) / 2
    source = (places - offset[:, None]) @ back.mT / half
    grid = source.view(len(x), *size, len(size))
    if len(size) > 1:
        return _sample(x, grid)
    flat = torch.stack([grid, torch.zeros_like(grid)], -1).flatten(-2)
    return _sample(x[:, :, None], flat[:, None])[:, :, 0]


def _balanced(normal: Tensor) -> Tensor:
    """Standard normal numbers ``(n, d)`` made to sum to 0 in each row."""
    d = normal.shape[1]
    return (normal - normal.mean(1, keepdim=True)) * math.sqrt(d / max(d - 1, 1))


def _sample(x: Tensor, grid: Tensor) -> Tensor:
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return _Sample.apply(wide, grid.to(wide.dtype)).to(x.dtype)


def _linear(x: Tensor, grid: Tensor) -> Tensor:
    return grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


class _Sample(torch.autograd.Function):
    """Sampling as a linear map of x; torch's own cannot be differentiated twice."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = x.shape
        return _linear(x, grid)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (grid,) = ctx.saved_tensors
        return _Adjoint.apply(grads[0], grid, ctx.shape), None


class _Adjoint(torch.autograd.Function):
    """The transpose of sampling, whose own transpose is sampling."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        with torch.enable_grad():
            x = gradient.new_zeros(shape, requires_grad=True)
            (back,) = torch.autograd.grad(_linear(x, grid), x, gradient)
        return back

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (grid,) = ctx.saved_tensors
        return _Sample.apply(grads[0], grid), None, None
