"""The loop: lengths, stages, schedules, what is due when, what is kept and told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import CheckpointError, DataError, NonFiniteError, RecipeError
from genus.core.length import Length
from genus.core.model import Model
from genus.core.phase import Context, Phase, Progress, Stage, Terms
from genus.training.callbacks import Callback, Moment, TensorBoard
from genus.training.checkpoints import list_checkpoints
from genus.training.clock import Clock, Every
from genus.training.engine import Engine
from genus.training.publisher import Hooks
from genus.training.run import Run
from tests.training.harness import Line, Listener, make_engine, points, same


def scripted(*scores: float) -> Hooks:
    """Scores as if measured."""
    script = iter(scores)
    return Hooks(score=lambda model: {"fake": next(script), "other": 1.0})


def numbers(run: Run) -> list[int]:
    """Checkpoints that are kept."""
    return [int(path.name) for path in list_checkpoints(run.checkpoints)]


# --- early stopping and what is kept -----------------------------------------------------------


def test_early_stopping_keeps_the_best(tmp_path: Path) -> None:
    hooks = scripted(5, 4, 3, 9, 3, 9, 1, 1, 1)  # 3 at iteration 6; equal is no better
    heard = Listener()
    engine = make_engine(
        Line(), tmp_path / "run", hooks=hooks, callbacks=[heard],
        length=100, score_every=2, save_every=1, keep=1, patience=3,
    )  # fmt: skip
    engine.fit()
    assert engine.stage_progress.clock.iteration == 12
    assert numbers(engine.run) == [6, 12]
    assert engine.run.best == {"metric": "fake", "value": 3, "iteration": 6}
    assert engine.run.load("best").number == 6
    assert engine.run.load().number == 12
    assert [m.iteration for m, _ in heard.of("scored")] == [2, 4, 6, 8, 10, 12]
    lines = [line for line in engine.run.log_lines() if "scores" in line]
    assert [line["scores"]["fake"] for line in lines] == [5, 4, 3, 9, 3, 9]


def test_patience_survives_a_restart(tmp_path: Path) -> None:
    options: dict[str, Any] = {"score_every": 2, "patience": 3, "save_every": 1}
    make_engine(Line(), tmp_path / "run", hooks=scripted(1, 2), length=4, **options).fit()
    again = make_engine(Line(), tmp_path / "run", restore=True, hooks=scripted(2, 2), length=100, **options)
    again.fit()
    assert again.stage_progress.clock.iteration == 8
    assert again.run.best == {"metric": "fake", "value": 1, "iteration": 2}


def test_without_patience_training_goes_on(tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run", hooks=scripted(1, 2, 2, 2), length=8, score_every=2)
    engine.fit()
    assert engine.stage_progress.clock.iteration == 8
    assert engine.run.best is not None
    assert engine.run.best["iteration"] == 2


def test_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run", length=7, save_every=2, keep=3)
    engine.fit()
    assert numbers(engine.run) == [4, 6, 7]


def test_best_needs_scores(tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run")
    engine.fit()
    with pytest.raises(CheckpointError, match="no best checkpoint"):
        engine.run.load("best")


def test_a_model_that_has_no_scores_just_trains(tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run", hooks=Hooks(score=lambda model: {}), score_every=1)
    engine.fit()
    assert (engine.stage_progress.clock.iteration, engine.run.best) == (4, None)


def test_hooks_get_the_published_model_at_the_right_times(tmp_path: Path) -> None:
    drawn: list[tuple[Model, str]] = []
    hooks = Hooks(sample=lambda model, path: drawn.append((model, path.name)))
    engine = make_engine(Line(), tmp_path / "run", hooks=hooks, length=7, sample_every=3, ema=0.5)
    engine.fit()
    assert [name for _, name in drawn] == ["00000003.png", "00000006.png", "00000007.png"]
    assert all(model is engine.published is not engine.model for model, _ in drawn)
    assert engine.model.training


def test_a_sheet_that_cannot_be_written_is_an_error_with_advice(tmp_path: Path) -> None:
    def full(model: Model, path: Path) -> None:
        raise OSError(28, "No space left on device")

    engine = make_engine(Line(), tmp_path / "run", hooks=Hooks(sample=full))
    with pytest.raises(CheckpointError, match=r"00000004\.png: No space left on device.*free some space"):
        engine.fit()


# --- rates -------------------------------------------------------------------------------------


class Rates(Callback):
    """Learning rates by group, iteration by iteration."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.seen: dict[str, list[float]] = {}

    def stepped(self, moment: Moment) -> None:
        assert self.engine is not None
        for name, group in self.engine.groups.items():
            self.seen.setdefault(name, []).append(group.optimizer.param_groups[0]["lr"])


def rates(tmp_path: Path, model: Model | None = None, optimizer: Any = None, **train: Any) -> dict[str, Any]:
    """Rates of a short training."""
    watch = Rates()
    optimizer = optimizer or {"name": "sgd", "lr": 0.1}
    engine = make_engine(model or Line(), tmp_path / "run", optimizer=optimizer, callbacks=[watch], **train)
    watch.engine = engine
    engine.fit()
    return watch.seen


@pytest.mark.parametrize(
    ("train", "wanted"),
    [
        ({"length": 4}, [0.1, 0.1, 0.1, 0.1]),
        ({"length": 4, "warmup": 4}, [0.025, 0.05, 0.075, 0.1]),
        ({"length": 4, "schedule": "linear"}, [0.1, 0.075, 0.05, 0.025]),
        ({"length": 4, "schedule": {"name": "linear", "start": 0.5, "final": 0.2}}, [0.1, 0.1, 0.1, 0.06]),
        ({"length": 4, "schedule": "cosine"}, [0.1, 0.085355, 0.05, 0.014645]),
        ({"length": 4, "schedule": {"name": "cosine", "final": 0.5}}, [0.1, 0.092678, 0.075, 0.057322]),
        ({"length": 4, "warmup": 2, "schedule": "linear"}, [0.05, 0.075, 0.05, 0.025]),
        ({"length": "32 samples", "schedule": "linear"}, [0.1, 0.075, 0.05, 0.025]),
    ],
)
def test_warm_up_and_schedules(train: dict[str, Any], wanted: list[float], tmp_path: Path) -> None:
    assert rates(tmp_path, **train)["line"] == pytest.approx(wanted, abs=1e-6)


class Losses(Line):
    """Two groups, the second rarely updated."""

    def __init__(self) -> None:
        super().__init__()
        self.other = torch.nn.Linear(2, 1)
        self.calls: list[tuple[str, Progress, float]] = []

    def phases(self) -> Sequence[Phase]:
        return [
            Phase(name="d", updates={"d": self.layer.parameters}, loss=self.loss_of("d"), repeat=3),
            Phase(name="g", updates={"g": self.other.parameters}, loss=self.loss_of("g"), every=2),
            Phase(name="s", step=lambda batch, ctx: self._note("s", batch, ctx)),
        ]

    def loss_of(self, name: str) -> Any:
        def loss(batch: Batch, ctx: Context) -> Terms:
            self._note(name, batch, ctx)
            layer = self.layer if name == "d" else self.other
            return {"l": layer(batch.x).square().mean()}

        return loss

    def _note(self, name: str, batch: Batch, ctx: Context) -> Terms:
        self.calls.append((name, ctx.progress, float(batch.x[0, 0])))
        return {}


def test_groups_can_have_their_own_optimiser_settings(tmp_path: Path) -> None:
    optimizer = {"name": "sgd", "lr": 0.1, "groups": {"d": {"lr": 0.4}}}
    seen = rates(tmp_path, Losses(), optimizer, length=2, schedule="linear")
    assert seen == {"d": [0.4, 0.2], "g": [0.1, 0.05]}


def test_a_group_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"optimizer\.groups\.critic: this model's groups are d, g"):
        make_engine(Losses(), tmp_path / "run", optimizer={"name": "sgd", "groups": {"critic": {"lr": 1}}})


# --- phases and batches ------------------------------------------------------------------------


def test_repeat_every_and_batches(tmp_path: Path) -> None:
    model = Losses()
    engine = make_engine(model, tmp_path / "run", length=4, source=points(240))
    engine.fit()
    assert Counter(name for name, _, _ in model.calls) == {"d": 12, "g": 2, "s": 4}
    for iteration in range(4):
        now = [(name, x) for name, progress, x in model.calls if progress.iteration == iteration]
        critic = [x for name, x in now if name == "d"]
        assert len(set(critic)) == 3, "repeats take fresh batches"
        assert {x for name, x in now if name != "d"} == {critic[0]}, "phases share the first"
        assert ("g" in dict(now)) == (iteration % 2 == 0)
    assert len({x for name, _, x in model.calls if name == "d"}) == 12
    assert engine.stage_progress.clock.samples == engine.stage_progress.clock.position * 8 == 96
    logged = [set(line["losses"]) for line in engine.run.log_lines()]
    both, alone = {"d/l", "d/gradient", "g/l", "g/gradient"}, {"d/l", "d/gradient"}
    assert logged == [both, alone, both, alone]


def test_progress_counts(tmp_path: Path) -> None:
    model = Losses()
    make_engine(model, tmp_path / "run", length=4, batch=8).fit()  # 24 examples: three batches a pass
    seen = [(p.iteration, p.epoch, p.ends_epoch) for name, p, _ in model.calls if name == "d"]
    assert seen[:6] == [
        (0, 0, False),
        (0, 0, False),
        (0, 0, True),
        (1, 1, False),
        (1, 1, False),
        (1, 1, True),
    ]
    fractions = [p.fraction for name, p, _ in model.calls if name == "s"]
    assert fractions == [0, 0.25, 0.5, 0.75]
    assert [p.samples for name, p, _ in model.calls if name == "s"] == [24, 48, 72, 96]


@pytest.mark.parametrize(
    ("length", "iterations"),
    [(5, 5), ("6 iterations", 6), ("40 samples", 5), ("41 samples", 6), ("2 epochs", 6), ("1.5 epochs", 5)],
)
def test_lengths(length: Any, iterations: int, tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run", length=length)  # 24 examples in batches of 8
    engine.fit()
    assert engine.stage_progress.clock.iteration == iterations


def test_epochs_use_every_example_once(tmp_path: Path) -> None:
    seen: list[float] = []

    class Collects(Line):
        def loss(self, batch: Batch, ctx: Context) -> Terms:
            seen.extend(batch.x[:, 0].tolist())
            return super().loss(batch, ctx)

    engine = make_engine(Collects(), tmp_path / "run", source=points(21), length="2 epochs", batch=8)
    engine.fit()
    assert engine.stage_progress.clock.iteration == 6
    assert sorted(seen[:21]) == sorted(seen[21:])
    assert len(set(seen)) == 21
    assert seen[:21] != seen[21:]


def test_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10_000))
    monkeypatch.setattr("genus.training.engine.time.perf_counter", lambda: next(now) / 4)
    engine = make_engine(Line(), tmp_path / "run", length="2 seconds", save_every="1 s", keep=100)
    engine.fit()
    assert engine.stage_progress.clock.iteration == 8, "each iteration took a quarter of a second"
    assert numbers(engine.run) == [4, 8]


def test_more_ranks_than_examples_is_a_data_error(tmp_path: Path) -> None:
    from genus.data.loader import Loader

    with pytest.raises(DataError, match="cannot be shared by 3 processes"):
        Loader(points(2), 8, seed=0, rank=0, world=3)


# --- stages ------------------------------------------------------------------------------------


class Staged(Line):
    """Three stages, the second of fixed length."""

    def __init__(self, **shares: Any) -> None:
        super().__init__()
        self.events: list[str] = []
        self.progress: list[Progress] = []

    def stages(self) -> Sequence[Stage]:
        phases = self.phases()
        return [
            Stage(name="one", phases=phases, share=3, enter=self._enter("one"), tick=self.progress.append),
            Stage(name="two", phases=phases, length=Length(3, "iterations"), enter=self._enter("two")),
            Stage(name="three", phases=phases, enter=self._enter("three"), tick=self.progress.append),
        ]

    def _enter(self, name: str) -> Any:
        return lambda: self.events.append(name)


def test_stages_take_their_shares_and_tick(tmp_path: Path) -> None:
    model, heard = Staged(), Listener()
    engine = make_engine(model, tmp_path / "run", length=8, callbacks=[heard])
    engine.fit()
    names = [line["stage"] for line in engine.run.log_lines()]
    assert names == ["one"] * 6 + ["two"] * 3 + ["three"] * 2
    assert model.events == ["one", "two", "three"]
    assert [p.fraction for p in model.progress] == pytest.approx(
        [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 0, 0.5]
    )
    assert [p.stage_iteration for p in model.progress] == [0, 1, 2, 3, 4, 5, 0, 1]
    assert [p.iteration for p in model.progress] == [0, 1, 2, 3, 4, 5, 9, 10]
    fractions = [moment.fraction for moment, _ in heard.of("stepped")]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert engine.stage_progress.clock.samples == 88


@pytest.mark.parametrize("stop", [3, 6, 7, 9, 10, 11])
def test_a_stage_is_entered_once_per_process(stop: int, tmp_path: Path) -> None:
    straight = make_engine(Staged(), tmp_path / "straight", length=8, save_every=1, keep=100)
    straight.fit()
    run = Run.create(tmp_path / "run", straight.run.recipe, Line().spec, "none")
    run.save(_checkpoint(straight.run, stop))
    model = Staged()
    again = make_engine(model, run.path, restore=True, length=8, save_every=1)
    again.fit()
    left = {3: ["one", "two", "three"], 6: ["one", "two", "three"], 7: ["two", "three"], 9: ["two", "three"]}
    assert model.events == left.get(stop, ["three"])
    same(straight.run.load(), again.run.load())


def _checkpoint(run: Run, number: int) -> Any:
    from genus.training.checkpoints import load_checkpoint

    return load_checkpoint(run.checkpoints / f"{number:08d}")


# --- what is due -------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [3, "7 iterations", "20 samples", "1.5 epochs", "0.7 seconds", None])
def test_every_depends_on_the_clock_alone(every: Any) -> None:
    def clocks(start: int, stop: int) -> list[Clock]:
        return [Clock(iteration=i, samples=8 * i, seconds=0.25 * i) for i in range(start, stop)]

    def due(start: int, stop: int) -> list[int]:
        event = Every(every, Clock(iteration=start, samples=8 * start, seconds=0.25 * start), 24)
        return [c.iteration for c in clocks(start + 1, stop) if event.due(c)]

    whole = due(0, 60)
    for split in range(1, 59):
        assert due(0, split + 1) + due(split, 60) == whole
    expected = {3: 19, "7 iterations": 8, "20 samples": 23, "1.5 epochs": 13, "0.7 seconds": 21, None: 0}
    assert len(whole) == expected[every]


# --- what is told ------------------------------------------------------------------------------


def test_log_lines(tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run", length=25, log_every=10)
    engine.fit()
    lines = list(engine.run.log_lines())
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 10, 20]
    assert all(
        line.keys() == {"iteration", "samples", "stage", "seconds", "cpu_seconds", "losses"} for line in lines
    )
    assert lines[-1]["samples"] == 160
    assert lines[0]["losses"]["fit/square"] > lines[-1]["losses"]["fit/square"] > 0


def test_callbacks_hear_everything_in_order_and_the_end_of_a_failure(tmp_path: Path) -> None:
    heard = Listener()
    hooks = Hooks(sample=lambda model, path: None, score=lambda model: {"s": 1.0})
    engine = make_engine(
        Line(), tmp_path / "run", length=2, hooks=hooks, callbacks=[heard], score_every=2, sample_every=2
    )
    engine.fit()
    names = [name for name, _, _ in heard.heard]
    step = ["stepped", "logged", "paused"]
    assert names == ["started", *step, *step, "scored", "sampled", "paused", "finished"]
    assert [(moment.iteration, model) for moment, model in heard.of("paused")] == [
        (1, engine.model), (2, engine.model), (2, engine.model),
    ]  # fmt: skip

    class Fails(Line):
        def loss(self, batch: Batch, ctx: Context) -> Terms:
            return {"l": super().loss(batch, ctx)["square"] * float("nan")}

    heard = Listener()
    engine = make_engine(Fails(), tmp_path / "bad", callbacks=[heard])
    with pytest.raises(NonFiniteError, match="no checkpoint yet"):
        engine.fit()
    assert [name for name, _, _ in heard.heard] == ["started", "failed", "finished"]


def test_tensorboard_gets_losses_and_scores(tmp_path: Path) -> None:
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", exc_type=ImportError
    )
    engine = make_engine(
        Line(), tmp_path / "run", length=3, hooks=scripted(7.0), callbacks=[TensorBoard()], score_every=3
    )
    engine.fit()
    events = accumulators.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {
        "losses/fit/square", "losses/fit/gradient", "scores/fake", "scores/other"
    }  # fmt: skip
    assert [e.step for e in events.Scalars("losses/fit/square")] == [1, 2, 3]
    assert events.Scalars("scores/fake")[0].value == 7.0


def test_the_run_says_what_it_is(tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run")
    engine.fit()
    run = Run(tmp_path / "run")
    assert (run.spec, run.fingerprint) == (Line().spec, "none")
    assert run.recipe.config == engine.run.recipe.config
    assert json.loads((run.path / "data.json").read_text())["recipe"] == run.name
