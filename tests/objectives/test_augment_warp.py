"""Affine maps: against turns and ramps, and the distributions of what is drawn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genus.core.noise import Noise
from genus.objectives.augment_warp import Amounts, rotations, sample_affine, turned, warp
from tests.objectives.scripted import Scripted

ALWAYS = torch.ones(())
SCALE, MOVE, TILT, SHEAR = 0.2, 0.125, math.radians(12), 0.45
LEANING = Amounts(tilt=12.0, shear=SHEAR)
SIZES = [(9,), (6, 9), (5, 7, 6)]


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
def test_whole_moves_are_exact_and_in_the_axis_they_name(size: tuple[int, ...]) -> None:
    """Coordinates start with the last axis; what moves in is mirrored between elements."""
    x = random(2, 3, *size)
    dims = len(size)
    for axis in range(dims):
        offset = torch.zeros(2, dims, dtype=torch.float64)
        offset[:, dims - 1 - axis] = 1
        found = sample_affine(x, torch.eye(dims).double().expand(2, dims, dims), offset)
        expected = torch.cat([x.narrow(2 + axis, 0, 1), x.narrow(2 + axis, 0, size[axis] - 1)], 2 + axis)
        assert torch.allclose(found, expected, atol=1e-6)


def test_a_quarter_turn_is_rot90() -> None:
    x = random(1, 2, 5, 5)
    quarter = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]]).double()
    found = sample_affine(x, quarter, torch.zeros(1, 2).double())
    assert torch.allclose(found, x.rot90(1, (2, 3)), atol=1e-5)
    assert torch.allclose(
        sample_affine(x, quarter.mT, torch.zeros(1, 2).double()), x.rot90(-1, (2, 3)), atol=1e-5
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_ramp_shows_where_was_sampled(size: tuple[int, ...]) -> None:
    """Linear sampling of c·q is c·(A(q − b)) wherever that lies inside."""
    dims = len(size)
    axes = [torch.arange(side).double() - (side - 1) / 2 for side in size]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1)
    slope = torch.tensor([1.0, -2.0, 0.5]).double()[:dims]
    drawn = torch.Generator().manual_seed(1)
    back = torch.eye(dims).double() * 0.8 + 0.05 * torch.randn(dims, dims, generator=drawn).double()
    offset = torch.full((1, dims), 0.3).double()
    found = sample_affine((places @ slope)[None, None], back[None], offset)[0, 0]
    source = (places - offset) @ back.T
    half = torch.tensor(size[::-1]).double() / 2 - 0.5
    inside = (source.abs() <= half).all(-1)
    assert inside.double().mean() > 0.5
    assert torch.allclose(found[inside], (source @ slope)[inside], atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_rotations_are_uniform(dims: int) -> None:
    """Orthogonal, determinant 1; entries of mean 0, mean square 1/d; mean squared trace 2 or 1."""
    n = 20000
    found = rotations(Noise(0), n, dims).double()
    assert torch.allclose(found @ found.mT, torch.eye(dims).double().expand(n, -1, -1), atol=1e-5)
    assert torch.allclose(torch.linalg.det(found), torch.ones(n).double(), atol=1e-5)
    assert found.mean(0).abs().max() < 4 / math.sqrt(n * dims)
    assert (found.square().mean(0) - 1 / dims).abs().max() < 4 * 0.36 / math.sqrt(n)
    trace = found.diagonal(dim1=1, dim2=2).sum(1)
    assert trace.square().mean().item() == pytest.approx({2: 2.0, 3: 1.0}[dims], abs=4 * 1.5 / math.sqrt(n))


def test_maps_are_multiplied_in_the_order_promised() -> None:
    """R₂ S R₁ s q + t, its inverse written out for one example."""
    x = random(1, 1, 12, 12)
    quarter, turn, normal = 0.25, 0.1, [0.7, -0.3]
    noise = Scripted(
        [0.0], [1.0],  # scale: chosen, normal 1
        [0.0], [turn],  # first rotation: chosen, its share of a full turn
        [0.0], normal,  # stretch
        [0.0], [quarter],  # second rotation
        [0.0], [0.5, -0.25],  # move
    )  # fmt: skip
    found = warp(x, noise, ALWAYS, ("scale", "rotate", "stretch", "move"))

    def rotation(share: float) -> Tensor:
        a = 2 * math.pi * share
        return torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]).double()

    half = (normal[0] - normal[1]) / math.sqrt(2)
    stretch = torch.diag(torch.tensor([2 ** (SCALE * half), 2 ** (-SCALE * half)]).double())
    ahead = rotation(quarter) @ stretch @ rotation(turn) * 2**SCALE
    offset = MOVE * 12 * torch.tensor([[0.5, -0.25]]).double()
    expected = sample_affine(x, torch.linalg.inv(ahead)[None], offset)
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_tilted_and_leaning_example_by_hand() -> None:
    """s T H q: leaning comes first, then the tilt, then the scale."""
    x = random(1, 1, 12, 12)
    noise = Scripted([0.2], [0.0], [0.9], [0.0], [0.0], [1.0])
    found = warp(x, noise, ALWAYS, ("shear", "tilt", "scale"), LEANING)
    a = TILT * (1 - 2 * 0.9)
    tilt = torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]).double()
    lean = torch.tensor([[1.0, -SHEAR * (1 - 2 * 0.2)], [0.0, 1.0]]).double()
    expected = sample_affine(x, torch.linalg.inv(2**SCALE * tilt @ lean)[None], torch.zeros(1, 2).double())
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("size", [(9, 9), (9, 9, 9)])
def test_a_tilt_turns_by_its_angle_at_most_and_a_shear_keeps_rows(size: tuple[int, ...]) -> None:
    """Tilts keep distances from the centre; sheared rows only move."""
    n, dims = 4000, len(size)
    axes = [torch.arange(side).double() - (side - 1) / 2 for side in size]
    ramps = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1])[None]
    centre, last = tuple(side // 2 for side in size), (..., *(side // 2 for side in size[:-1]), -2)

    def slopes(kind: str) -> Tensor:
        found = warp(ramps.expand(n, -1, *size), Noise(1), ALWAYS, (kind,), LEANING)
        assert torch.allclose(found[(..., *centre)], torch.zeros(n, dims).double(), atol=1e-5)
        return found[last] / (size[-1] // 2 - 1)  # the source of the place beside the centre's row's end

    tilted = slopes("tilt")
    assert torch.allclose(tilted.norm(dim=1), torch.ones(n).double(), atol=1e-5)
    cosine = tilted[:, 0]
    assert cosine.min() >= math.cos(TILT) - 1e-5
    assert cosine.min() < math.cos(0.9 * TILT)
    assert torch.allclose(slopes("shear"), torch.eye(dims).double()[0].expand(n, -1), atol=1e-5)
    sheared = warp(ramps[:, :1].expand(n, -1, *size), Noise(1), ALWAYS, ("shear",), LEANING)
    above = sheared[(..., centre[0] + 1, *centre[1:])][:, 0]
    assert above.abs().max() <= SHEAR + 1e-5
    assert above.std().item() == pytest.approx(SHEAR / math.sqrt(3), rel=0.05)


def test_turns_about_an_axis_are_rotations() -> None:
    """Rodrigues' formula against the exponential of αK."""
    axis = torch.nn.functional.normalize(random(5, 3), dim=1)
    basis = torch.eye(3).double().expand(5, 3, 3)
    planes = torch.linalg.cross(axis[:, None], basis, dim=2).mT
    angle = random(5)
    expected = torch.linalg.matrix_exp(angle[:, None, None] * planes)
    assert torch.allclose(turned(planes, angle), expected, atol=1e-6)


def test_moves_are_shares_of_their_own_side() -> None:
    """Normal numbers ½ and −1 of 8 by 16 elements: 1 to the right, 1 up."""
    x = random(1, 1, 8, 16)
    found = warp(x, Scripted([0.0], [0.5, -1.0]), ALWAYS, ("move",))
    assert torch.allclose(found[..., :-1, 1:], x[..., 1:, :-1], atol=1e-6)


def test_amounts_are_what_is_asked_for() -> None:
    x = random(4, 1, 8, 8)
    draws = ([0.0] * 4, [1.0, -1.0, 0.5, 2.0])
    doubled = warp(x, Scripted(*draws), ALWAYS, ("scale",), Amounts(scale=2 * SCALE))
    assert torch.allclose(doubled, warp(x, Scripted(draws[0], [2.0, -2.0, 1.0, 4.0]), ALWAYS, ("scale",)))
    for kind in ("move", "tilt", "shear"):
        none = warp(x, Noise(0), ALWAYS, (kind,), Amounts(**{kind: 0.0}))
        assert torch.allclose(none, x, atol=1e-5), kind
        assert not torch.allclose(warp(x, Noise(0), ALWAYS, (kind,), LEANING), x), kind


def test_what_is_not_drawn_is_left_exactly_alone() -> None:
    x = random(3000, 1, 5)
    for kind in ("scale", "move"):
        found = warp(x, Noise(0), torch.tensor(0.3), (kind,))
        moved = (found != x).flatten(1).any(1).double().mean().item()
        assert moved == pytest.approx(0.3, abs=4 * (0.21 / 3000) ** 0.5)
    square = random(3000, 1, 4, 4)
    turned = (warp(square, Noise(0), torch.tensor(0.3), ("rotate",)) != square).flatten(1).any(1)
    assert turned.double().mean().item() == pytest.approx(0.3, abs=4 * (0.21 / 3000) ** 0.5)


@pytest.mark.parametrize("size", [(5,), (3, 4), (2, 3, 3)])
def test_gradients_of_any_order(size: tuple[int, ...]) -> None:
    plane = ("rotate", "stretch", "tilt", "shear")
    kinds = ("scale", "move") if len(size) == 1 else ("scale", *plane, "move")
    x = random(2, 2, *size).requires_grad_(True)

    def change(x: Tensor) -> Tensor:
        return warp(x, Noise(3), torch.tensor(0.9), kinds, LEANING).pow(2)

    assert torch.autograd.gradcheck(change, x)
    assert torch.autograd.gradgradcheck(change, x)


def test_half_precision_comes_back_as_it_was() -> None:
    x = random(2, 1, 4, 4).to(torch.bfloat16)
    assert warp(x, Noise(0), ALWAYS, ("scale",)).dtype == torch.bfloat16


def test_places_keep_their_digits_under_autocast() -> None:
    x = random(4, 1, 40, 40).float()
    kinds = ("scale", "rotate", "stretch", "move")
    plain = warp(x, Noise(0), ALWAYS, kinds)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(warp(x, Noise(0), ALWAYS, kinds), plain)
