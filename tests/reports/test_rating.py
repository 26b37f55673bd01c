"""Rating pages: blind, self-contained, and read back with an interval."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genus.core.errors import InputError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.intervals import mean_interval, wilson
from genus.reports.rating import analyse_ratings, write_rating_page

SPEC = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0), levels=17))


def page(folder: Path, n: int = 40) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    real, fake = rng.random((2, n, 1, 8, 8), dtype=np.float32)
    text = write_rating_page(folder, real, fake, SPEC, seed=3).read_text()
    assert "http" not in text.replace("http-equiv", "")
    assert "real_left" not in text  # nothing tells which is which
    block = re.search(r"id='pairs'>(.*?)</script>", text, re.S)
    assert block
    return json.loads(block[1])


def rater(folder: Path, number: int, wrong: int, n: int = 40) -> Path:
    key = json.loads((folder / "key.json").read_text())
    sides = ["left" if left else "right" for left in key["real_left"][:n]]
    other = {"left": "right", "right": "left"}
    choices = [other[side] if i < wrong else side for i, side in enumerate(sides)]
    path = folder / f"rater-{number}.json"
    path.write_text(json.dumps({"page": key["page"], "choices": choices, "seconds": [2.0] * n}))
    return path


def test_the_page_holds_every_pair_on_either_side(tmp_path: Path) -> None:
    shown = page(tmp_path)
    key = json.loads((tmp_path / "key.json").read_text())
    assert len(shown["pairs"]) == len(key["real_left"]) == 40
    assert 10 < sum(key["real_left"]) < 30
    assert shown["page"] == key["page"]


def test_one_rater_has_wilsons_interval(tmp_path: Path) -> None:
    page(tmp_path)
    found = analyse_ratings(tmp_path / "key.json", [rater(tmp_path, 0, wrong=10)])
    assert (found.fooling_rate, found.n, found.raters, found.seconds) == (0.25, 40, 1, 2.0)
    assert (found.low, found.high) == wilson(10, 40)


def test_several_raters_have_students_interval_and_may_stop_early(tmp_path: Path) -> None:
    page(tmp_path)
    files = [rater(tmp_path, 0, 20), rater(tmp_path, 1, 10), rater(tmp_path, 2, 6, n=20)]
    found = analyse_ratings(tmp_path / "key.json", files)
    assert found.fooling_rate == pytest.approx((0.5 + 0.25 + 0.3) / 3)
    assert (found.low, found.high) == pytest.approx(mean_interval([0.5, 0.25, 0.3]))
    assert found.n == 100


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    page(tmp_path / "one")
    page(tmp_path / "two", n=30)
    with pytest.raises(InputError, match="not results of the page"):
        analyse_ratings(tmp_path / "one" / "key.json", [rater(tmp_path / "two", 0, 1, n=30)])
    (tmp_path / "bad.json").write_text("[1")
    with pytest.raises(InputError, match="not a results file"):
        analyse_ratings(tmp_path / "one" / "key.json", [tmp_path / "bad.json"])
    with pytest.raises(InputError, match="cannot be read"):
        analyse_ratings(tmp_path / "one" / "key.json", [tmp_path / "missing.json"])
    with pytest.raises(InputError, match="needs pairs"):
        write_rating_page(
            tmp_path, np.zeros((2, 1, 8, 8), np.float32), np.zeros((1, 1, 8, 8), np.float32), SPEC
        )
