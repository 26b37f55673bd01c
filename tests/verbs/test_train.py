"""``genus train`` and what follows: stop, resume, sample, evaluate, compare, report."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genus.cli.progress import ConsoleProgress
from genus.training.run import Run
from tests.terminal import Result

Says = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("folder")


def test_from_training_to_report(genus_says: Says, folder: Path) -> None:
    said = genus_says("train", "tiny.yaml", "--out", "one")
    assert said.code == 0
    assert "trained: one" in said.out
    assert Run("one").load().number == 6

    assert genus_says("resume", "one", "train.length=9").code == 0
    assert Run("one").load().number == 9
    assert [line["iteration"] for line in Run("one").log_lines()] == list(range(1, 10))

    _samples(genus_says, folder)

    evaluation = json.loads(genus_says("evaluate", "one", "--json").out)
    assert json.loads((folder / "one" / "evaluation.json").read_text()) == evaluation
    names = [score["name"] for score in evaluation["scores"]]
    assert {"frechet", "kid", "precision", "coverage"} <= set(names)

    genus_says("train", "tiny.yaml", "--out", "two", "train.seed=1")
    table = genus_says("compare", "one", "two").out  # measures the second itself
    assert table.splitlines()[0].split() == ["one", "two", "real", "mixture", "best", "−", "second"]
    assert [line.split()[0] for line in table.splitlines()[1:]] == names
    rows = json.loads(genus_says("compare", "one", "two", "--json").out)
    assert {row["name"]: row["scores"]["one"]["value"] for row in rows} == {
        score["name"]: score["value"] for score in evaluation["scores"]
    }

    assert genus_says("report", "one").out == "one/report.html\n"
    page = (folder / "one" / "report.html").read_text(encoding="utf-8")
    assert all(f"<td>{name}</td>" in page for name in names)
    assert f"<b>{evaluation['scores'][0]['value']:.4g}</b>" in page
    outside = r"""(src|href)=(?!["']?(data:|#))|@import|url\((?!["']?(data:|#))"""
    assert not re.search(outside, page)

    genus_says("resume", "one", "train.length=10")
    assert not (folder / "one" / "evaluation.json").exists()  # it was of another model


def _samples(genus_says: Says, folder: Path) -> None:
    assert genus_says("sample", "one", "-n", 20, "--out", "sheets/a.png").out == "sheets/a.png\n"
    with Image.open(folder / "sheets" / "a.png") as sheet:
        assert sheet.mode == "L"
    genus_says("sample", "one", "-n", 3, "--label", "7", "--out", "sevens.npy")
    genus_says("sample", "one", "-n", 10, "--out", "all.npy")
    sevens, every = np.load("sevens.npy"), np.load("all.npy")
    assert sevens.shape == (3, 1, 8, 8)
    assert 0 <= sevens.min() <= sevens.max() <= 1
    assert not np.array_equal(sevens[0], every[0])  # the same noise, another class
    genus_says("sample", "one", "-n", 2, "--out", "files")
    assert sorted(path.name for path in (folder / "files").iterdir()) == ["00000.png", "00001.png"]
    for words, lesson in {
        ("--label", "eight"): "label 'eight': the classes are 0, 1, 2",
        ("--label", "10"): "the classes are 0, 1, 2",
        ("-n", "0"): "ask for at least one sample",
        ("--out", "a.jpg"): "write a .png sheet, a .npy array, or name a folder",
        ("--out", "tiny.yaml/a.png"): "cannot be written",
    }.items():
        said = genus_says("sample", "one", *words)
        assert (said.code, lesson in said.err) == (2, True), said


def test_a_run_is_not_overwritten(genus_says: Says) -> None:
    genus_says("train", "tiny.yaml", "--out", "one", "train.length=1")
    said = genus_says("train", "tiny.yaml", "--out", "one")
    assert said.code == 2
    assert "genus resume one" in said.err
    said = genus_says("resume", "one", "model.latent=8")
    assert said.code == 2
    assert "only train.* and optimizer.* can change" in said.err


def test_runs_are_numbered(genus_says: Says, folder: Path) -> None:
    for _ in range(2):
        genus_says("train", "tiny.yaml", "train.length=1")
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["tiny-1", "tiny-2"]


def test_ctrl_c_saves_and_says_how_to_go_on(genus_says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    stepped = ConsoleProgress.stepped

    def interrupted(self: ConsoleProgress, moment: Any) -> None:
        stepped(self, moment)
        if moment.iteration == 4:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ConsoleProgress, "stepped", interrupted)
    said = genus_says("train", "tiny.yaml", "--out", "one")
    assert said.code == 1
    assert "stopped and saved; continue with: genus resume one" in said.out
    assert Run("one").load().number in (4, 5)
    monkeypatch.undo()


def test_work_that_fails_exits_with_1(genus_says: Says, folder: Path) -> None:
    genus_says("train", "tiny.yaml", "--out", "one", "train.length=1")
    shutil.rmtree(folder / "one" / "checkpoints" / "00000001")
    for verb in ("sample", "evaluate"):
        said = genus_says(verb, "one")
        assert (said.code, "has no checkpoint" in said.err) == (1, True)


def test_length_in_seconds(genus_says: Says) -> None:
    assert genus_says("train", "tiny.yaml", "train.length=2 seconds", "--out", "one").code == 0
    assert Run("one").recipe.train.length == "2 seconds"
    clock = Run("one").load().state["clock"]
    assert clock["seconds"] >= 2  # the clock of the run, which counts training alone
    assert clock["iteration"] > 6
