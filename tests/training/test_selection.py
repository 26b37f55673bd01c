"""The best checkpoint is chosen by examples held back from training and by samples of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genus
from genus import assembly
from genus.core.errors import RecipeError
from genus.core.train_settings import TrainSettings
from genus.data.held_back import hold_back
from genus.metrics import quick
from genus.metrics.quick import quick_reference, quick_scores
from genus.saved_runs import evidence
from genus.training.devices import launch
from genus.training.run import Run
from tests.tiny import tiny_config

SETTINGS: dict[str, Any] = {"length": 4, "score_every": 2, "score_samples": 20}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return genus.train(
        tiny_config("realnvp", **SETTINGS, patience=5), out=tmp_path_factory.mktemp("a") / "run"
    )


def test_what_is_held_back_is_neither_trained_on_nor_tested_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def spy(train: Any, held_out: Any, **options: Any) -> Any:
        seen.extend([train, held_out])
        return quick_reference(train, held_out, **options)

    monkeypatch.setattr(quick, "quick_reference", spy)
    recipe = genus.show(tiny_config("realnvp", **SETTINGS, patience=5))
    dataset = assembly.open_data(recipe)
    model = assembly.build_model(recipe, dataset.spec)
    fabric = launch("cpu")
    run = Run.create(tmp_path / "run", recipe, dataset.spec, dataset.fingerprint)
    engine = assembly.make_engine(run, recipe, model, dataset, fabric)
    held = hold_back(dataset.train)[1]
    assert [len(source) for source in seen] == [len(held)] * 2
    assert len(engine.source) == len(dataset.train) - len(held)
    assert np.array_equal(seen[0].indices, held.indices)  # type: ignore[attr-defined]


def test_without_patience_everything_is_trained_on() -> None:
    settings = TrainSettings(length=4, score_every=2)
    source: Any = object()
    assert assembly.split_for_selection(source, settings) == (source, None)


def test_patience_without_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"set train\.score_every, too"):
        genus.train(tiny_config("realnvp", patience=5), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_live_samples_are_not_those_of_an_evaluation(patient: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = evidence(patient, n=20)
    drawn: list[torch.Tensor] = []
    draw = quick.draw

    def spy(*arguments: Any, **options: Any) -> torch.Tensor:
        drawn.append(draw(*arguments, **options))
        return drawn[-1]

    monkeypatch.setattr(quick, "draw", spy)
    reference = quick_reference(found.real.train, found.real.test, data_name="digits8")
    quick_scores(found.model, reference, n=20)
    assert drawn
    assert not (drawn[0] == found.generated.values).flatten(1).all(1).any()


def test_each_score_says_what_was_selected_on(patient: Run, tmp_path: Path) -> None:
    scores = genus.evaluate(patient, n=20, metrics=["likelihood", "frechet"]).scores
    assert scores
    best = patient.best
    assert best is not None
    held = len(hold_back(assembly.open_data(patient.recipe).train)[1])
    says = (
        f"checkpoint {best['iteration']} chosen among others by its nll_per_dim on {held} examples held back"
    )
    assert all(says in score.note for score in scores)
    latest = genus.evaluate(patient, n=20, metrics=["frechet"], checkpoint="latest").scores
    assert not any("chosen among others" in score.note for score in latest)
    watched = genus.train(tiny_config("realnvp", **SETTINGS), out=tmp_path / "run")
    best_of = genus.evaluate(watched, n=20, metrics=["frechet"], checkpoint="best").scores
    assert all("nll_per_dim on test examples, so it is optimistic" in score.note for score in best_of)


@pytest.mark.parametrize("before", [None, 5])
def test_a_run_keeps_what_it_holds_back(before: int | None, patient: Run, tmp_path: Path) -> None:
    run = patient if before else genus.train(tiny_config("realnvp", **SETTINGS), out=tmp_path / "run")
    with pytest.raises(RecipeError, match="held back from training"):
        genus.resume(run, overrides=[f"train.patience={'null' if before else 5}"])
    if before:
        genus.resume(run, overrides=["train.patience=7"])
