"""``genus truncate``: the curve is made of evaluations, and what cannot be truncated is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import genus
from genus.core.errors import CapabilityError, InputError
from tests.terminal import Result

TINY = ["train.length=2", "train.batch=8", "model.generator.width=4", "model.discriminator.width=4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("truncation") / "run"
    return Path(genus.train("dcgan", data="digits8", out=out, overrides=TINY).path)


def test_each_place_is_an_evaluation_with_that_truncation(run: Path, tmp_path: Path) -> None:
    curve = genus.truncation_curve(run, [2, 0.5], n=60, out=tmp_path / "curve")
    assert curve.numbers["truncation"] == [0.5, 2]
    single = genus.evaluate(run, n=60, truncation=0.5, metrics=["frechet", "neighbours"])
    for name in ("frechet", "precision", "recall", "coverage"):
        found = [curve.numbers[name][part][0] for part in ("value", "low", "high")]
        assert found == [getattr(single[name], part) for part in ("value", "low", "high")]
    assert curve.numbers["frechet"]["value"][0] != curve.numbers["frechet"]["value"][1]
    assert single.protocol.truncation == 0.5
    assert not (run / "evaluation.json").exists(), "a truncated evaluation is not the run's own"
    written = json.loads((tmp_path / "curve" / "truncation.json").read_text())
    assert written["numbers"]["truncation"] == [0.5, 2]
    assert (tmp_path / "curve" / "truncation.png").stat().st_size > 5_000


def test_a_truncated_evaluation_does_not_compare_with_a_whole_one(run: Path) -> None:
    whole = genus.evaluate(run, n=60, metrics=["frechet"])
    part = genus.evaluate(run, n=60, metrics=["frechet"], truncation=1.0)
    assert whole.protocol.differences(part.protocol) == {"truncation": (None, 1.0)}
    assert whole["frechet"].value != part["frechet"].value


def test_statistics_of_training_are_another_protocol_and_another_curve(run: Path) -> None:
    training = genus.truncation_curve(run, [0.5, 2], n=60).numbers["frechet"]["value"]
    standing = genus.truncation_curve(run, [0.5, 2], n=60, standing=True).numbers["frechet"]["value"]
    assert all(a != b for a, b in zip(training, standing, strict=True))
    one, other = (
        genus.evaluate(run, n=60, metrics=["frechet"], truncation=0.5, standing=standing)
        for standing in (False, True)
    )
    assert one.protocol.differences(other.protocol) == {"standing": (False, True)}
    assert (one["frechet"].value, other["frechet"].value) == (training[0], standing[0])


def test_refusals_come_before_work(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two or more different truncations"):
        genus.truncation_curve(run, [1, 1.0])
    with pytest.raises(InputError, match="t above 0"):
        genus.truncation_curve(run, [0, 1])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(InputError, match="choose another --out"):
        genus.truncation_curve(run, out=tmp_path / "full")
    mixture = genus.train("gmm", data="digits8", out=tmp_path / "mixture", overrides=["train.length=2"])
    for refused in (genus.truncation_curve, lambda run: genus.evaluate(run, truncation=1.0)):
        with pytest.raises(CapabilityError, match="no latent to truncate"):
            refused(mixture)


def test_the_command_prints_the_curve(run: Path, tmp_path: Path, genus_says: Callable[..., Result]) -> None:
    done = genus_says("truncate", run, "--at", "0.5,2", "-n", "60", "--out", tmp_path / "t")
    assert done.code == 0
    assert done.out.splitlines()[1].startswith("0.5 ")
    assert f"figure: {tmp_path / 't' / 'truncation.png'}" in done.out
    wrong = genus_says("truncate", run, "--at", "low,high")
    assert wrong.code == 2
    assert "numbers separated by commas" in wrong.err
