"""Schedules of augmentation: by hand, in buffers, and what the discriminator then sees."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context, Progress
from genus.models.adversarial.augmentation_schedule import Adaptive, Annealed, Constant
from tests.models.adversarial.test_discriminator_schedule import right
from tests.models.adversarial.test_gan import IMAGES, batch_of, make


def test_constant_strength_is_what_it_was_told() -> None:
    assert Constant(strength=0.3).value(Progress(fraction=0.9)).item() == pytest.approx(0.3)


def test_annealed_strength_reaches_zero_and_stays() -> None:
    strength = Annealed(strength=0.8, until=0.5)
    values = [strength.value(Progress(fraction=f)).item() for f in (0, 0.25, 0.4, 0.5, 0.75, 1)]
    assert values == pytest.approx([0.8, 0.4, 0.16, 0, 0, 0])


def test_adaptive_strength_moves_towards_its_target_and_stays_a_probability() -> None:
    strength = Adaptive(target=0.6, updates=10)
    assert strength.value(Progress()).item() == 0
    strength.update(right(0.5))  # r = 0: no overfitting
    assert strength.value(Progress()).item() == 0
    for number in range(1, 14):  # r = 0.8
        strength.update(right(0.9))
        assert strength.value(Progress()).item() == pytest.approx(min(1.0, number / 10))
    strength.update(right(0.79))  # r = 0.58
    assert strength.value(Progress()).item() == pytest.approx(0.9)
    half = Adaptive(target=0.5, updates=10)
    half.probability.fill_(0.4)
    half.update(right(0.75))  # r is the target
    assert half.value(Progress()).item() == pytest.approx(0.4)


def test_the_probability_is_saved() -> None:
    first = Adaptive(updates=10)
    first.update(right(1.0))
    second = Adaptive(updates=10)
    second.load_state_dict(first.state_dict())
    assert second.value(Progress()).item() == pytest.approx(0.1)


def augmented(strength: Any) -> Any:
    return make(IMAGES, augmentation={"transforms": {"name": "instance-noise"}, "schedule": strength})


def test_the_discriminator_sees_augmentation_of_the_strength_of_the_moment() -> None:
    x = batch_of(IMAGES).x

    def change(model: Any, fraction: float = 0.0) -> float:
        context = Context(noise=Noise(0), progress=Progress(fraction=fraction))
        return (model.discriminator_input(x, context) - x).square().mean().item()

    full = change(augmented(None))
    assert full > 0
    assert change(augmented({"name": "constant", "strength": 0.0})) == 0
    annealed = augmented("annealed")
    assert change(annealed) == pytest.approx(full)
    assert 0 < change(annealed, 0.5) < full
    assert change(annealed, 1.0) == 0
    adaptive = augmented({"name": "adaptive", "updates": 1})
    assert change(adaptive) == 0
    adaptive.after_discriminator(right(1.0))
    assert change(adaptive) == pytest.approx(full)
    assert "discriminator_input.schedule.probability" in adaptive.state_dict()


def test_the_strength_of_each_update_is_logged() -> None:
    model = augmented({"name": "adaptive", "updates": 4})
    context = Context(noise=Noise(0))
    model.after_discriminator(right(1.0))
    model.discriminator_loss(batch_of(IMAGES), context)
    model.after_discriminator(right(1.0))
    assert context.observed["strength"].item() == 0.25  # as it was in that update


def test_the_generator_is_judged_through_augmentation() -> None:
    model = augmented(None)
    torch.manual_seed(0)
    loss = model.generator_loss(batch_of(IMAGES), Context(noise=Noise(0)))["loss"]
    slopes = torch.autograd.grad(loss, list(model.generator.parameters()), allow_unused=True)
    assert any(g is not None and g.any() for g in slopes)
    plain = make(IMAGES)
    plain.load_state_dict(model.state_dict())
    assert plain.generator_loss(batch_of(IMAGES), Context(noise=Noise(0)))["loss"] != loss


def test_a_strength_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="no augmentation"):
        make(IMAGES, augmentation={"schedule": "constant"})
