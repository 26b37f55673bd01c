"""``genus data info``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import genus
from genus.training.run import Run
from tests.terminal import Result

Says = Callable[..., Result]


def test_data_info(genus_says: Says) -> None:
    said = genus_says("data", "info", "digits8", "holdout=0.5").out
    assert "image 1×8×8, 17 levels in [0, 1], 10 classes" in said
    assert "899 examples" in said
    assert "holdout: 0.5" in said
    info = json.loads(genus_says("data", "info", "digits8", "--json", "holdout=0.5").out)
    assert info["splits"]["train"]["examples"] == 899
    assert info == json.loads(json.dumps(genus.data_info("digits8", {"holdout": 0.5})))


def test_own_images(genus_says: Says, folder: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(40):
        path = folder / "mine" / ("cats", "dogs")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(256, size=(9, 9, 4), dtype=np.uint8)).save(path)
    said = genus_says("data", "info", "mine")
    assert said.code == 2
    assert "alpha" in said.err
    said = genus_says("data", "info", "mine", "size=8", "resize=crop", "alpha=white")
    assert "image 3×8×8, 256 levels in [0, 1], 2 classes" in said.out
    [start] = re.findall(r"^recipe +data: *$", said.out, re.M)
    assert start
    said = genus_says(
        "train", "tiny.yaml", "--data", "mine", "data.alpha=drop", "train.length=2", "--out", "one"
    )
    assert said.code == 0, said.err
    assert Run("one").spec.shape == (3, 9, 9)
    assert Run("one").spec.classes == ("cats", "dogs")
