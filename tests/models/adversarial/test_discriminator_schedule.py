"""How often the discriminator is updated: counts by hand, in buffers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genus.core.errors import RecipeError
from genus.core.phase import Progress
from genus.models.adversarial.discriminator_schedule import Early, Freeze
from genus.training.callbacks import Callback, Moment
from tests.models.adversarial.test_gan import IMAGES, make
from tests.tiny import tiny_config, tiny_engine


def test_early_has_many_updates_at_the_start_and_now_and_then() -> None:
    pace = Early(first=3, steps=20, again_every=5)
    counts = [pace.count(Progress(stage_iteration=i), 2) for i in range(12)]
    assert counts == [20, 20, 20, 2, 2, 20, 2, 2, 2, 2, 20, 2]
    assert not list(pace.state_dict())  # it depends on where training stands alone


def right(share: float) -> dict[str, float]:
    return {"real right": share, "fake right": share}


def test_accuracy_is_followed_by_a_moving_average() -> None:
    pace = Freeze(memory=0.75)
    assert pace.accuracy.item() == 0.5
    pace.update({"real right": 1.0, "fake right": 0.8})
    assert pace.accuracy.item() == pytest.approx(0.75 * 0.5 + 0.25 * 0.9)
    pace.update(right(0.0))
    assert pace.accuracy.item() == pytest.approx(0.75 * 0.6)


def test_a_winning_discriminator_rests_but_looks_again() -> None:
    pace = Freeze(above=0.9, memory=0.0, rest=3)
    counts: list[int] = []
    for _ in range(10):
        counts.append(pace.count(Progress(), 2))
        if counts[-1]:
            pace.update(right(0.95))
    assert counts == [2, 0, 0, 0, 2, 0, 0, 0, 2, 0]
    pace.accuracy.fill_(0.9)  # not above
    assert pace.count(Progress(), 2) == 2
    assert pace.rested.item() == 0


def test_what_it_remembers_is_saved() -> None:
    first = Freeze(memory=0.0, rest=4)
    first.update(right(1.0))
    assert first.count(Progress(), 1) == first.count(Progress(), 1) == 0
    second = Freeze(memory=0.0, rest=4)
    second.load_state_dict(first.state_dict())
    assert [second.count(Progress(), 1) for _ in range(3)] == [0, 0, 1]


def test_being_right_by_chance_is_no_reason_to_rest() -> None:
    with pytest.raises(RecipeError, match=r"above in \(0\.5, 1\)"):
        Freeze(above=0.5)


def test_the_model_follows_and_updates_its_schedule() -> None:
    model = make(
        IMAGES, discriminator_schedule={"name": "freeze", "memory": 0.0, "rest": 1}, discriminator_steps=3
    )
    discriminator, generator = model.phases()
    assert discriminator.times(Progress()) == 3
    assert generator.times(Progress()) == 1
    discriminator.after(right(1.0))
    assert [discriminator.times(Progress()) for _ in range(2)] == [0, 3]
    assert {"discriminator_schedule.accuracy", "discriminator_schedule.rested"} <= set(model.state_dict())


class Counts(Callback):
    """Iterations in which the discriminator was updated."""

    def __init__(self) -> None:
        self.updated: list[bool] = []

    def logged(self, moment: Moment, values: Any) -> None:
        self.updated.append("discriminator/loss" in values)


def test_a_resting_discriminator_is_left_out_of_training(tmp_path: Path) -> None:
    config = tiny_config("dcgan", length=6)
    config["model"]["discriminator_schedule"] = {"name": "freeze", "above": 0.51, "memory": 0.0, "rest": 2}
    counts = Counts()
    engine = tiny_engine(config, tmp_path / "run", callbacks=[counts])
    model: Any = engine.model
    model.discriminator_schedule.update = lambda averages: model.discriminator_schedule.accuracy.fill_(
        1.0
    )  # as if it were always right
    engine.fit()
    assert counts.updated == [True, False, False, True, False, False]
