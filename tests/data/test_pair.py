"""Two readers joined: by name, by order, or not at all."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from genus.core.batch import Parts
from genus.core.errors import DataError, RecipeError
from genus.core.space import Composite, Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.conditioned_digits import slant, thickness
from genus.data.dataset import Dataset
from genus.data.info import data_info, open_data
from genus.data.loader import Loader
from genus.data.paired import PairedSource, UnpairedSource, conditions_in_turn
from tests.tiny import table

GREY = DataSpec(example=Space(kind="image", shape=(1, 2, 2), range=(0.0, 1.0), levels=256))
TWO = DataSpec(example=table(("age", 0.0, 1.0), ("size", 0.0, 1.0)))
NAMES = {f"{i}.png": 10 * i for i in range(10)}


def write(folder: Path, values: dict[str, int], size: int = 4) -> str:
    """Grey images of one value each, by name."""
    for name, value in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((size, size), value, np.uint8)).save(folder / name)
    return str(folder)


def written(path: Path, rows: list[str], header: str) -> str:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(path)


def joined(example: Any, condition: Any, **arguments: Any) -> Dataset:
    """The data of a recipe that joins two readers."""
    from genus.core.binder import resolve

    config = {"name": "pair", "example": example, "condition": condition, **arguments}
    return open_data(resolve("data", config, "data"))


def images(path: str, **arguments: Any) -> dict[str, Any]:
    return {"name": "folder", "path": path, **arguments}


def test_rows_of_a_table_find_their_images_in_any_order(tmp_path: Path) -> None:
    photos = write(tmp_path / "images", NAMES)
    rows = [f"{i}.png,{i},{-2 * i}" for i in reversed(range(12))]  # two rows more than images
    faces = {"name": "csv", "path": written(tmp_path / "a.csv", rows, "file,up,down")}
    read = joined(images(photos), faces)
    batch = read.train.batch(np.arange(len(read.train)))
    number = (batch.x[:, 0, 0, 0] * 255 / 10).round()
    torch.testing.assert_close(batch.condition, torch.stack([number, -2 * number], 1))
    space = read.spec.condition
    assert isinstance(space, Space)
    assert (space.kind, [column.name for column in space.columns]) == ("table", ["up", "down"])
    assert isinstance(batch.condition, torch.Tensor)
    means = [column.mean for column in space.columns]
    np.testing.assert_allclose(means, batch.condition.mean(0), rtol=1e-6)  # of training examples alone
    deviations = [column.deviation for column in space.columns]
    np.testing.assert_allclose(deviations, batch.condition.std(0, correction=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([f"{i}.png,{i},1" for i in range(9)], r"1 of 10 examples have no condition of their name .*: 9;"),
        ([f"{i}.png,{i},1" for i in range(10)], "'down' is the same"),
        ([f"{i}.png,{i},x" for i in range(10)], "'x' is not a number"),
        (["1.png,1,1", "1.png,2,2"], r"'1\.png' has a row above"),
    ],
)
def test_tables_that_do_not_fit_are_refused(rows: list[str], what: str, tmp_path: Path) -> None:
    photos = write(tmp_path / "images", NAMES)
    path = written(tmp_path / "a.csv", rows, "file,up,down")
    with pytest.raises(DataError, match=what):
        joined(images(photos), {"name": "csv", "path": path, "key": "file"})


def test_captions_become_word_numbers_of_the_training_vocabulary(tmp_path: Path) -> None:
    photos = write(tmp_path / "images", NAMES)
    rows = [f'{i}.png,"Image, number {i}"' for i in range(10)]
    captions = {"name": "text", "path": written(tmp_path / "c.csv", rows, "file,caption")}
    read = joined(images(photos), captions)
    space = read.spec.condition
    assert isinstance(space, Space)
    assert space.shape == (3,)
    batch = read.train.batch(np.arange(len(read.train)))
    assert isinstance(batch.condition, torch.Tensor)
    assert batch.condition.dtype == torch.int64
    words = [[space.names[i - 1] for i in row] for row in batch.condition.tolist()]
    assert words == [["image", "number", str(round(v * 25.5))] for v in batch.x[:, 0, 0, 0].tolist()]
    [[_, _, last]] = read.test.batch(np.arange(1)).condition.tolist()  # type: ignore[union-attr]
    assert last == 0, "the number of a test image is no word of the training captions"


def test_exchanging_the_readers_turns_masks_to_images_into_images_to_masks(tmp_path: Path) -> None:
    photos = write(tmp_path / "images", NAMES)
    masks = write(tmp_path / "masks", {f"{i}_m.png": i % 2 for i in range(11)})
    there = joined(images(photos), images(masks, kind="labels"), suffix="_m")
    batch = next(Loader(there.train, 9, seed=0).iterate()).batch
    odd = (batch.x * 25.5).round().long() % 2
    torch.testing.assert_close(batch.condition, odd)
    assert there.spec.describe() == "image 1×4×4, 256 levels in [0, 1], each with a map 1×4×4 of 2 labels"
    write(tmp_path / "second", {f"{i}.png": 100 + i % 2 for i in range(10)})
    back = joined(images(str(tmp_path / "second"), kind="labels"), images(photos))
    batch = back.train.batch(np.arange(9))
    assert (batch.x.dtype, batch.x.unique().tolist()) == (torch.int64, [0, 1])
    assert back.spec.describe() == "labels 1×4×4, 2 labels, each with an image 1×4×4"
    with pytest.raises(DataError, match="10 of 10 examples have no condition"):
        joined(images(photos), images(masks, kind="labels"))


def test_class_folders_stay_a_part_of_the_condition(tmp_path: Path) -> None:
    photos = write(tmp_path / "images", {f"{'ab'[i % 2]}/{i}.png": 10 * i for i in range(10)})
    rows = [f"{i}.png,{i},{-2 * i}" for i in range(10)]
    faces = {"name": "csv", "path": written(tmp_path / "a.csv", rows, "file,up,down")}
    read = joined(images(photos), faces)
    assert isinstance(read.spec.condition, Composite)
    assert read.spec.classes == ("a", "b")
    for workers in (0, 1):
        batch = next(Loader(read.train, 4, seed=0, workers=workers).iterate()).batch
        assert isinstance(batch.condition, Parts)
        labels = read.spec.class_labels(batch.condition)
        assert labels is not None
        torch.testing.assert_close(labels, batch.condition["table"][:, 0].long() % 2)
        part = batch[1:3].to("cpu").condition
        assert isinstance(part, Parts)
        torch.testing.assert_close(part["table"], batch.condition["table"][1:3])
    assert DataSpec.from_json(read.spec.to_json()) == read.spec
    assert len(conditions_in_turn(read.train, 20)) == 20


def test_an_unpaired_domain_is_drawn_for_itself(tmp_path: Path) -> None:
    photos = write(tmp_path / "images", NAMES)
    others = write(tmp_path / "others", {f"x{i}.png": 100 + i for i in range(30)})
    read = joined(images(photos), images(others), by=None)
    assert not read.spec.paired
    assert "beside an unpaired domain, an image 1×4×4" in read.spec.describe()
    loader = Loader(read.train, 9, seed=0)
    assert isinstance(read.train, UnpairedSource)
    partners: dict[int, set[int]] = {}
    seen: set[int] = set()
    stream = loader.iterate()
    for _ in range(12):
        batch = next(stream).batch
        assert isinstance(batch.condition, torch.Tensor)
        firsts = (batch.x[:, 0, 0, 0] * 25.5).round().long().tolist()
        seconds = (batch.condition[:, 0, 0, 0] * 255).round().long().tolist()
        assert sorted(firsts) == sorted(set(firsts)), "a pass shows each example once"
        for first, second in zip(firsts, seconds, strict=True):
            partners.setdefault(first, set()).add(second)
            seen.add(second)
    assert len(seen) == 27, "every training member of the second domain is drawn"
    assert all(len(others) > 6 for others in partners.values()), "and stands beside many examples"
    again = Loader(read.train, 9, seed=0).iterate(position=11)
    torch.testing.assert_close(next(again).batch.condition, batch.condition)  # resumable anywhere


def test_what_needs_the_relation_refuses_unpaired_data(tmp_path: Path) -> None:
    import genus

    photos = write(tmp_path / "images", NAMES, size=8)
    data = {"name": "pair", "example": images(photos), "condition": images(photos), "by": None}
    for recipe, what in (
        ("dcgan", "conditioning 'projection' needs to know which condition belongs to which example"),
        ("pixelcnn", "PixelCNN needs conditions that belong to their examples"),
    ):
        config = {**dict(genus.show(recipe).config), "data": data}
        conditional = ["model.conditional=true"] if recipe == "pixelcnn" else []
        with pytest.raises(RecipeError, match=what):
            genus.train(config, out=tmp_path / "run", overrides=conditional)


def test_readers_are_joined_by_order_where_names_are_missing(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(20, dtype=np.float32).reshape(10, 2))
    np.save(tmp_path / "y.npy", np.arange(30, dtype=np.float32).reshape(10, 3))
    x, y = ({"name": "npz", "path": str(tmp_path / f"{name}.npy")} for name in "xy")
    read = joined(x, y, by="order")
    batch = read.train.batch(np.arange(9))
    assert isinstance(batch.condition, torch.Tensor)
    torch.testing.assert_close(batch.condition[:, 0] / 3, batch.x[:, 0] / 2)
    with pytest.raises(DataError, match=r"have no names; set data\.condition\.key, or data\.by=order"):
        joined(x, y)
    np.save(tmp_path / "y.npy", np.zeros((9, 3), np.float32))
    with pytest.raises(DataError, match="10 examples, but 9 conditions"):
        joined(x, y, by="order")


def test_images_as_conditions_are_in_units_from_reader_processes_too() -> None:
    examples = ArraySource(np.zeros((4, 1, 2, 2), np.uint8), None, GREY)
    conditions = ArraySource(np.full((4, 1, 2, 2), 51, np.uint8), None, GREY)
    source = PairedSource(examples, conditions)
    for workers in (0, 1):
        item = next(Loader(pickle.loads(pickle.dumps(source)), 4, seed=0, workers=workers).iterate())
        assert isinstance(item.batch.condition, torch.Tensor)
        assert item.batch.condition.unique().tolist() == [pytest.approx(0.2)]


def test_conditions_in_turn_repeat_the_examples() -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    examples = ArraySource(np.zeros((3, 1, 2, 2), np.uint8), None, GREY)
    found = conditions_in_turn(PairedSource(examples, ArraySource(values, None, TWO)), 7)
    assert isinstance(found, torch.Tensor)
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


def test_real_captions_real_masks_and_two_graders(shared_data: Path) -> None:
    emoji = shared_data / "emoji"
    size = {"size": 16, "resize": "stretch"}
    read = joined(
        images(str(emoji / "google"), **size, mode="rgb", alpha="white"),
        {"name": "text", "path": str(emoji / "captions.csv")},
    )
    assert isinstance(read.spec.condition, Space)
    assert {"heart", "keycap", "cat"} <= set(read.spec.condition.names)
    lungs = shared_data / "cxr_lung_masks"
    pairs = joined(images(str(lungs / "images"), **size), images(str(lungs / "masks"), kind="labels", **size))
    batch = pairs.train.batch(np.arange(20))
    assert isinstance(batch.condition, torch.Tensor)
    assert batch.condition.unique().tolist() == [0, 1]
    inside, outside = batch.x[batch.condition == 1].mean(), batch.x[batch.condition == 0].mean()
    assert inside < outside  # air is dark
    eyes = shared_data / "chase_db1"
    manual = images(str(eyes / "manual"), kind="labels", **size)
    vessels = joined(images(str(eyes / "images"), **size), manual, suffix="_1stHO")
    assert len(vessels.train) + len(vessels.test) == 28


def test_data_info_describes_conditions() -> None:
    info = data_info("digit-attributes", {"digits": "digits8"})
    assert info["spec"] == "image 1×8×8, 17 levels in [0, 1], each with columns slant, thickness"
    assert info["splits"]["train"]["classes"] == {}
