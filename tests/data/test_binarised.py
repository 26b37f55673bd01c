"""Static binarisation: the same images every time, white as often as the grey values say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data.binarised import binarised
from genus.data.digits import digits28
from tests.data.test_idx import write


def test_pixels_are_white_as_often_as_they_are_bright() -> None:
    data, grey = binarised(), digits28()
    rows = np.arange(len(grey.train))
    drawn, shade = data.train.fetch(rows).values, grey.train.fetch(rows).values / 255.0
    assert set(np.unique(drawn)) == {0, 1}
    assert drawn[shade == 0].max() == 0
    assert drawn[shade == 1].min() == 1
    for low in np.arange(0.05, 0.95, 0.1):
        inside = (shade > low) & (shade <= low + 0.1)
        error = np.sqrt((shade[inside] * (1 - shade[inside])).sum()) / inside.sum()
        assert abs(drawn[inside].mean() - shade[inside].mean()) < 4 * error
    assert (data.train.fetch(rows).condition == grey.train.fetch(rows).condition).all()


def test_it_is_fixed_by_its_seed() -> None:
    rows = np.arange(100)
    first, again, other = binarised(), binarised(), binarised(seed=1)
    for split in ("train", "test"):
        values = [getattr(one, split).fetch(rows).values for one in (first, again, other)]
        assert (values[0] == values[1]).all()
        assert (values[0] != values[2]).any()
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.fingerprint != digits28().fingerprint


def test_binary_images_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "train-images-idx3-ubyte", np.tile(np.eye(8, dtype=np.uint8), (20, 1, 1)))
    with pytest.raises(DataError, match="more than two levels"):
        binarised(path=str(tmp_path))


def test_all_of_mnist(shared_data: Path) -> None:
    data = binarised(path=str(shared_data / "mnist"))
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert float(data.test.batch(np.arange(10_000)).x.mean()) == pytest.approx(0.1325, abs=2e-4)
