"""One image as data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genus.core.errors import DataError
from genus.data.photograph import photograph


def test_packaged_photographs_keep_their_proportions() -> None:
    china, flower = photograph(longest=96), photograph(which="flower", longest=96)
    assert china.spec.shape == flower.spec.shape == (3, 64, 96)
    assert china.fingerprint != flower.fingerprint
    assert len(china.train) == 1
    x = china.train.batch(np.zeros(1, dtype=np.int64)).x[0]
    assert x[2, :10].mean() > x[2, -10:].mean()  # sky above is bluer than trees below


def test_own_files_are_made_smaller_but_never_larger(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20)).save(file)
    assert photograph(path=str(file)).spec.shape == (1, 10, 20)
    assert photograph(path=str(file), longest=10).spec.shape == (1, 5, 10)
    assert photograph(path=str(file), longest=None, mode="rgb").spec.shape == (3, 10, 20)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        photograph(path=str(tmp_path / "missing.png"))
    (tmp_path / "b.png").write_text("not an image")
    with pytest.raises(DataError, match="cannot be read as an image"):
        photograph(path=str(tmp_path / "b.png"))
    with pytest.raises(DataError, match="longer side"):
        photograph(longest=0)
