"""Real files in their own formats."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data.csv_file import csv_file
from genus.data.folder import folder
from genus.data.info import data_info, open_data
from genus.data.locate import describe_source


def test_mnist(shared_data) -> None:
    described = describe_source(str(shared_data / "mnist"))
    assert described["name"] == "idx"
    dataset = open_data({**described, "holdout": 0.1})
    assert (len(dataset.train), len(dataset.test)) == (60000, 10000)
    pixels, labels, _ = dataset.train.fetch(np.arange(60000))
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert pixels.mean() / 255 == pytest.approx(0.1307, abs=5e-5)  # the mean everybody normalises by
    assert pixels.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_pneumoniamnist(shared_data) -> None:
    info = data_info(str(shared_data / "pneumoniamnist"))
    assert info["splits"]["train"]["classes"] == {"0": 1214, "1": 3494}
    assert info["splits"]["test"]["examples"] == 624
    assert "npz" in info["recipe"]


def test_emoji_mix_transparent_palettes_grey_and_colour(shared_data) -> None:
    path = str(shared_data / "emoji")
    with pytest.raises(DataError, match="transparent"):
        folder(path=path)
    with pytest.raises(DataError, match="mode: grey or mode: rgb"):
        folder(path=path, alpha="white")
    dataset = folder(path=path, alpha="white", mode="rgb")
    assert dataset.spec.classes == ("google", "twitter")
    assert len(dataset.train) + len(dataset.test) == 2790
    corners = dataset.train.batch(np.arange(200)).x[:, :, 0, 0]
    assert (corners == 1).float().mean() > 0.9  # transparent there, so white
    kept = folder(path=path, alpha="keep", mode="rgb", check=False)
    assert kept.spec.shape == (4, 64, 64)
    assert (kept.train.batch(np.arange(200)).x[:, 3, 0, 0] == 0).float().mean() > 0.9


def test_photographs_of_many_sizes(shared_data) -> None:
    path = str(shared_data / "natural_images")
    with pytest.raises(DataError, match=r"7 sizes .*512×512 \(4\)"):
        folder(path=path)
    assert folder(path=path, size=32, resize="crop", mode="rgb").spec.shape == (3, 32, 32)


def test_photographs_in_split_folders(shared_data) -> None:
    dataset = folder(path=str(shared_data / "clothing" / "clothing64"))
    assert (len(dataset.train), len(dataset.test)) == (3068, 372)
    assert dataset.spec.num_classes == 10


def test_tables(shared_data) -> None:
    tables = shared_data / "tabular"
    assert data_info(str(tables / "letter"))["splits"]["train"]["examples"] == 18000
    assert csv_file(path=str(tables / "spambase" / "spam.csv")).spec.shape == (57,)
    with pytest.raises(DataError, match="column 'workclass', row 2: 'State-gov' is not a number"):
        csv_file(path=str(tables / "adult" / "adult.csv"))
    with pytest.raises(DataError, match="column 'bill_length_mm', row 5: the value is missing"):
        csv_file(path=str(tables / "penguins" / "penguins.csv"), columns=["bill_length_mm"])
