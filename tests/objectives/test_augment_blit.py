"""Moves of whole elements: by hand, against torch's own, and in distribution."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genus.core.noise import Noise
from genus.objectives.augment_blit import cutout, flip, shift, shift_axis, turn
from tests.objectives.scripted import Scripted

ALWAYS = torch.ones(())
ROW = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64).view(1, 1, 4)


@pytest.mark.parametrize(
    ("step", "edges", "expected"),
    [
        (1, "zero", [0, 1, 2, 3]), (-2, "zero", [3, 4, 0, 0]), (0, "zero", [1, 2, 3, 4]),
        (1, "mirror", [1, 1, 2, 3]), (-2, "mirror", [3, 4, 4, 3]), (4, "mirror", [4, 3, 2, 1]),
        (9, "mirror", [1, 1, 2, 3]),
    ],
)  # fmt: skip
def test_shift_by_hand(step: int, edges, expected: list[float]) -> None:
    assert shift_axis(ROW, torch.tensor([step]), 2, edges).flatten().tolist() == expected


@pytest.mark.parametrize("size", [(6,), (5, 8), (4, 6, 5)])
def test_shift_of_all_axes_is_padding_and_cutting(size: tuple[int, ...]) -> None:
    """Draws: who is chosen, then for each axis a number from 0 to twice the furthest shift."""
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    furthest = [int(side * 0.25 + 0.5) for side in size]
    draws = [[0.3, 0.3], *([2 * far, 0] for far in furthest)]
    found = shift(x, Scripted(*draws), torch.tensor(0.5), share=0.25)
    ahead, back = torch.zeros_like(x[0]), torch.zeros_like(x[0])
    late = tuple(slice(far, None) for far in furthest)
    early = tuple(slice(0, side - far) for side, far in zip(size, furthest, strict=True))
    ahead[:, *late] = x[0][:, *early]
    back[:, *early] = x[1][:, *late]
    assert torch.equal(found[0], ahead)
    assert torch.equal(found[1], back)


def test_shifts_are_uniform_and_applied_to_their_share() -> None:
    """Where a single 1 in the middle of 16 places goes: ±2 at a share of an eighth."""
    x = torch.zeros(6000, 1, 16)
    x[:, :, 8] = 1
    place = shift(x, Noise(0), torch.tensor(0.6)).flatten(1).argmax(1) - 8
    counts = torch.bincount(place + 2, minlength=5) / 6000
    expected = torch.tensor([0.12, 0.12, 0.52, 0.12, 0.12])
    assert (counts - expected).abs().max() < 4 * (0.25 / 6000) ** 0.5
    assert len(counts) == 5


@pytest.mark.parametrize("size", [(6,), (5, 8), (4, 6, 5)])
def test_half_of_the_chosen_are_mirrored(size: tuple[int, ...]) -> None:
    x = torch.randn(1, 2, *size, generator=torch.Generator().manual_seed(0)).expand(2000, 2, *size)
    found = flip(x, Noise(0), torch.tensor(0.8)).flatten(1)
    same = (found == x.flatten(1)).all(1)
    mirrored = (found == x.flip(-1).flatten(1)).all(1)
    assert (same | mirrored).all()
    assert mirrored.double().mean().item() == pytest.approx(0.4, abs=4 * (0.24 / 2000) ** 0.5)


def test_turns_of_a_square_are_all_as_likely() -> None:
    x = torch.arange(9.0).view(1, 1, 3, 3)
    found = turn(x.expand(4000, 1, 3, 3), Noise(0), ALWAYS).flatten(1)
    for count in range(4):
        share = (found == x.rot90(count, (2, 3)).flatten()).all(1).double().mean().item()
        assert share == pytest.approx(0.25, abs=4 * (0.1875 / 4000) ** 0.5)


def test_unequal_sides_are_turned_by_180_degrees_only() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    found = turn(x.expand(1000, 1, 2, 3), Noise(0), ALWAYS).flatten(1)
    turned = (found == x.flip(2, 3).flatten()).all(1)
    assert (turned | (found == x.flatten()).all(1)).all()
    assert turned.double().mean().item() == pytest.approx(0.5, abs=4 * (0.25 / 1000) ** 0.5)


def test_a_volume_is_turned_in_each_plane() -> None:
    x = torch.arange(27.0).view(1, 1, 3, 3, 3)
    found = turn(x.expand(3000, 1, 3, 3, 3), Noise(0), ALWAYS).flatten(1)
    shares = [
        (found == x.rot90(count, axes).flatten()).all(1).double().mean().item()
        for axes in ((2, 3), (2, 4), (3, 4))
        for count in (1, 2, 3)
    ]
    assert shares == pytest.approx([1 / 12] * 9, abs=4 * (0.0764 / 3000) ** 0.5)


def published_box(length: int, first: int) -> Tensor:
    """Which places of an axis the published cutout takes: indices are clamped to the axis."""
    side = int(length * 0.5 + 0.5)
    taken = torch.zeros(length, dtype=torch.bool)
    taken[(torch.arange(side) + first - side // 2).clamp(0, length - 1)] = True
    return taken


@pytest.mark.parametrize("size", [(7,), (8,), (5, 8), (2, 3, 6)])
def test_cutout_is_the_published_box(size: tuple[int, ...]) -> None:
    limits = [side + 1 - int(side * 0.5 + 0.5) % 2 for side in size]
    x = torch.ones(3, 2, *size)
    for fraction in (0.0, 0.5, 1.0):
        centre = [int(fraction * (limit - 1)) for limit in limits]
        found = cutout(x, Scripted([0.1, 0.4, 0.6], *([c] * 3 for c in centre)), torch.tensor(0.5))
        box = torch.ones(size, dtype=torch.bool)
        for axis, (side, first) in enumerate(zip(size, centre, strict=True)):
            shape = [1] * len(size)
            shape[axis] = side
            box = box & published_box(side, first).view(shape)
        assert torch.equal(found[0, 0], (~box).float())
        assert torch.equal(found[1], found[0])
        assert torch.equal(found[2], x[2])


def test_a_cutout_of_nothing_and_of_everything() -> None:
    x = torch.ones(20, 1, 4, 4)
    assert torch.equal(cutout(x, Noise(0), ALWAYS, share=0.0), x)
    assert cutout(x, Noise(0), ALWAYS, share=1.0).mean() < 0.75
