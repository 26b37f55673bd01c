"""Every augmentation: identity at strength 0, gradients, shares, one example's own numbers, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genus.core.binder import bind, resolve
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.registry import components
from genus.objectives.augment_warp import Amounts, warp
from genus.objectives.augmentations import diffaugment, geometric, instance_noise, stroke, upright
from tests.objectives.scripted import Scripted

SHAPES = [(2, 9), (3, 8, 7), (1, 6, 6), (2, 4, 5, 5)]
NAMES = sorted(components("augmentation"))


def make(name: str, **options: object):
    return bind("augmentation", resolve("augmentation", {"name": name, **options}, "augmentation"))


def random(n: int, *shape: int) -> Tensor:
    return torch.rand(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_strength_0_is_the_identity_and_1_is_not(name: str, shape: tuple[int, ...]) -> None:
    x = random(6, *shape)
    assert torch.equal(make(name)(x, Noise(0), torch.zeros(())), x)
    changed = make(name)(x, Noise(0), torch.ones(()))
    assert changed.shape == x.shape
    assert changed.dtype == x.dtype
    assert (changed != x).flatten(1).any(1).all()


@pytest.mark.parametrize("shape", [(2, 5), (2, 4, 3), (1, 3, 2, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_pass(name: str, shape: tuple[int, ...]) -> None:
    x = random(3, *shape).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: make(name)(x, Noise(1), torch.tensor(0.8)), x)
    assert torch.autograd.gradgradcheck(lambda x: make(name)(x, Noise(1), torch.tensor(0.8)).pow(2), x)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_random_numbers_of_its_own(name: str, shape: tuple[int, ...]) -> None:
    x = random(7, *shape)
    whole = make(name)(x, Noise(0, block=1), torch.tensor(0.7))
    part = make(name)(x[3:5], Noise(0, start=3, block=1), torch.tensor(0.7))
    assert torch.allclose(whole[3:5], part, atol=1e-6)
    same = make(name)(x[:1].expand_as(x), Noise(0, block=1), torch.ones(()))
    assert (same - same[:1]).flatten(1)[1:].abs().amax(1).min() > 1e-3


def test_instance_noise_has_the_size_asked_for() -> None:
    for shape in ((2,), (1, 8, 8)):
        x = random(4000, *shape)
        added = instance_noise(x, Noise(0), torch.tensor(0.5), std=0.3) - x
        assert added.std().item() == pytest.approx(0.15, rel=0.05)
        assert added.mean().item() == pytest.approx(0, abs=4 * 0.15 / added.numel() ** 0.5)


@pytest.mark.parametrize("name", ["diffaugment", "geometric", "stroke", "upright"])
def test_vectors_are_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="instance-noise"):
        make(name)(torch.zeros(4, 2), Noise(0), torch.ones(()))


def test_policies_choose() -> None:
    """Cutout keeps or zeroes values, a shift keeps them, a flip does nothing to what is symmetric."""
    x = random(50, 1, 8, 8)
    cut = diffaugment(x, Noise(0), torch.ones(()), policy=("cutout",))
    assert ((cut == x) | (cut == 0)).all()
    assert (cut != x).any()
    moved = diffaugment(x, Noise(0), torch.ones(()), policy=("translation",))
    assert all(set(m.flatten().tolist()) <= {*x[i].flatten().tolist(), 0.0} for i, m in enumerate(moved))
    grey = torch.full_like(x, 0.4)
    coloured = diffaugment(grey, Noise(0), torch.ones(()), policy=("colour",))
    assert torch.allclose(coloured, coloured[:, :, :1, :1].expand_as(coloured))
    symmetric = x + x.flip(-1)
    assert torch.equal(geometric(symmetric, Noise(0), torch.ones(()), policy=("flip",)), symmetric)
    shifted = geometric(x, Noise(0), torch.ones(()), policy=("shift",))  # edges are mirrored, not zero
    assert all(set(s.flatten().tolist()) <= {*x[i].flatten().tolist()} for i, s in enumerate(shifted))
    assert (shifted != x).any()
    kept = geometric(x, Noise(0), torch.ones(()), policy=("flip", "turn"))
    assert torch.equal(kept.flatten(1).sort(1).values, x.flatten(1).sort(1).values)


def test_what_one_axis_cannot_do_is_refused() -> None:
    with pytest.raises(RecipeError, match="rotate, turn"):
        geometric(torch.zeros(2, 1, 8), Noise(0), torch.ones(()), policy=("turn", "rotate", "shift"))
    flipped = geometric(torch.arange(8.0).expand(20, 1, 8), Noise(0), torch.ones(()), policy=("flip",))
    assert set(flipped[:, 0, 0].tolist()) == {0.0, 7.0}


def test_upright_is_a_warp_by_the_amounts_asked_for() -> None:
    x, full = random(3, 1, 9, 7), torch.ones(())
    kinds = ("scale", "stretch", "tilt", "shear", "move")
    expected = warp(x, Noise(5), full, kinds, Amounts(0.3, 0.02, 8.0, 0.2))
    found = upright(x, Noise(5), full, scale=0.3, move=0.02, tilt=8.0, shear=0.2)
    assert torch.equal(found, expected)
    assert torch.allclose(upright(x, Noise(5), full, scale=0, move=0, tilt=0, shear=0), x, atol=1e-5)
    sequence = random(3, 1, 9)
    scaled = warp(sequence, Noise(5), full, ("scale", "move"), Amounts(move=0.04))
    assert torch.equal(upright(sequence, Noise(5), full), scaled)


def test_strokes_by_hand() -> None:
    """A stroke of one element: half dilated, and then by 0.4 · 0.5 eroded; full erosion removes it."""
    x = torch.tensor([[[-1.0, -1.0, 1.0, -1.0, -1.0, -1.0]]])
    half = stroke(x, Scripted([0.0], [0.25]), torch.ones(()))
    assert half.flatten().tolist() == pytest.approx([-1, 0, 1, 0, -1, -1])
    finer = stroke(x, Scripted([0.0], [0.75]), torch.ones(()), finer=0.4)
    assert finer.flatten().tolist() == pytest.approx([-1, -1, 0.6, -1, -1, -1])
    gone = stroke(x, Scripted([0.0], [1.0]), torch.ones(()), finer=1.0)
    assert gone.flatten().tolist() == pytest.approx([-1] * 6)
    assert torch.equal(stroke(x, Scripted([0.9], [0.0]), torch.tensor(0.5)), x)


def test_by_hand() -> None:
    """The published order: colour, then translation, then cutout, each applied once."""
    x = torch.full((400, 1, 8, 8), 0.25, dtype=torch.float64)
    found = diffaugment(x, Noise(0), torch.ones(()))
    values = [set(example.flatten().tolist()) for example in found]
    assert all(len(v) <= 2 for v in values)  # one colour, and zeros moved in or cut out
    colours = torch.tensor([max(v, key=abs) for v in values])
    assert colours.min() >= -0.25
    assert colours.max() <= 0.75
    zeros = (found == 0).double().mean().item()
    assert 0.15 < zeros < 0.4
