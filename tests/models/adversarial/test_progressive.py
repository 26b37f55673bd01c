"""Progressive growing: stages, fading, and resuming in the middle."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Progress
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.resampling import box_down, nearest_up
from genus.training.callbacks import Callback, Moment
from genus.training.checkpoints import Checkpoint
from genus.training.engine import Engine
from tests.models.adversarial.test_gan import batch_of, make
from tests.tiny import equal, tiny_config, tiny_engine, weights

SPECS = [
    DataSpec(example=Space(kind="image", shape=(1, 9, 16), range=(0.0, 1.0))),
    DataSpec(example=Space(kind="sequence", shape=(2, 13), range=(-1.0, 1.0))),
    DataSpec(example=Space(kind="volume", shape=(1, 8, 9, 10), range=(0.0, 1.0))),
]


def growing(spec: DataSpec, **changes: Any) -> Any:
    network = {"name": "progan", "width": 4}
    return make(spec, name="progressive-gan", generator=network, discriminator=network, **changes)


def stand(model: Any) -> tuple[tuple[int, float], tuple[int, float]]:
    return model.generator.network.where(), model.discriminator.network.where()


def test_one_stage_per_resolution_with_the_shares_asked_for() -> None:
    model = growing(SPECS[0], last_share=3.0)
    stages = model.stages()
    assert model.num_levels == len(stages) == 2  # 5×8 and 9×16
    assert [stage.share for stage in stages] == [1.0, 3.0]
    assert [stage.name for stage in stages] == ["resolution 1 of 2", "resolution 2 of 2"]
    assert stand(model) == ((1, 1.0), (1, 1.0))  # full size until training begins
    for level, stage in enumerate(stages):
        stage.enter()
        assert stand(model) == ((level, 1.0), (level, 1.0))


def test_new_layers_fade_in_during_the_first_part_of_a_stage() -> None:
    first, second = growing(SPECS[0]).stages()
    assert first.tick is None
    for fade in (0.25, 1.0):
        model = growing(SPECS[0], fade=fade)
        _, second = model.stages()
        second.enter()
        shares: list[float] = []
        for fraction in (0.0, 0.1, 0.2, 0.25, 0.5, 1.0):
            second.tick(Progress(fraction=fraction))
            assert stand(model)[0] == stand(model)[1]
            shares.append(stand(model)[0][1])
        assert shares == pytest.approx([min(1, f / fade) for f in (0.0, 0.1, 0.2, 0.25, 0.5, 1.0)])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_real_examples_fade_as_generated_ones_do(spec: DataSpec) -> None:
    model, x = growing(spec), batch_of(spec).x
    scaled = model.scaling.inward(x)
    assert torch.equal(model.real(x), scaled)
    level = model.num_levels - 1
    sharp, blurred = scaled, nearest_up(box_down(scaled, 1), spec.shape[1:])
    for network in model.networks:
        network.grow(level)
        network.fade(0.25)
    torch.testing.assert_close(model.real(x), 0.25 * sharp + 0.75 * blurred)
    for network in model.networks:
        network.grow(0)
    assert torch.equal(model.real(x), scaled)  # nothing fades into the first level


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_the_discriminator_sees_the_small_image_of_its_level(spec: DataSpec) -> None:
    model = growing(spec).eval()
    x = batch_of(spec).x
    for level, stage in enumerate(model.stages()):
        stage.enter()
        cells = model.num_levels - 1 - level
        small = nearest_up(box_down(x, cells), spec.shape[1:])
        score = model.discriminator(x).score
        torch.testing.assert_close(model.discriminator(small).score, score, rtol=0, atol=1e-5)
        drawn = model.generate(Noise(0).normal(3, 4), None, Noise(0))
        assert drawn.shape[1:] == spec.shape
        again = nearest_up(box_down(drawn, cells), spec.shape[1:])
        torch.testing.assert_close(again, drawn, rtol=0, atol=1e-6)  # places of a cell are equal
        if level == 0:
            other = x.clone()
            other[..., 0] += 0.5
            other[..., 1] -= 0.5  # the same mean in the first cell of two
            torch.testing.assert_close(model.discriminator(other).score, score, rtol=0, atol=1e-5)


class Middle(Callback):
    """Keeps a checkpoint of one iteration."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration
        self.engine: Engine | None = None
        self.kept: Checkpoint | None = None
        self.stood: Any = None

    def stepped(self, moment: Moment) -> None:
        if moment.iteration == self.iteration:
            assert self.engine is not None
            self.kept = copy.deepcopy(self.engine.checkpoint())
            self.stood = stand(self.engine.model)


def test_a_run_resumed_while_a_level_fades_in_ends_the_same(tmp_path: Path) -> None:
    config = tiny_config("progan", length=12)
    config["model"].update(fade=0.5, last_share=2.0)
    middle = Middle(6)
    straight = tiny_engine(config, tmp_path / "straight", callbacks=[middle])
    middle.engine = straight
    straight.fit()
    assert middle.kept is not None
    resumed = tiny_engine(config, tmp_path / "resumed")
    resumed.restore(middle.kept)
    level, share = middle.stood[0]
    assert level == resumed.stage_progress.clock.stage == 1
    assert 0 < share < 1
    assert stand(resumed.model)[0][0] == level
    seen: list[Any] = []
    tick = resumed.stage_progress.stages[1].tick
    assert tick is not None

    def watch(progress: Progress) -> None:
        tick(progress)
        seen.append(stand(resumed.model)[0])

    object.__setattr__(resumed.stage_progress.stages[1], "tick", watch)
    resumed.fit()
    # stages of 4 and 8 iterations, of which the first half fades in: the 7th is at 2/8
    assert seen[0] == (1, pytest.approx(2 / 8 / 0.5))
    assert equal(weights(resumed.model), weights(straight.model))


def test_networks_that_do_not_grow_together_are_refused() -> None:
    with pytest.raises(RecipeError, match="grow through the same"):
        make(SPECS[0], name="progressive-gan")
    growing_one = {"name": "progan", "width": 4}
    with pytest.raises(RecipeError, match="grow through the same"):
        make(SPECS[0], name="progressive-gan", generator=growing_one)
