"""A run that is killed, stopped or lengthened ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genus
from genus.cli.main import main
from genus.core.errors import CheckpointError, InputError, RecipeError
from genus.training.callbacks import Callback, Moment
from genus.training.engine import Interrupted
from genus.training.interrupts import Interrupts
from genus.training.publisher import Hooks
from genus.training.run import Run
from tests.training.harness import Line, make_engine, same, timeless_log

RECIPE = """
model:
  name: gan
  generator: {name: dcgan, width: 4}
  discriminator: {name: dcgan, width: 4}
  objective: hinge
  latent: 4
  discriminator_steps: 2
optimizer: {name: adam, lr: 1e-3, betas: [0.5, 0.99]}
data: {name: digits8}
train: {length: 40, batch: 16, ema: 0.9, save_every: 7, sample_every: 1000, log_every: 1, device: cpu}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    """A small GAN with batch norm, averaged weights and two critic steps."""
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return str(path)


def start(*words: str) -> subprocess.Popen[str]:
    """A real ``genus`` process."""
    return subprocess.Popen(
        [sys.executable, "-m", "genus", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for(process: subprocess.Popen[str], run: Path, lines: int) -> None:
    """Return when the process has logged so many iterations."""
    log = run / "metrics.jsonl"
    while not log.exists() or log.read_bytes().count(b"\n") < lines:
        if process.poll() is not None:
            pytest.fail(f"ended early: {process.communicate()}")
        time.sleep(0.002)


def test_a_killed_process_leaves_no_trace(recipe: str, tmp_path: Path) -> None:
    straight = genus.train(recipe, out=tmp_path / "straight")
    out = tmp_path / "killed"
    process = start("train", recipe, "--out", str(out))
    wait_for(process, out, 9)
    process.kill()
    process.communicate()
    assert len(timeless_log(Run(out))) < 40, "it ended before it was killed"
    main(["resume", str(out)])
    same(straight.load(), Run(out).load())
    assert timeless_log(straight) == timeless_log(Run(out))


def test_six_kills_in_a_row_leave_no_trace(recipe: str, tmp_path: Path) -> None:
    straight = genus.train(recipe, out=tmp_path / "straight")
    out = tmp_path / "killed"
    crash = ["-m", "tests.training.crash", "train", recipe, str(out), "1", "8", "13", "15", "24", "36"]
    done = subprocess.run(
        [sys.executable, *crash],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    reached = json.loads(done.stdout.splitlines()[-1])
    assert len(reached) == 6
    assert max(reached) < 40, "a process ended before it was killed"
    same(straight.load(), Run(out).load())
    assert timeless_log(straight) == timeless_log(Run(out))


def test_ctrl_c_saves_and_says_how_to_go_on(recipe: str, tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    process = start("train", recipe, "train.length=100000", "train.save_every=1 hour", "--out", str(out))
    wait_for(process, out, 5)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert f"genus resume {out}" in stdout
    assert "Traceback" not in stderr
    saved = Run(out).load()
    assert saved.number == len(timeless_log(Run(out))) >= 5
    main(["resume", str(out), f"train.length={saved.number + 3}"])
    straight = genus.train(recipe, out=tmp_path / "straight", overrides=[f"train.length={saved.number + 3}"])
    same(straight.load(), Run(out).load())


class SignalAt(Callback):
    """Sends this process a signal after an iteration."""

    def __init__(self, iteration: int, number: int) -> None:
        self.iteration, self.number = iteration, number

    def stepped(self, moment: Moment) -> None:
        if moment.iteration == self.iteration:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_between_iterations(number: int, tmp_path: Path) -> None:
    straight = make_engine(Line(), tmp_path / "straight", length=9)
    straight.fit()
    engine = make_engine(Line(), tmp_path / "run", length=9, callbacks=[SignalAt(3, number)])
    handlers = signal.getsignal(number)
    with pytest.raises(Interrupted):
        engine.fit()
    assert signal.getsignal(number) is handlers
    assert engine.run.load().number == 4
    again = make_engine(Line(), tmp_path / "run", length=9, restore=True)
    again.fit()
    same(straight.run.load(), again.run.load())


def test_a_stop_in_the_last_iteration_is_the_end(tmp_path: Path) -> None:
    engine = make_engine(Line(), tmp_path / "run", length=4, callbacks=[SignalAt(3, signal.SIGINT)])
    engine.fit()
    assert engine.run.load().number == 4


def test_a_second_ctrl_c_raises_and_a_launchers_sigterm_does_not() -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.requested
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_lengthened_run_equals_a_long_one(recipe: str, tmp_path: Path) -> None:
    long = genus.train(recipe, out=tmp_path / "long", overrides=["train.length=12"])
    short = genus.train(recipe, out=tmp_path / "short", overrides=["train.length=7"])
    assert short.load().number == 7
    lengthened = genus.resume(short.path, overrides=["train.length=12"])
    same(long.load(), lengthened.load())
    assert timeless_log(long) == timeless_log(lengthened)
    assert lengthened.recipe.train.length == 12, "the folder must say what was done"


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    scores = iter([3.0, 1.0, 2.0, 0.5, 7.0])
    hooks = Hooks(score=lambda model: {"s": next(scores)})
    options: dict[str, Any] = {"length": 5, "score_every": 2, "save_every": 2}
    engine = make_engine(Line(), tmp_path / "run", hooks=hooks, **options)
    engine.fit()
    before, log = engine.run.load(), list(engine.run.log_lines())
    assert [line["scores"]["s"] for line in log if "scores" in line] == [3.0, 1.0, 2.0]
    again = make_engine(Line(), tmp_path / "run", restore=True, hooks=hooks, **options)
    again.fit()
    same(before, again.run.load())
    assert list(again.run.log_lines()) == log
    assert again.run.best == engine.run.best == {"metric": "s", "value": 1.0, "iteration": 4}


def test_a_crash_between_saving_and_marking_the_best_is_mended(tmp_path: Path) -> None:
    hooks = Hooks(score=lambda model: {"s": 1.0})
    engine = make_engine(Line(), tmp_path / "run", hooks=hooks, length=2, score_every=2)
    engine.fit()
    (engine.run.path / "best.json").unlink()
    again = make_engine(Line(), tmp_path / "run", restore=True, hooks=hooks, length=2, score_every=2)
    assert again.run.best == {"metric": "s", "value": 1.0, "iteration": 2}


def test_changed_data_are_refused(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    table = tmp_path / "points.csv"
    np.savetxt(table, rows, delimiter=",")
    model = "{name: gmm, components: 2, kmeans_passes: 1}"
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(f"model: {model}\ndata: {{path: {table}}}\ntrain: {{length: 2, device: cpu}}\n")
    run = genus.train(str(recipe), out=tmp_path / "run")
    assert genus.resume(run.path).load().number == run.load().number
    rows[3, 1] += 0.5
    np.savetxt(table, rows, delimiter=",")
    with pytest.raises(InputError, match="data have changed"):
        genus.resume(run.path)


@pytest.mark.parametrize(
    "override",
    ["model.latent=5", "model=rbm", "data=ring", "train.seed=1", "train.ema=0.5", "train.lenght=3"],
)
def test_what_is_trained_cannot_change(override: str, recipe: str, tmp_path: Path) -> None:
    run = genus.train(recipe, out=tmp_path / "run", overrides=["train.length=2"])
    before = run.recipe.to_yaml()
    with pytest.raises(RecipeError):
        genus.resume(run.path, overrides=[override])
    assert run.recipe.to_yaml() == before


def test_another_optimiser_is_refused_but_another_rate_is_not(recipe: str, tmp_path: Path) -> None:
    run = genus.train(recipe, out=tmp_path / "run", overrides=["train.length=2"])
    with pytest.raises(CheckpointError, match=r"keep optimizer\.name"):
        genus.resume(run.path, overrides=["optimizer.name=adamw", "train.length=3"])
    assert genus.resume(run.path, overrides=["optimizer.lr=0.1", "train.length=3"]).load().number == 3


def test_momentum_of_rmsprop_may_begin_when_a_run_resumes(tmp_path: Path) -> None:
    """Its first step is a plain one, since nothing is repeated yet; its second is not."""
    weights: dict[tuple[float, int], list[float]] = {}
    for momentum in (0.0, 0.9):
        for length in (3, 4):
            out = tmp_path / f"{momentum}-{length}"
            make_engine(Line(), out, optimizer="rmsprop", length=2).fit()
            optimizer = {"name": "rmsprop", "momentum": momentum}
            engine = make_engine(Line(), out, optimizer=optimizer, length=length, restore=True)
            engine.fit()
            weights[momentum, length] = [p.sum().item() for p in engine.model.parameters()]
    assert weights[0.9, 3] == weights[0.0, 3]
    assert weights[0.9, 4] != weights[0.0, 4]


def test_a_run_killed_before_its_first_checkpoint_starts_again(recipe: str, tmp_path: Path) -> None:
    straight = genus.train(recipe, out=tmp_path / "straight", overrides=["train.length=3"])
    run = genus.train(recipe, out=tmp_path / "run", overrides=["train.length=3"])
    for path in run.checkpoints.glob("*/*"):
        path.unlink()
    for path in run.checkpoints.iterdir():
        path.rmdir()
    with run.log_path.open("a") as file:
        file.write('{"iteration": 4, "los')  # cut off by the crash
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        genus.load(run.path)
    same(straight.load(), genus.resume(run.path).load())
    assert timeless_log(straight) == timeless_log(run)
