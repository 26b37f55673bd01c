"""The hard cases run through the one engine, stop anywhere and go on exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genus.core.capabilities import Samples
from genus.core.model import Model
from genus.core.noise import Noise
from genus.data.array_source import ArraySource
from genus.training.checkpoints import load_checkpoint
from genus.training.engine import Engine
from genus.training.run import Run
from tests.training.hard_cases import IMAGES, PLANE, VAEGAN, BilinearGame, GrowingGAN, TwoSteps
from tests.training.harness import assert_equal, make_engine, points, same

ADAM = {"name": "adam", "lr": 0.01}


def images() -> ArraySource:
    """Bright squares on dark ground, anywhere."""
    rng = np.random.default_rng(0)
    x = np.zeros((48, 1, 8, 8), np.float32)
    for image in x:
        row, column = rng.integers(0, 5, 2)
        image[0, row : row + 4, column : column + 4] = 1
    return ArraySource(x, None, IMAGES)


def correlated() -> ArraySource:
    """Points along a line: (3, 1) + 2 t (1, 1) + noise of 0.1."""
    rng = np.random.default_rng(0)
    t = rng.standard_normal((400, 1))
    x = np.array([[3.0, 1.0]]) + 2 * t * np.array([[1.0, 1.0]]) + 0.1 * rng.standard_normal((400, 2))
    return ArraySource(x.astype(np.float32), None, PLANE)


CASES: dict[str, tuple[Callable[[], Model], Callable[[], ArraySource]]] = {
    "growing": (GrowingGAN, images),
    "consensus": (lambda: BilinearGame(1.0), points),
    "vae-gan": (VAEGAN, correlated),
    "two steps": (TwoSteps, correlated),
}


@pytest.mark.parametrize("case", CASES)
def test_hard_cases_stop_anywhere_and_go_on_exactly(case: str, tmp_path: Path) -> None:
    model, source = CASES[case]
    options: dict[str, Any] = {"length": 12, "optimizer": ADAM, "ema": 0.9, "save_every": 1, "keep": 100}
    straight = make_engine(model(), tmp_path / "straight", source=source(), **options)
    straight.fit()
    for stop in range(1, 12):
        run = Run.create(tmp_path / f"run{stop}", straight.run.recipe, straight.model.spec, "none")
        run.save(load_checkpoint(straight.run.checkpoints / f"{stop:08d}"))
        again = make_engine(model(), run.path, source=source(), restore=True, **options)
        assert again.stage_progress.clock.iteration == stop
        again.fit()
        same(straight.run.load(), run.load())


class DiscriminatorSchedule:
    """Counts of each group's optimiser, and a buffer, after every iteration."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, set[float], int, float]] = []
        self.engine: Engine

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None

    def stepped(self, moment: Any) -> None:
        optimizers = [group.optimizer for group in self.engine.groups.values()]
        steps = {float(state["step"]) for o in optimizers for state in o.state.values()}
        count = sum(p.numel() for o in optimizers for g in o.param_groups for p in g["params"])
        self.seen.append(
            (self.engine.stage_progress.clock.stage, steps, count, float(self.engine.model.fade))
        )


def test_a_network_grows_fades_in_and_starts_with_fresh_optimisers(tmp_path: Path) -> None:
    watch = DiscriminatorSchedule()
    engine = make_engine(
        GrowingGAN(), tmp_path / "run", source=images(), length=12, optimizer=ADAM, callbacks=[watch], ema=0.9
    )
    watch.engine = engine
    new = {"block.weight", "block_image.weight", "read_block.weight"}
    before = {name: p.clone() for name, p in engine.model.named_parameters() if name in new}
    engine.fit()
    assert [stage for stage, *_ in watch.seen] == [0] * 6 + [1] * 6
    assert [steps for _, steps, *_ in watch.seen] == [{float(i)} for i in (1, 2, 3, 4, 5, 6)] * 2
    everything = sum(p.numel() for p in engine.model.parameters())
    counts = [count for *_, count, _ in watch.seen]
    assert counts == [counts[0]] * 6 + [everything] * 6
    assert counts[0] < everything
    fades = [fade for *_, fade in watch.seen]
    assert fades == pytest.approx([0] * 6 + [0.001 + i / 3 for i in range(3)] + [1, 1, 1])
    for name, parameter in engine.model.named_parameters():
        if name in new:
            assert not torch.equal(parameter, before[name])
    published = engine.published
    assert isinstance(published, Samples)
    assert float(published.fade) == 1, "the averaged model has not grown"
    assert published.sample(3, noise=Noise(0)).shape == (3, 1, 8, 8)


def test_layers_that_are_not_grown_yet_are_not_touched(tmp_path: Path) -> None:
    engine = make_engine(GrowingGAN(), tmp_path / "run", source=images(), length=12, save_every=1, keep=100)
    fresh = {name: p.clone() for name, p in engine.model.state_dict().items()}
    engine.fit()
    middle = load_checkpoint(engine.run.checkpoints / "00000006").tensors["model"]
    for name in ("block.weight", "block_image.bias", "read_block.weight"):
        assert torch.equal(middle[name], fresh[name])
    assert not torch.equal(middle["base.weight"], fresh["base.weight"])


def test_consensus_converges_where_simultaneous_descent_diverges(tmp_path: Path) -> None:
    def distance(gamma: float) -> float:
        game = BilinearGame(gamma)
        sgd = {"name": "sgd", "lr": 0.1}
        make_engine(game, tmp_path / f"run{gamma}", length=200, optimizer=sgd).fit()
        return float(torch.hypot(game.x, game.y).detach())

    assert distance(0.0) == pytest.approx(2**0.5 * 1.01**100, rel=1e-3)  # |λ|² = 1 + lr² per step
    assert distance(1.0) < 1e-6


def test_a_shared_forward_pass_trains_three_players(tmp_path: Path) -> None:
    torch.manual_seed(0)
    engine = make_engine(
        VAEGAN(), tmp_path / "run", source=correlated(), length=600, batch=64, optimizer=ADAM, log_every=100
    )
    engine.fit()
    lines = [line["losses"] for line in engine.run.log_lines()]
    assert lines[-1]["all/error"] < 0.1 * lines[0]["all/error"]
    assert {name.removeprefix("all/").split(".")[0] for name in lines[0]} == {
        "encoder", "decoder", "critic", "error", "gradient"
    }  # fmt: skip
    assert lines[0]["all/decoder.reconstruction"] == lines[0]["all/encoder.reconstruction"]


def test_the_second_step_trains_on_frozen_codes(tmp_path: Path) -> None:
    engine = make_engine(
        TwoSteps(), tmp_path / "run", source=correlated(), length=600, batch=50, save_every=400, keep=9,
        optimizer={**ADAM, "lr": 0.03}, ema=0.95,
    )  # fmt: skip
    engine.fit()
    after_first = load_checkpoint(engine.run.checkpoints / "00000400").tensors["ema"]
    final = engine.run.load().tensors["model"]
    own = {"mean", "log_scale"}
    first, last = ({k: v for k, v in t.items() if k not in own} for t in (after_first, final))
    assert_equal(first, last)
    assert not any(torch.equal(after_first[name], final[name]) for name in own)
    assert set(engine.groups) == {"prior"}
    model = engine.published.eval()
    with torch.no_grad():
        drawn = model.sample(4000, noise=Noise(1))
    x = correlated().batch(np.arange(400)).x
    assert (drawn.mean(0) - x.mean(0)).abs().max() < 0.25
    assert (drawn.T.cov() / x.T.cov() - 1).abs().max() < 0.1
