"""``genus steps`` and the choice of a sampler: evaluations at equal calls, and what cannot be chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import genus
from genus.core.errors import CapabilityError, InputError
from tests.terminal import Result

NETWORK = "model.network={name: residual-mlp, width: 8, blocks: 1}"
TINY = ["train.length=3", "train.batch=20", "train.device=cpu", "data.n=200", "model.features=8", NETWORK]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusion model of 2-D points that is guided without a classifier."""
    out = tmp_path_factory.mktemp("steps") / "run"
    guided = ["model.conditional=true", "model.guidance={scale: 2.0, condition_dropout: 0.1}"]
    return Path(genus.train("edm@vectors", data="ring", out=out, overrides=[*TINY, *guided]).path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of 20 discrete steps that nothing guides."""
    out = tmp_path_factory.mktemp("steps") / "plain"
    discrete = ["model.num_steps=20", "model.sampling_steps=10", "model.bound_steps=5"]
    return Path(genus.train("ddpm-toy", out=out, overrides=[*TINY, *discrete]).path)


def test_each_place_is_an_evaluation_with_that_sampler(run: Path, tmp_path: Path) -> None:
    curve = genus.steps_curve(run, [3, 6], samplers=["ddim", "heun"], n=60, out=tmp_path / "curve")
    assert curve.numbers["sampler and steps"] == ["ddim 3", "ddim 6", "heun 3", "heun 6"]
    # two networks guide; Heun calls twice a step, but in the last
    assert curve.numbers["model-calls"]["value"] == [6, 12, 10, 22]
    single = genus.evaluate(run, n=60, sampler="heun", steps=3, metrics=["frechet", "neighbours"])
    for name in ("frechet", "precision", "recall", "coverage"):
        found = [curve.numbers[name][part][2] for part in ("value", "low", "high")]
        assert found == [getattr(single[name], part) for part in ("value", "low", "high")]
    assert len(set(curve.numbers["frechet"]["value"])) == 4
    assert not (run / "evaluation.json").exists(), "an evaluation by another sampler is not the run's own"
    written = json.loads((tmp_path / "curve" / "steps.json").read_text())
    assert written["numbers"]["sampler and steps"] == curve.numbers["sampler and steps"]
    assert (tmp_path / "curve" / "steps.png").stat().st_size > 5_000


def test_another_sampler_is_another_protocol(run: Path) -> None:
    own = genus.evaluate(run, n=60, metrics=["frechet"])
    other = genus.evaluate(run, n=60, metrics=["frechet"], sampler="ddim", steps=4, guidance=1.0)
    assert own.protocol.differences(other.protocol) == {
        "sampler": ("", "ddim"), "steps": (None, 4), "guidance": (None, 1.0),
    }  # fmt: skip
    assert not {"sampler", "steps", "guidance"} & own.protocol.to_json().keys()


def test_samples_are_drawn_as_chosen_and_the_model_stays_as_it_was(run: Path) -> None:
    model = genus.load(run)
    own = genus.sample(model, 5)
    by_name = genus.sample(model, 5, sampler="ddim", steps=4)
    assert not np.allclose(own, by_name)
    assert np.array_equal(by_name, genus.sample(run, 5, sampler="{name: ddim}", steps=4))
    assert not np.allclose(by_name, genus.sample(model, 5, sampler="{name: ddim, eta: 1.0}", steps=4))
    assert not np.allclose(own, genus.sample(model, 5, guidance=1.0))
    assert np.array_equal(own, genus.sample(model, 5, guidance=2.0))
    assert np.array_equal(own, genus.sample(model, 5)), "choices are for one drawing"


def test_what_cannot_be_chosen_is_refused_before_work(run: Path, plain: Path, tmp_path: Path) -> None:
    for refused in (genus.steps_curve, genus.evaluate, genus.sample):
        with pytest.raises(CapabilityError, match="nothing guides this model; train it with"):
            refused(plain, guidance=2.0)
    with pytest.raises(InputError, match="20"):
        genus.steps_curve(plain, [10, 30])
    with pytest.raises(InputError, match="did you mean 'heun'"):
        genus.steps_curve(run, samplers=["huen"])
    with pytest.raises(InputError, match="one at least"):
        genus.sample(run, 2, steps=0)
    for scale in (-1.0, float("inf"), float("nan")):
        with pytest.raises(InputError, match="0 or more"):
            genus.sample(run, 2, guidance=scale)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(InputError, match="choose another --out"):
        genus.steps_curve(run, out=tmp_path / "full")
    mixture = genus.train("gmm", data="ring", out=tmp_path / "mixture", overrides=["data.n=100"])
    for refused in (genus.steps_curve, lambda run: genus.evaluate(run, steps=3)):
        with pytest.raises(CapabilityError, match="no sampler to choose"):
            refused(mixture)


def test_the_command_prints_the_curve(run: Path, tmp_path: Path, genus_says: Callable[..., Result]) -> None:
    target = tmp_path / "s"
    done = genus_says("steps", run, "--at", "2,4", "--samplers", "ddim", "-n", "60", "--out", target)
    assert done.code == 0
    assert done.out.splitlines()[1].startswith("ddim 2 ")
    assert f"figure: {target / 'steps.png'}" in done.out
    wrong = genus_says("steps", run, "--at", "few")
    assert wrong.code == 2
