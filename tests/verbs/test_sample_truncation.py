"""``genus sample --truncation``: quality for diversity, where there is a latent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import genus
from genus.core.drawing import Drawing
from genus.core.errors import CapabilityError
from genus.metrics.evaluate import gather
from genus.saved_runs import opened_data
from tests.terminal import Result

Says = Callable[..., Result]

GAN = """
model:
  name: gan
  generator: {name: mlp, hidden: [16]}
  discriminator: {name: mlp, hidden: [16]}
  objective: hinge
  latent: 4
data: {name: ring, n: 100}
train: {length: 2, batch: 10, device: cpu}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a recipe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(GAN)
    return tmp_path


def test_truncated_samples_vary_less_and_wrong_numbers_are_explained(genus_says: Says) -> None:
    assert genus_says("train", "small.yaml", "--out", "run").code == 0
    spread: dict[str, float] = {}
    for truncation in ("0.1", "100"):
        genus_says("sample", "run", "-n", 200, "--truncation", truncation, "--out", "x.npy")
        spread[truncation] = float(np.load("x.npy").std(0).sum())
    genus_says("sample", "run", "-n", 200, "--out", "x.npy")
    free = float(np.load("x.npy").std(0).sum())
    assert spread["0.1"] < 0.5 * spread["100"]
    assert spread["100"] == pytest.approx(free, rel=0.3)  # no bound at all, but other draws
    said = genus_says("sample", "run", "--truncation", "-1")
    assert (said.code, "give a t above 0" in said.err) == (2, True)
    for verb in ("sample", "evaluate"):
        said = genus_says(verb, "run", "--standing")
        assert (said.code, "give a truncation, too" in said.err) == (2, True)


def test_batch_norms_are_told_the_statistics_of_truncated_latents_when_asked_to(
    genus_says: Says,
) -> None:
    """A norm after the only map of the latent undoes the truncation; that of training does not."""
    norm = ("model.generator.norm=batch", "model.generator.hidden=[16]")
    assert genus_says("train", "small.yaml", "--out", "normed", *norm).code == 0
    spread: dict[str, float] = {}
    for choice in ("--standing", "--no-standing"):
        genus_says("sample", "normed", "-n", 200, "--truncation", "0.1", choice, "--out", "x.npy")
        spread[choice] = float(np.load("x.npy").std(0).sum())
    genus_says("sample", "normed", "-n", 200, "--truncation", "0.1", "--out", "x.npy")
    assert float(np.load("x.npy").std(0).sum()) == spread["--no-standing"]
    assert spread["--no-standing"] < 0.3 * spread["--standing"]


def test_conditions_are_those_of_the_data(folder: Path) -> None:
    """Statistics over test examples, whatever the samples are asked for; a model alone has none."""
    run = folder / "told"
    words = ["train.length=2", "train.batch=8", "train.device=cpu"]
    words += ["model.generator.width=4", "model.discriminator.width=4"]
    genus.train("attribute-gan", out=run, overrides=words)
    whole = genus.sample(run, 3, truncation=0.5, standing=True)
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(
        genus.sample(run, 2, truncation=0.5, standing=True, batch=1), whole[:2], atol=1e-5
    )
    model = genus.load(run)
    condition = dict.fromkeys((column.name for column in model.spec.condition.columns), 1.0)
    with pytest.raises(CapabilityError, match="name its run"):
        genus.sample(model, 2, condition=condition, truncation=0.5, standing=True)
    assert genus.sample(model, 2, condition=condition, truncation=0.5).shape == whole[:2].shape
    data, small = opened_data(run), {"n": 20, "num_reference": 50}
    found = gather(model, train=data.train, test=data.test, data_name="", fingerprint="", **small)
    found = found.drawn(Drawing(truncation=0.5, standing=True))
    assert found.protocol.standing
    assert len(found.generated.values) == 20
    assert genus.explore(run, "truncation", rows=2, columns=2).columns == 2


def test_models_without_a_latent_say_so(genus_says: Says) -> None:
    words = ("--data", "ring", "data.n=100", "--out", "mixture")
    assert genus_says("train", "gmm", *words).code == 0
    said = genus_says("sample", "mixture", "--truncation", "0.7")
    assert (said.code, "no latent to truncate" in said.err) == (2, True)
