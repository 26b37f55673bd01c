"""Suites: checked before anything trains, resumed, never mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import genus
from genus.bench import execute
from genus.bench.execute import RESULT, Result
from genus.bench.suite import load_suite, suite_cells, suite_files
from genus.core.errors import DataError, InputError, RecipeError
from genus.data.digits import digits8

TINY: dict[str, Any] = {
    "recipes": [{"recipe": "gmm", "name": "few", "set": ["model.components=2", "model.axes=4"]}],
    "data": "digits8",
    "seeds": 1,
    "budget": 40,
    "samples": 50,
}


@pytest.mark.parametrize("name", sorted(suite_files()))
def test_every_suite_binds(name: str, tmp_path: Path):
    _, suite = load_suite(name)
    assert suite.summary
    assert len(suite_cells(suite, tmp_path)) >= len(suite.recipes) * len(suite.seeds)


def test_cells_are_recipes_times_data_times_seeds(tmp_path: Path):
    _, suite = load_suite(
        {**TINY, "recipes": ["gmm", "vae"], "data": ["digits8", "digits28"], "seeds": [3, 5]}
    )
    cells = suite_cells(suite, tmp_path)
    assert [(c.entry, c.data, c.seed) for c in cells[:4]] == [
        ("gmm", "digits8", 3), ("vae", "digits8", 3), ("gmm", "digits28", 3), ("vae", "digits28", 3),
    ]  # fmt: skip
    assert len({cell.folder for cell in cells}) == 8
    assert {cell.recipe.train.length for cell in cells} == {40}
    assert [cell.recipe.train.seed for cell in cells] == [3] * 4 + [5] * 4


def test_varied_entries_are_all_combinations(tmp_path: Path):
    entry = {
        "recipe": "gmm",
        "set": "model.axes=4",
        "vary": [
            {"few": "model.components=2", "many": ["model.components=9"]},
            {"": [], "fast": "train.batch=7"},
        ],
    }
    cells = suite_cells(load_suite({**TINY, "recipes": [entry]})[1], tmp_path)
    found = {c.entry: (c.recipe.config["model"]["components"], c.recipe.train.batch) for c in cells}
    plain = cells[0].recipe.train.batch
    assert found == {"few": (2, plain), "few fast": (2, 7), "many": (9, plain), "many fast": (9, 7)}
    assert {cell.recipe.config["model"]["axes"] for cell in cells} == {4}


def test_a_part_of_the_data_is_measured_against_all_of_them(tmp_path: Path):
    part = {**TINY, "set": ["data.holdout=0.9"], "metrics": ["frechet"]}
    genus.benchmark(part, out=tmp_path / "alone")
    genus.benchmark({**part, "against": "digits8"}, out=tmp_path / "against")
    few, everything = (
        json.loads((tmp_path / out / "digits8" / "few" / "seed-0" / RESULT).read_text())["evaluation"][
            "protocol"
        ]
        for out in ("alone", "against")
    )
    assert (few["num_reference"], everything["num_reference"]) == (180, 1617)
    assert everything["fingerprint"] == digits8().fingerprint != few["fingerprint"]


def test_distances_are_measured_in_the_features_of_the_suite(tmp_path: Path):
    (board,) = genus.benchmark(
        {**TINY, "features": "random", "metrics": ["frechet"]}, out=tmp_path / "random"
    )
    (other,) = genus.benchmark({**TINY, "metrics": ["frechet"]}, out=tmp_path / "default")
    assert board.lines[0].means["frechet"].value != other.lines[0].means["frechet"].value
    result = json.loads((tmp_path / "random" / "digits8" / "few" / "seed-0" / RESULT).read_text())
    assert "random" in result["evaluation"]["protocol"]["features"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": ["gmm"]}, "did you mean 'recipes'"),
        ({"recipes": []}, "at least 1"),
        ({"recipes": [{"recipe": "gmm", "sett": ["a=1"]}]}, "did you mean 'set'"),
        ({"recipes": [{"recipe": "gmm", "vary": {"a": []}}]}, "list of mappings"),
        ({"recipes": [{"recipe": "gmm", "name": "b", "vary": [{"a": []}]}]}, "in place of one name"),
        ({"budget": "3 moons"}, "moons"),
        ({"budget": True}, "a number is wanted"),
        ({"seeds": True}, "seeds"),
        ({"seeds": [0, True]}, "a number is wanted"),
        ({"samples": True}, "a number is wanted"),
        ({"features": "pixel"}, "did you mean 'pixels'"),
        ({"recipes": ["gmm", "gmm"]}, "give one another 'name'"),
    ],
)
def test_wrong_suites_are_explained(change: dict[str, Any], words: str, tmp_path: Path):
    with pytest.raises(InputError, match=words):
        genus.benchmark({**TINY, **change}, out=tmp_path)
    assert not list(tmp_path.rglob("recipe.yaml"))


def test_features_that_are_not_installed_fail_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("GENUS_INCEPTION", raising=False)
    with pytest.raises(InputError, match="set GENUS_INCEPTION to the file"):
        genus.benchmark({**TINY, "features": "inception"}, out=tmp_path)
    assert not list(tmp_path.rglob("recipe.yaml"))


def test_data_with_too_few_examples_to_measure_by_fail_before_training(tmp_path: Path):
    few = {**TINY, "set": ["data.holdout=0.001"]}
    with pytest.raises(DataError, match=r"have 1795 and 2: bring more, or hold back another share"):
        genus.benchmark(few, out=tmp_path / "few")
    assert not list(tmp_path.rglob("recipe.yaml"))
    one = {**few, "recipes": ["singan"]}  # learns from one image, and is measured by others
    execute._check_measurable(suite_cells(load_suite(one)[1], tmp_path), None)
    execute._check_measurable(suite_cells(load_suite(few)[1], tmp_path), "digits8")


@pytest.mark.parametrize(
    ("cores", "devices", "expected"),
    [(4, ["auto", "cpu"], 4), (2, ["auto"] * 5, 2), (1, ["cpu"] * 3, 1), (4, ["cpu", "cuda", "cpu"], 1)],
)
def test_a_core_trains_one_model_and_a_gpu_one_at_a_time(
    cores: int, devices: list[str], expected: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(execute, "_cores", lambda: cores)
    entries = [{"recipe": "gmm", "name": f"{i}", "set": [f"train.device={d}"]} for i, d in enumerate(devices)]
    cells = suite_cells(load_suite({"recipes": entries})[1], Path("anywhere"))
    assert execute.trainings_at_a_time(cells) == expected
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert execute.trainings_at_a_time(cells) == (1 if "auto" in devices or "cuda" in devices else expected)


def test_wrong_recipes_fail_before_training(tmp_path: Path):
    with pytest.raises(RecipeError, match="componets"):
        genus.benchmark(
            {**TINY, "recipes": ["gmm", {"recipe": "vae", "set": ["model.componets=1"]}]}, out=tmp_path
        )
    with pytest.raises(InputError, match="did you mean 'quick'"):
        genus.benchmark("quik", out=tmp_path)
    assert not list(tmp_path.rglob("recipe.yaml"))


def test_a_suite_runs_continues_grows_and_is_not_mixed(tmp_path: Path):
    seen: list[Result] = []

    def listen(result: Result, done: int, total: int) -> None:
        seen.append(result)

    first = genus.benchmark(TINY, out=tmp_path, progress=listen)[0]
    assert [line.entry for line in first.lines] == ["few"]
    assert first.lines[0].means["frechet"].value > 0
    assert first.lines[0].memory > 50
    kept = tmp_path / "digits8" / "few" / "seed-0" / RESULT
    before = kept.stat().st_mtime_ns
    grown = {
        **TINY,
        "seeds": 2,
        "recipes": [*TINY["recipes"], {"recipe": "rbm", "set": ["optimizer.lr=1e30"]}],
    }
    again = genus.benchmark(grown, out=tmp_path, processes=2, progress=listen)[0]
    assert kept.stat().st_mtime_ns == before  # finished work is kept
    few = again.lines[0]
    assert len(few.means["frechet"].values) == 2
    assert few.means["frechet"].values[0] == first.lines[0].means["frechet"].value
    assert [r.seed for r in seen if r.entry == "few"] == [0, 0, 1]
    broken = again.lines[1]  # a training that fails is a line of the table, not the end of it
    assert broken.failed or broken.means["frechet"].value > few.means["frechet"].value
    assert json.loads((tmp_path / "leaderboard.json").read_text())[0]["data"] == "digits8"
    with pytest.raises(InputError, match="choose another --out"):
        genus.benchmark({**TINY, "budget": 50}, out=tmp_path)
