"""Leaderboards against statistics done by hand and by scipy."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from genus.bench.board import Board, convergence, make_boards, welch_interval
from genus.bench.execute import Result
from genus.bench.show import figure_png, markdown, write_boards
from genus.core.errors import ProtocolError
from genus.metrics.evaluate import Evaluation
from genus.metrics.protocol import Protocol
from genus.metrics.score import Score


def protocol(seed: int = 0) -> Protocol:
    return Protocol(
        data="d", fingerprint="f", levels=None, reference="train", num_reference=10, num_samples=10,
        likelihood="test", num_likelihood=10, features="x", features_fingerprint="", seed=seed,
    )  # fmt: skip


def result(entry: str, seed: int, frechet: float | None, *, data: str = "d", stamp: int = 0) -> Result:
    evaluation = None
    if frechet is not None:
        how = protocol(stamp)
        score = Score(
            name="frechet", value=frechet, low=frechet - 0.5, high=frechet + 0.5, n=10, better="lower",
            floor=0.1, baseline=9.0, protocol=how.hash,
        )  # fmt: skip
        evaluation = Evaluation(protocol=how, scores=[score])
    error = "" if frechet is not None else "a loss is not finite"
    return Result(
        entry=entry, data=data, seed=seed, folder=Path("x"), evaluation=evaluation, error=error,
        seconds=10.0 + seed, samples=1000, memory=100.0 * (1 + seed),
    )  # fmt: skip


def board() -> Board:
    rows = [result("good", s, v) for s, v in enumerate((1.0, 1.2, 1.4))]
    rows += [result("same", s, v) for s, v in enumerate((1.3, 1.5, 1.1))]
    rows += [result("bad", s, v) for s, v in enumerate((5.0, 5.5, None))]
    return make_boards(rows)[0]


def test_means_and_intervals_over_seeds():
    good = board().lines[0]
    assert good.entry == "good"
    mean = good.means["frechet"]
    assert mean.value == pytest.approx(1.2)
    assert mean.spread == pytest.approx(0.2)
    half = stats.t.ppf(0.975, 2) * 0.2 / math.sqrt(3)
    assert (mean.low, mean.high) == (pytest.approx(1.2 - half), pytest.approx(1.2 + half))
    assert mean.sampling == pytest.approx(0.5)
    assert (good.seconds, good.memory) == (11.0, 300.0)


def test_ranking_says_what_is_not_significant():
    lines = board().lines
    assert [(line.entry, line.rank, line.tied) for line in lines] == [
        ("good", 1, None), ("same", 2, True), ("bad", 3, False),
    ]  # fmt: skip
    assert lines[2].failed == {2: "a loss is not finite"}


def test_welch_agrees_with_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 5), rng.normal(1, 3, 4)
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert welch_interval(list(a), list(b)) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert welch_interval([1.0], [2.0, 3.0]) == (-math.inf, math.inf)


def test_one_seed_has_no_interval_over_seeds_and_no_ties():
    one = make_boards([result("a", 0, 1.0), result("b", 0, 2.0)])[0]
    assert [line.tied for line in one.lines] == [None, None]
    assert "1 (0.5)" in markdown(one)
    assert "±" not in markdown(one).split("\n\n")[1]
    assert (
        json.loads(json.dumps(one.to_json(), allow_nan=False))["lines"][0]["means"]["frechet"]["low"] is None
    )


def test_unlike_protocols_are_refused():
    with pytest.raises(ProtocolError, match="seed: 0 against 1"):
        make_boards([result("a", 0, 1.0), result("b", 0, 2.0, stamp=1)])


def test_each_data_set_has_its_table(tmp_path: Path):
    boards = make_boards([result("a", 0, 1.0), result("a", 0, 2.0, data="other")])
    assert [one.data for one in boards] == ["d", "other"]
    files = write_boards(tmp_path, "name", "a <b>", boards)
    assert {path.suffix for path in files} == {".json", ".md", ".html", ".png"}
    page = (tmp_path / "leaderboard.html").read_text()
    assert "a &lt;b&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert figure_png(boards)[:4] == b"\x89PNG"


def test_convergence_is_when_the_score_stays_good():
    assert math.isnan(convergence([(1.0, 3.0)]))
    assert convergence([(0.2, 10.0), (0.4, 2.0), (0.6, 8.0), (0.8, 1.0), (1.0, 1.1)]) == 0.8
    assert convergence([(0.5, 1.0), (1.0, 1.0)]) == 0.5
    assert convergence([(0.5, 1.0), (1.0, 9.0)]) == 1.0


def test_nothing_measured_is_still_a_table():
    empty = make_boards([result("a", 0, None)])[0]
    assert empty.columns == []
    assert "1 failed" in markdown(empty)
