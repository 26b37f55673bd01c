"""Windows of image ranges, and small numbers that are masks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genus.core.binder import resolve
from genus.core.errors import DataError
from genus.core.file_units import to_file
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.dataset import Dataset
from genus.data.folder import folder
from genus.data.image_file import read_image_as
from genus.data.info import data_info, open_data
from genus.data.npz import npz
from genus.reports.sheet import sheet, write_files

RNG = np.random.default_rng(0)
ENDINGS = ["png", "tif", "npy", "npz"]


def stored(root: Path, ending: str, arrays: np.ndarray) -> str:
    """Images ``(n, height, width)`` in a folder or file; the path."""
    root.mkdir(parents=True, exist_ok=True)
    if ending in ("npy", "npz"):
        np.save(root / "a.npy", arrays) if ending == "npy" else np.savez(root / "a.npz", x=arrays)
        return str(root / f"a.{ending}")
    for i, array in enumerate(arrays):
        Image.fromarray(array).save(root / f"{i:03}.{ending}")
    return str(root)


def opened(path: str, **settings: object) -> Dataset:
    return (folder if Path(path).is_dir() else npz)(path=path, **settings)  # type: ignore[operator]


def dark(n: int = 30) -> np.ndarray:
    return np.clip(RNG.normal(0.05, 0.02, (n, 8, 8)), 0, 1)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_an_automatic_window_uses_the_whole_range_and_is_inverted(
    tmp_path: Path, ending: str, kind: str
) -> None:
    most = np.iinfo(kind).max
    arrays = np.rint(dark() * most).astype(kind)
    path = stored(tmp_path / "a", ending, arrays)
    (remark,) = data_info(path)["remarks"]
    assert "window=auto" in remark or "window=[0, " in remark
    dataset = opened(path, window="auto")
    assert dataset.fingerprint != opened(path).fingerprint
    assert DataSpec.from_json(dataset.spec.to_json()) == dataset.spec
    x = dataset.train.batch(np.arange(len(dataset.train))).x.numpy()
    assert (x.min(), x.max()) == (0, 1)
    assert x.std() > 0.15
    low, high = (np.quantile(arrays / most, share) for share in (0.005, 0.995))
    back = to_file(x, dataset.spec.example)
    assert low - 0.02 <= back.min() < back.max() <= high + 0.02
    write_files(tmp_path / "out", x, dataset.spec)
    written = np.asarray(Image.open(tmp_path / "out" / "00000.png"))
    assert written.dtype == arrays.dtype
    np.testing.assert_array_equal(written, np.rint(back[0, 0] * most))
    again = read_image_as(tmp_path / "out" / "00000.png", dataset.spec.example)
    np.testing.assert_allclose(again.numpy()[0], x[0], atol=1e-5)


def test_floats_of_another_range_ask_for_a_window(tmp_path: Path) -> None:
    values = RNG.integers(0, 17, (30, 8, 8)).astype(np.float64)
    path = stored(tmp_path, "npy", values)
    with pytest.raises(DataError, match=r"name their range, such as window=\[0, 16\]"):
        npz(path=path)
    dataset = npz(path=path, window=[0, 16])
    whole, _ = dataset.whole()
    np.testing.assert_allclose(whole.fetch(np.arange(30)).values[:, 0], values / 16)
    path = stored(tmp_path, "npy", values * 15)
    with pytest.raises(DataError, match="look like 8-bit values"):
        npz(path=path)


@pytest.mark.parametrize("window", [[3], [5, 5], [0, 300], [-1, 4], [0.5, 4]])
def test_a_window_that_is_none_is_refused(tmp_path: Path, window: list[float]) -> None:
    path = stored(tmp_path, "png", RNG.integers(0, 256, (12, 4, 4), dtype=np.uint8))
    with pytest.raises(DataError, match="window"):
        folder(path=path, window=window)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("high", [2, 3])
def test_small_numbers_are_masks(tmp_path: Path, ending: str, kind: str, high: int) -> None:
    masks = RNG.integers(0, high, (20, 8, 8)).astype(kind)
    dataset = opened(stored(tmp_path, ending, masks))
    x = dataset.train.batch(np.arange(len(dataset.train))).x
    if high == 2:
        assert (dataset.spec.kind, dataset.spec.levels) == ("image", 2)
        assert x.unique().tolist() == [0, 1]
    else:
        assert (dataset.spec.kind, dataset.spec.example.names) == ("labels", ("0", "1", "2"))
        assert x.unique().tolist() == [0, 1, 2]
    assert opened(stored(tmp_path, ending, masks), kind="image").spec.levels in (256, 65536)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("masks_first", [True, False])
@pytest.mark.parametrize("high", [1, 2, 3])
def test_pairs_with_masks_need_no_setting(tmp_path: Path, ending: str, masks_first: bool, high: int) -> None:
    photos = stored(tmp_path / "photos", ending, RNG.integers(0, 256, (20, 8, 8), dtype=np.uint8))
    masks = stored(tmp_path / "masks", ending, RNG.integers(0, high, (20, 8, 8), dtype=np.uint8))
    readers = [{"name": "folder" if ending in ("png", "tif") else "npz", "path": p} for p in (photos, masks)]
    example, condition = readers[::-1] if masks_first else readers
    config = {"name": "pair", "example": example, "condition": condition, "by": "order"}
    if high == 1 and not masks_first:
        with pytest.raises(DataError, match="the same for all training examples"):
            open_data(resolve("data", config, "data"))
        return
    batch = open_data(resolve("data", config, "data")).train.batch(np.arange(18))
    found = batch.x if masks_first else batch.condition
    assert found.unique().tolist() == list(range(high))  # type: ignore[union-attr]


def test_a_window_or_kind_of_something_else_is_refused(tmp_path: Path) -> None:
    masks = stored(tmp_path / "masks", "png", RNG.integers(0, 3, (12, 4, 4), dtype=np.uint8))
    with pytest.raises(DataError, match="these are of kind 'labels'"):
        folder(path=masks, kind="labels", window="auto")
    floats = stored(tmp_path / "floats", "npy", RNG.random((12, 4, 4)))
    with pytest.raises(DataError, match="numbers of labels are whole"):
        npz(path=floats, kind="labels")
    vectors = stored(tmp_path / "vectors", "npy", RNG.random((12, 4)))
    with pytest.raises(DataError, match="these are of kind 'vector'"):
        npz(path=vectors, window="auto")


def test_sheets_have_the_shades_of_the_files_where_an_eye_sees_them() -> None:
    x = np.ones((1, 1, 4, 4), np.float32)
    for end, shade in ((0.5, 128), (0.01, 255), (16.0, 255)):
        space = Space(kind="image", shape=(1, 4, 4), range=(0.0, 1.0), window=(0.0, end))
        picture = np.asarray(Image.open(io.BytesIO(sheet(x, DataSpec(example=space)))))
        assert picture.max() == shade
