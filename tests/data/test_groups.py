"""Groups are never cut by a split; missing values come with a mask; label maps keep their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genus.core.errors import DataError, RecipeError
from genus.data.csv_file import csv_file
from genus.data.folder import folder
from genus.data.loader import Loader
from genus.data.split import hold_out


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.9])
def test_no_group_falls_into_both_splits(share: float) -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), rng.integers(1, 30, size=40))[rng.permutation(1000) % 500]
    train, test = hold_out(len(groups), share, None, groups)
    assert not set(groups[train]) & set(groups[test])
    assert sorted([*train, *test]) == list(range(len(groups)))
    assert abs(len(test) / len(groups) - share) < 0.08
    again = hold_out(len(groups), share, None, groups)
    np.testing.assert_array_equal(test, again[1])


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(DataError, match="all 5 examples belong to one group"):
        hold_out(5, 0.5, None, np.zeros(5, np.int64))
    train, test = hold_out(3, 0.9, None, np.array([0, 1, 1]))
    assert len(train) > 0  # one group at least is left on either side
    assert len(test) > 0


def test_slices_of_a_subject_stay_together(tmp_path: Path) -> None:
    for subject in range(12):
        for slice_ in range(5):
            name = f"s{subject:02d}_{slice_}.png"
            Image.fromarray(np.full((4, 4), 20 * subject, np.uint8)).save(tmp_path / name)
    plain, grouped = folder(path=str(tmp_path)), folder(path=str(tmp_path), group=r"(s\d+)_")
    subjects = [
        {round(float(v) * 255) // 20 for v in split.batch(np.arange(len(split))).x[:, 0, 0, 0]}
        for split in (grouped.train, grouped.test)
    ]
    assert not subjects[0] & subjects[1]
    assert set.union(*subjects) == set(range(12))
    assert grouped.spec.grouped
    assert grouped.spec.describe().endswith("in groups")
    assert plain.fingerprint != grouped.fingerprint
    with pytest.raises(DataError, match="is not found in 60 file names, first s00_0"):
        folder(path=str(tmp_path), group="(patient)")
    with pytest.raises(DataError, match="no regular expression with a parenthesis"):
        folder(path=str(tmp_path), group="s")


def test_groups_of_folders_with_a_split_of_their_own_are_checked(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for i in range(3):
            Image.new("L", (4, 4), i).save(tmp_path / split / f"same_{i}.png")
    with pytest.raises(
        DataError, match="images of one group lie in its folders for training and for testing"
    ):
        folder(path=str(tmp_path), group=r"(\w+)_")


def test_rows_of_a_group_stay_together(tmp_path: Path) -> None:
    rows = "\n".join(f"p{i // 4},{i // 4},{i}" for i in range(60))
    (tmp_path / "t.csv").write_text(f"patient,number,x\n{rows}\n")
    read = csv_file(path=str(tmp_path / "t.csv"), group="patient")
    patients = [set(s.batch(np.arange(len(s))).x[:, 0].tolist()) for s in (read.train, read.test)]
    assert not patients[0] & patients[1]
    assert read.spec.shape == (2,), "the group is no feature"


def test_missing_cells_come_with_a_mask_and_are_refused_by_models_that_cannot_use_them(
    tmp_path: Path,
) -> None:
    import genus

    rows = "\n".join(f"{i},{'' if i % 5 == 0 else 2 * i},{'NA' if i == 3 else 1}" for i in range(40))
    (tmp_path / "t.csv").write_text(f"a,b,c\n{rows}\n")
    with pytest.raises(DataError, match="column 'b', row 2: the value is missing"):
        csv_file(path=str(tmp_path / "t.csv"))
    read = csv_file(path=str(tmp_path / "t.csv"), missing="keep")
    assert read.spec.missing
    for workers in (0, 1):
        batch = next(Loader(read.train, 36, seed=0, workers=workers).iterate()).batch
        assert batch.observed is not None
        number = batch.x[:, 0].long()
        assert torch.equal(batch.observed[:, 1], number % 5 != 0)
        assert torch.equal(batch.observed[:, 2], number != 3)
        assert batch.observed[:, 0].all()
        assert (batch.x[~batch.observed] == 0).all()
        part = batch[3:5].to("cpu")
        assert part.observed is not None
        assert torch.equal(part.observed, batch.observed[3:5])
    with pytest.raises(RecipeError, match="needs examples without missing values"):
        genus.train(
            {**dict(genus.show("ddpm-toy").config), "data": {"name": "csv", "path": str(tmp_path / "t.csv"),
                                                             "missing": "keep"}},
            out=tmp_path / "run",
        )  # fmt: skip


def test_label_maps_keep_their_labels_when_they_are_resized(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    maps = [rng.choice([0, 7, 200], size=(9, 9)).astype(np.uint8) for _ in range(6)]
    for i, values in enumerate(maps):
        Image.fromarray(values).save(tmp_path / f"{i}.png")
    read = folder(path=str(tmp_path), kind="labels", holdout=0.2)
    assert read.spec.example.names == ("0", "7", "200")
    x = read.train.batch(np.arange(1)).x
    assert x.shape == (1, 1, 9, 9)
    np.testing.assert_array_equal(np.array([0, 7, 200])[x[0, 0].numpy()], maps[0])
    small = folder(path=str(tmp_path), kind="labels", size=5, resize="stretch")
    assert small.spec.example.names == ("0", "7", "200"), "nothing in between appears"
    (tmp_path / "p").mkdir()
    for i in range(3):
        picture = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), mode="P")
        picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        picture.save(tmp_path / "p" / f"{i}.png")
    palette = folder(path=str(tmp_path / "p"), kind="labels", holdout=0.4)
    assert palette.train.batch(np.arange(1)).x[0, 0].tolist() == [[0, 1], [2, 1]]


def test_photographs_are_no_label_maps(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (16, 16)).astype(np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(DataError, match="different values, which are no numbers of labels"):
        folder(path=str(tmp_path), kind="labels")
    Image.fromarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)).save(tmp_path / "3.png")
    with pytest.raises(DataError, match="pixel format 'RGB' holds no label numbers"):
        folder(path=str(tmp_path), kind="labels")


def test_the_first_column_of_texts_names_the_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("who,x\n" + "\n".join(f"n{i},{i}" for i in range(20)) + "\n")
    read = csv_file(path=str(tmp_path / "t.csv"))
    assert read.train.keys is not None
    assert [int(key[1:]) for key in read.train.keys] == read.train.batch(np.arange(18)).x[:, 0].tolist()
