"""The doctor's board (benchmarks/doctor.py): every case can still be trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.doctor import CASES, QUIET, Case

from genus.core.recipe import load_recipe
from tests.tiny import tiny_engine


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_every_case_of_the_board_begins(case: Case, tmp_path: Path) -> None:
    recipe = load_recipe(case.recipe, [*QUIET, *case.overrides])
    tiny_engine(recipe.config, tmp_path / "run")  # refuses what cannot be trained
