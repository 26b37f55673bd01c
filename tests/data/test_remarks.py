"""What ``data info`` says of data that look odd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genus.core.binder import resolve
from genus.core.errors import DataError
from genus.data.info import data_info, open_data
from genus.data.locate import describe_source

RNG = np.random.default_rng(0)


def fill(folder: Path, high: int, count: int = 12) -> None:
    folder.mkdir(parents=True)
    for i in range(count):
        Image.fromarray(RNG.integers(0, high, (8, 8), dtype=np.uint8)).save(folder / f"{i:02}.png")


def test_dark_images_of_small_numbers_are_remarked(tmp_path: Path) -> None:
    fill(tmp_path / "masks", 3)
    fill(tmp_path / "photos", 256)
    (remark,) = data_info(str(tmp_path / "masks"))["remarks"]
    assert "only 3 of 256 levels occur, 0 to 2" in remark
    assert "kind=labels" in remark
    assert data_info(str(tmp_path / "masks"), {"kind": "labels"})["remarks"] == []
    assert data_info(str(tmp_path / "photos"))["remarks"] == []
    assert data_info("digits8")["remarks"] == []


@pytest.mark.parametrize("first", ["0,1,2", "1990,1991,1992"])
def test_a_header_of_numbers_is_remarked_until_the_setting_decides(tmp_path: Path, first: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{first}\n" + "".join(f"{a:.3f},{b:.3f},{c:.3f}\n" for a, b, c in RNG.random((30, 3))))
    (remark,) = data_info(str(path))["remarks"]
    assert "header=true" in remark
    for header in (True, False):
        assert data_info(str(path), {"header": header})["remarks"] == []


def test_a_column_that_counts_rows_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("row,a\n" + "".join(f"{i},{a:.3f}\n" for i, a in enumerate(RNG.random(30))))
    (remark,) = data_info(str(path))["remarks"]
    assert "column 'row' counts the rows" in remark
    assert data_info(str(path), {"key": "row"})["remarks"] == []


def test_folders_of_one_set_of_names_look_like_pairs(tmp_path: Path) -> None:
    fill(tmp_path / "images", 256)
    fill(tmp_path / "labels", 2)
    (remark,) = data_info(str(tmp_path))["remarks"]
    assert "look like pairs" in remark
    assert "name: pair" in remark
    from genus.core.recipe_text import parse_yaml

    entry = parse_yaml(remark.partition("\n")[2], "remark")["data"]
    dataset = open_data(resolve("data", entry, "data"))
    assert dataset.spec.describe() == "image 1×8×8, 256 levels in [0, 1], each with a map 1×8×8 of 2 labels"
    (tmp_path / "labels" / "00.png").unlink()
    assert data_info(str(tmp_path))["remarks"] == []


def test_conditions_of_small_numbers_or_without_difference_are_refused(tmp_path: Path) -> None:
    for name, high in (("images", 256), ("small", 2), ("same", 1)):
        fill(tmp_path / name, high)

    def opened(condition: str) -> object:
        parts = {"example": "images", "condition": condition}
        readers = {key: describe_source(str(tmp_path / name)) for key, name in parts.items()}
        return open_data(resolve("data", {"name": "pair", **readers}, "data"))

    with pytest.raises(DataError, match=r"levels are used up to 1 alone, .*kind=labels"):
        opened("small")
    with pytest.raises(DataError, match="the same for all training examples"):
        opened("same")
    opened("images")
