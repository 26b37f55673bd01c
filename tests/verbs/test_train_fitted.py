"""``genus train`` on data that a recipe was not written for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genus.training.run import Run
from tests.terminal import Result

Says = Callable[..., Result]

SHORT = ("train.length=2", "train.batch=8", "train.score_every=null")


@pytest.mark.filterwarnings("default::genus.core.recipe.RecipeNote")
def test_unlabelled_tables_train_with_the_default_recipe(
    genus_says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(40, 3)).round(4)
    text = "\n".join(",".join(map(str, row)) for row in rows.tolist())
    Path("t.csv").write_text(f"a,b,c\n{text}\n", encoding="utf-8")
    said = genus_says("train", "--data", "t.csv", *SHORT, "--out", "one")
    assert said.code == 0
    assert "genus: default is fitted to the data: " in said.err
    config = Run("one").recipe.config["model"]
    assert (config["generator"]["name"], config["conditioning"]) == ("mlp", None)
    assert genus_says("resume", "one", "train.length=3").code == 0
    measures = 5  # a pass over 36 rows in batches of 8 measures their scale
    assert Run("one").load().number == measures + 3
