"""genus features, evaluate --features, compare --features."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import genus
from tests.terminal import Result

Says = Callable[..., Result]
TINY = ("train.length=6 epochs", "model.encoder.width=8", "train.device=cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two mixtures and a feature network."""
    folder = tmp_path_factory.mktemp("features")
    for number in (1, 2):
        genus.train(
            "gmm", data="digits8", out=folder / f"mixture-{number}", overrides=[f"train.seed={number}"]
        )
    genus.train_features("digits8", out=folder / "net.safetensors", run=folder / "net", overrides=TINY)
    return folder


def test_train_says_how_good_the_network_is(
    genus_says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = genus_says("features", "train", "digits8", *TINY, "--out", "net.safetensors")
    assert said.code == 0
    assert "10 classes of digits8, test accuracy " in said.out
    assert "of 180 examples; trained in runs/classifier-1" in said.out
    assert "samples in" not in said.out  # a classifier draws none
    assert "next: genus evaluate RUN --features net.safetensors" in said.out
    said = genus_says("features", "export", "runs/classifier-1", "--out", "again.safetensors")
    assert said.code == 0
    assert (tmp_path / "again.safetensors").is_file()


def test_evaluate_in_a_network_of_one_s_own(genus_says: Says, place: Path) -> None:
    run = place / "mixture-1"
    said = genus_says("evaluate", run, "-n", 60, "--features", place / "net.safetensors", "--json")
    found = json.loads(said.out)
    assert found["protocol"]["features"] == "trained on digits8"
    scores = {score["name"]: score for score in found["scores"]}
    assert {"frechet", "classes-drawn", "inception-score", "class-divergence"} <= set(scores)
    assert "test accuracy" in scores["frechet"]["note"]
    assert scores["classes-drawn"]["value"] >= 5
    assert not (run / "evaluation.json").exists()


def test_evaluate_in_random_features(genus_says: Says, place: Path) -> None:
    said = genus_says("evaluate", place / "mixture-1", "-n", 60, "--features=random", "--json")
    found = json.loads(said.out)
    assert found["protocol"]["features"] == "random"
    names = [score["name"] for score in found["scores"]]
    assert "frechet" in names
    assert "classes-drawn" not in names


def test_compare_measures_anew(genus_says: Says, place: Path) -> None:
    runs = [place / "mixture-1", place / "mixture-2"]
    for run in runs:
        (run / "evaluation.json").write_text("{}")  # not looked at
    said = genus_says("compare", *runs, "--features", "random", "--json")
    assert said.code == 0
    rows = {row["name"]: row for row in json.loads(said.out)}
    assert "features: random" in next(iter(rows["frechet"]["scores"].values()))["note"]
    for run in runs:
        assert (run / "evaluation.json").read_text() == "{}"
        (run / "evaluation.json").unlink()


@pytest.mark.parametrize(
    ("words", "lesson"),
    [
        ("evaluate mixture-1 --features radom", "did you mean 'random'?"),
        ("evaluate mixture-1 --features nowhere.safetensors", "there is no feature network"),
        ("evaluate mixture-1 --features inception", "set GENUS_INCEPTION to the file"),
        ("evaluate mixture-1 --features mixture-1/recipe.yaml", "no usable feature network"),
        ("compare mixture-1 mixture-2 --features radom", "did you mean 'random'?"),
        ("features train rign", "did you mean 'ring'?"),
        ("features train digits8 model.featurs=3", "did you mean 'features'?"),
        ("features train digits8 --out net.safetensors", "exists"),
        ("features export mixture-1 --out new.safetensors", "holds no feature network"),
        ("features export net train.length=3 --out new.safetensors", "'train.length=3' is one word too many"),
    ],
)
def test_mistakes_are_explained(
    genus_says: Says, place: Path, words: str, lesson: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.delenv("GENUS_INCEPTION", raising=False)
    result = genus_says(*words.split())
    assert result.code == 2
    assert lesson in result.err
    assert not (place / "runs").exists()
