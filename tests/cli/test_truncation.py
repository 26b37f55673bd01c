"""``genus sample --truncation``: quality for diversity, where there is a latent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

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


def test_models_without_a_latent_say_so(genus_says: Says) -> None:
    words = ("--data", "ring", "data.n=100", "--out", "mixture")
    assert genus_says("train", "gmm", *words).code == 0
    said = genus_says("sample", "mixture", "--truncation", "0.7")
    assert (said.code, "no latent to truncate" in said.err) == (2, True)
