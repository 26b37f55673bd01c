"""Readers of images with attributes, captions and partners; and what samples are asked for."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genus.core.condition import Condition
from genus.core.errors import DataError, InputError
from genus.core.spec import DataSpec
from genus.data.conditioned import Conditioned, conditions_in_turn, encode_texts
from genus.data.conditioned_digits import slant, thickness
from genus.data.conditioned_folder import attribute_folder, caption_folder, paired_folder
from genus.data.info import data_info
from genus.data.loader import Loader
from genus.data.source import ArraySource
from genus.sampling.parse_condition import parse_condition

GREY = DataSpec(kind="image", shape=(1, 2, 2), range=(0.0, 1.0), levels=256)
TWO = Condition(kind="attributes", shape=(2,), names=("age", "size"), centre=(0.0, 0.0), spread=(1.0, 1.0))


def write(folder: Path, values: dict[str, int], size: int = 4) -> str:
    """Grey images of one value each, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        Image.fromarray(np.full((size, size), value, np.uint8)).save(folder / name)
    return str(folder)


NAMES = {f"{i}.png": 10 * i for i in range(10)}


def table(path: Path, rows: list[str], header: str) -> str:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(path)


def test_attributes_find_their_images_in_any_order(tmp_path: Path) -> None:
    images = write(tmp_path / "images", NAMES)
    rows = [f"{i}.png,{i},{-2 * i}" for i in reversed(range(12))]  # two rows more than images
    read = attribute_folder(path=images, table=table(tmp_path / "a.csv", rows, "file,up,down"))
    batch = read.train.batch(np.arange(len(read.train)))
    assert batch.condition is not None
    number = (batch.x[:, 0, 0, 0] * 255 / 10).round()
    torch.testing.assert_close(batch.condition, torch.stack([number, -2 * number], 1))
    condition = read.spec.condition
    assert condition is not None
    assert condition.names == ("up", "down")
    np.testing.assert_allclose(condition.centre, batch.condition.mean(0), rtol=1e-6)
    np.testing.assert_allclose(condition.spread, batch.condition.std(0, correction=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([f"{i}.png,{i},1" for i in range(9)], r"1 of 10 images lack a row of .*: 9\.png"),
        ([f"{i}.png,{i},1" for i in range(10)], "'down' is the same"),
        ([f"{i}.png,{i},x" for i in range(10)], "'x' is not a number"),
        (["1.png,1,1", "1.png,2,2"], r"'1\.png' has a row above"),
    ],
)
def test_tables_that_do_not_fit_are_refused(rows: list[str], what: str, tmp_path: Path) -> None:
    images = write(tmp_path / "images", NAMES)
    with pytest.raises(DataError, match=what):
        attribute_folder(path=images, table=table(tmp_path / "a.csv", rows, "file,up,down"))


def test_captions_become_word_numbers(tmp_path: Path) -> None:
    images = write(tmp_path / "images", NAMES)
    rows = [f'{i}.png,"Image, number {i}"' for i in range(10)]
    read = caption_folder(path=images, table=table(tmp_path / "c.csv", rows, "file,caption"))
    condition = read.spec.condition
    assert condition is not None
    assert condition.shape == (3,)
    batch = read.train.batch(np.arange(len(read.train)))
    assert batch.condition is not None
    assert batch.condition.dtype == torch.int64
    words = [[condition.names[i - 1] for i in row] for row in batch.condition.tolist()]
    assert words == [["image", "number", str(round(v * 25.5))] for v in batch.x[:, 0, 0, 0].tolist()]


def test_words_only_test_texts_have_are_passed_over() -> None:
    numbers, condition = encode_texts(["a b", "b c a c"], np.array([0]))
    assert condition.names == ("a", "b")
    assert numbers.tolist() == [[1, 2], [2, 1]]


def test_masks_find_their_images_and_are_cut_at_half(tmp_path: Path) -> None:
    images = write(tmp_path / "images", NAMES)
    write(tmp_path / "masks", {f"{i}_m.png": 127 + i % 2 for i in range(11)})
    read = paired_folder(path=images, condition=str(tmp_path / "masks"), suffix="_m")
    batch = next(Loader(read.train, 9, seed=0).iterate()).batch
    assert batch.condition is not None
    odd = (batch.x * 25.5).round() % 2
    torch.testing.assert_close(batch.condition, odd)
    with pytest.raises(DataError, match="10 of 10 images lack a file in"):
        paired_folder(path=images, condition=str(tmp_path / "masks"))


def test_images_as_conditions_are_in_units_from_reader_processes_too() -> None:
    images = ArraySource(np.zeros((4, 1, 2, 2), np.uint8), None, GREY)
    condition = np.full((4, 1, 2, 2), 51, np.uint8)
    source = Conditioned(images, condition, Condition(kind="image", shape=(1, 2, 2), levels=256))
    for workers in (0, 1):
        item = next(Loader(pickle.loads(pickle.dumps(source)), 4, seed=0, workers=workers).iterate())
        assert item.batch.condition is not None
        assert item.batch.condition.unique().tolist() == [pytest.approx(0.2)]


def test_conditions_in_turn_repeat_the_examples() -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    source = Conditioned(ArraySource(np.zeros((3, 1, 2, 2), np.uint8), None, GREY), values, TWO)
    found = conditions_in_turn(source, 7)
    assert sorted(found[:3, 0].tolist()) == [0.0, 2.0, 4.0]
    torch.testing.assert_close(found[3:6], found[:3])


def test_slant_and_thickness_of_strokes_drawn_by_hand() -> None:
    strokes = np.zeros((4, 1, 9, 9), np.float32)
    strokes[0, 0, 1:8, 4] = 1  # upright, one wide and seven long: 2·7 over an outline of 16 less corners
    strokes[1, 0, 1:8, 3:6] = 1  # upright, three wide
    strokes[2, 0] = np.fliplr(np.eye(9))  # a slash
    strokes[3, 0] = np.eye(9)  # a backslash
    np.testing.assert_allclose(slant(strokes), [0, 0, 1, -1], atol=1e-12)
    corner = 2 - np.sqrt(2)  # where both differences are 1, the variation is √2 in place of 2
    np.testing.assert_allclose(thickness(strokes)[:2], [14 / (16 - corner), 42 / (20 - corner)])


def test_attributes_are_asked_by_name_and_the_others_are_usual() -> None:
    usual = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert parse_condition("size=7", TWO, 2, lambda: usual).tolist() == [[1.0, 7.0], [3.0, 7.0]]
    assert parse_condition({"age": 5, "size": 6}, TWO, 1, lambda: usual).tolist() == [[5.0, 6.0]]
    assert usual.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ("sice=1", "there is no attribute 'sice'; did you mean 'size'"),
        ("7", "written age=NUMBER"),
        ("age=old", "written age=NUMBER"),
        ("age=inf", "finite"),
    ],
)
def test_attributes_that_do_not_fit_are_explained(asked: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_condition(asked, TWO, 1, lambda: torch.zeros(1, 2))


def test_words_and_images_that_do_not_fit_are_explained(tmp_path: Path) -> None:
    text = Condition(kind="text", shape=(2,), names=("moon", "sun"))
    mask = Condition(kind="mask", shape=(1, 4, 4), levels=2)
    small, right = write(tmp_path, {"small.png": 0}, size=2), write(tmp_path, {"right.png": 200})
    for condition, asked, what in (
        (text, "son", "never read the word 'son'; did you mean 'sun'"),
        (text, "sun sun sun", "told 1 to 2 words"),
        (text, {"age": 1.0}, "not attributes"),
        (mask, "missing.png", "no image 'missing.png'"),
        (mask, f"{small}/small.png", "is 2×2; the model is told a mask 1×4×4"),
    ):
        with pytest.raises(InputError, match=what):
            parse_condition(asked, condition, 1, lambda: torch.zeros(1, 2))
    assert (
        parse_condition(f"{right}/right.png", mask, 3, lambda: torch.zeros(1)).tolist()
        == torch.ones(3, 1, 4, 4).tolist()
    )


def test_real_captions_and_real_masks(shared_data: Path) -> None:
    emoji = shared_data / "emoji"
    read = caption_folder(
        path=str(emoji / "google"), table=str(emoji / "captions.csv"), size=16, resize="stretch",
        mode="rgb", alpha="white",
    )  # fmt: skip
    assert read.spec.condition is not None
    assert {"heart", "keycap", "cat"} <= set(read.spec.condition.names)
    lungs = shared_data / "cxr_lung_masks"
    pairs = paired_folder(
        path=str(lungs / "images"), condition=str(lungs / "masks"), size=16, resize="stretch"
    )
    batch = pairs.train.batch(np.arange(20))
    assert batch.condition is not None
    assert set(batch.condition.unique().tolist()) == {0.0, 1.0}
    inside, outside = batch.x[batch.condition == 1].mean(), batch.x[batch.condition == 0].mean()
    assert inside < outside  # air is dark
    eyes = shared_data / "chase_db1"
    vessels = paired_folder(
        path=str(eyes / "images"), condition=str(eyes / "manual"), suffix="_1stHO", size=32, resize="stretch"
    )
    assert len(vessels.train) + len(vessels.test) == 28


def test_data_info_describes_conditions() -> None:
    info = data_info("digit-attributes", {"digits": "digits8"})
    assert info["spec"] == "image 1×8×8, 17 levels in [0, 1], each with attributes slant, thickness"
    assert info["splits"]["train"]["classes"] == {}
