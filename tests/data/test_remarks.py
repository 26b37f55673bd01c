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
    fill(tmp_path / "masks", 17)
    fill(tmp_path / "photos", 256)
    (remark,) = data_info(str(tmp_path / "masks"))["remarks"]
    assert "only 17 of 256 levels occur, 0 to 16" in remark
    assert "window=[0, 16]" in remark
    assert "kind=labels" in remark
    assert data_info(str(tmp_path / "masks"), {"window": [0, 16]})["remarks"] == []
    assert data_info(str(tmp_path / "masks"), {"kind": "labels"})["remarks"] == []
    assert data_info(str(tmp_path / "photos"))["remarks"] == []
    assert data_info("digits8")["remarks"] == []


@pytest.mark.parametrize("first", ["0,1,2", "1990,1991,1992", "400,410,420"])
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
    assert "column 'row' holds each number from 0 to 29 once" in remark
    assert data_info(str(path), {"key": "row"})["remarks"] == []


def test_a_shuffled_index_without_a_name_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",a\n" + "".join(f"{i},{i % 7}.5\n" for i in RNG.permutation(30)))
    (remark,) = data_info(str(path))["remarks"]
    assert "each number from 0 to 29 once" in remark
    assert "key=0" in remark
    assert data_info(str(path), {"key": 0})["remarks"] == []


def test_rows_that_all_rise_in_equal_steps_are_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{5 * i},{6 * i + 3},{7 * i + 6}\n" for i in range(30)))
    assert data_info(str(path))["remarks"] == []


def test_dark_images_are_offered_a_window(tmp_path: Path) -> None:
    fill(tmp_path / "dim", 90)
    (remark,) = data_info(str(tmp_path / "dim"))["remarks"]
    assert "99 % of the values lie between 0 and 0.349 of the range [0, 1]: window=auto" in remark
    info = data_info(str(tmp_path / "dim"), {"window": "auto"})
    assert info["remarks"] == []
    assert "window [0, 0.349] of the files' range" in info["spec"]


def test_what_small_numbers_were_taken_for_is_remarked(tmp_path: Path) -> None:
    for high, text in ((2, "read as black and white"), (3, "read as numbers of labels")):
        fill(tmp_path / str(high), high)
        (remark,) = data_info(str(tmp_path / str(high)))["remarks"]
        assert text in remark


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

    opened("small")
    with pytest.raises(DataError, match="the same for all training examples"):
        opened("same")
    opened("images")
