"""Two ranks do what one process does on the same global batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import genus
from genus.training.checkpoints import Checkpoint
from genus.training.run import Run

ROOT = Path(__file__).parents[2]
RECIPE = """
model:
  name: gan
  generator: {name: dcgan, width: 4, norm: none}
  discriminator: {name: dcgan, width: 4, norm: none}
  objective: wasserstein
  penalties: [{name: gradient-penalty, weight: 10}]
  discriminator_steps: 3
  latent: 4
optimizer: {name: adam, lr: 1e-3, betas: [0.0, 0.9], eps: 1e-5}
data: {name: digits8}
train: {length: 5, batch: 24, ema: 0.9, save_every: 2, sample_every: 1000, log_every: 1, device: cpu}
"""


def on_two_ranks(*words: str) -> None:
    """Run a module on two processes of this machine."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node",
            "2",
            "-m",
            *words,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def distance(a: Checkpoint, b: Checkpoint) -> float:
    """Largest difference of any weight or average."""
    assert a.number == b.number
    return max(
        float((a.tensors[stem][name].double() - b.tensors[stem][name].double()).abs().max())
        for stem in ("model", "ema")
        for name in a.tensors[stem]
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Run]:
    """WGAN-GP with double backward and three critic steps, trained in one process."""
    folder = tmp_path_factory.mktemp("alone")
    recipe = folder / "wgan.yaml"
    recipe.write_text(RECIPE)
    return str(recipe), genus.train(str(recipe), out=folder / "run")


def test_two_ranks_equal_one_process(alone: tuple[str, Run], tmp_path: Path) -> None:
    recipe, run = alone
    on_two_ranks("genus", "train", recipe, "--out", str(tmp_path / "run"))
    both = Run(tmp_path / "run")
    assert distance(run.load(), both.load()) <= 1e-6
    for ours, theirs in zip(run.log_lines(), both.log_lines(), strict=True):
        assert ours["samples"] == theirs["samples"]
        for name, value in ours["losses"].items():
            assert theirs["losses"][name] == pytest.approx(value, abs=1e-4)


def test_accumulation_equals_one_batch(alone: tuple[str, Run], tmp_path: Path) -> None:
    recipe, run = alone
    parts = genus.train(recipe, out=tmp_path / "parts", overrides=["train.accumulate=4"])
    assert distance(run.load(), parts.load()) <= 1e-6
    other = genus.train(recipe, out=tmp_path / "other", overrides=["train.batch=23"])
    assert distance(run.load(), other.load()) > 1e-4, "the distance would not notice anything"


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each rank found in tests/training/ranks.py."""
    folder = tmp_path_factory.mktemp("ranks")
    on_two_ranks("tests.training.ranks", str(folder))
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1)]


def test_not_a_number_on_one_rank_stops_both(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["nan"].startswith("NonFiniteError: iteration 3, phase 'fit': the term 'square' is nan")
    assert ranks[0]["nan weights"] == ranks[1]["nan weights"]


def test_ranks_draw_distinct_noise(ranks: list[dict[str, Any]]) -> None:
    assert not set(ranks[0]["noise"]) & set(ranks[1]["noise"])


def test_unused_parameters_are_left_alone(ranks: list[dict[str, Any]]) -> None:
    assert [rank["unused"] for rank in ranks] == [[1.0, 1.0, 1.0]] * 2


def test_ranks_share_one_clock(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0]["timed"] == ranks[1]["timed"]
    assert ranks[0]["timed weights"] == ranks[1]["timed weights"]
    assert ranks[0]["timed"][1] >= 0.3


def test_a_signal_to_one_rank_stops_both(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        kind, iteration, saved = rank["stopped"]
        assert kind.startswith("Interrupted")
        assert iteration == saved < 1000
    assert ranks[0]["stopped"] == ranks[1]["stopped"]


def test_early_stopping_is_common(ranks: list[dict[str, Any]]) -> None:
    assert [rank["scored"] for rank in ranks] == [3, 3]


def test_sums_over_ranks_keep_float64(ranks: list[dict[str, Any]]) -> None:
    assert [rank["sum"] for rank in ranks] == [2e9 + 2.0] * 2


def test_phases_that_need_the_whole_batch_are_refused(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["whole batch"].startswith("RecipeError: phase 'generator' needs its whole batch at once")
        assert "one process" in rank["whole batch"]
