from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data.idx import idx, read_idx

RNG = np.random.default_rng(0)


def encode(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(path: Path, array: np.ndarray) -> Path:
    content = encode(array)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def images(n: int) -> np.ndarray:
    return RNG.integers(0, 256, size=(n, 4, 5), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_four_files_round_trip_with_their_own_split(tmp_path, suffix) -> None:
    arrays = {"train": images(6), "t10k": images(4)}
    labels = {"train": np.array([3, 0, 3, 7, 0, 7], np.uint8), "t10k": np.array([7, 7, 0, 3], np.uint8)}
    for split in arrays:
        write(tmp_path / f"{split}-images-idx3-ubyte{suffix}", arrays[split])
        write(tmp_path / f"{split}-labels-idx1-ubyte{suffix}", labels[split])
    dataset = idx(path=str(tmp_path))
    assert dataset.spec.describe() == "image 1×4×5, 256 levels in [0, 1], 3 classes"
    assert dataset.spec.classes == ("0", "3", "7")
    for source, split in ((dataset.train, "train"), (dataset.test, "t10k")):
        pixels, numbers, _ = source.fetch(np.arange(len(source)))
        np.testing.assert_array_equal(pixels[:, 0], arrays[split])
        assert [int(dataset.spec.classes[i]) for i in numbers] == labels[split].tolist()


def test_one_file_is_split_and_finds_its_labels(tmp_path) -> None:
    path = write(tmp_path / "emnist-images-idx3-ubyte.gz", images(10))
    assert idx(path=str(path)).spec.classes == ()
    write(tmp_path / "emnist-labels-idx1-ubyte.gz", np.arange(10, dtype=np.uint8) % 2)
    for where in (path, tmp_path):
        dataset = idx(path=str(where), holdout=0.2)
        assert (len(dataset.train), len(dataset.test)) == (8, 2)
        assert dataset.spec.classes == ("0", "1")


def test_a_file_of_any_name_is_read(tmp_path) -> None:
    assert len(idx(path=str(write(tmp_path / "digits", images(10)))).train) == 9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encode(images(3))[:-1], "too short"),
        (encode(images(3)) + b"x", "too long"),
        (encode(images(3))[:9], "promises|too short|cannot be read"),
        (gzip.compress(encode(images(3)), mtime=0)[:-20], "cannot be read|too short"),
        (b"\x1f\x8bnot gzip at all", "cannot be read"),
        (b"\0\0\x0d\x03" + encode(images(3))[4:], "not an idx file of unsigned bytes"),
        (b"", "not an idx file"),
    ],
)
def test_damaged_files_are_named(tmp_path, content, message) -> None:
    path = tmp_path / "x-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"x-images-idx3-ubyte.*({message})"):
        read_idx(path)


def test_a_header_that_promises_terabytes_is_refused_at_once(tmp_path) -> None:
    path = tmp_path / "huge"
    path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**15, 2**15))
    with pytest.raises(DataError, match="huge"):
        read_idx(path)


def test_unclear_folders_say_what_is_expected(tmp_path) -> None:
    with pytest.raises(DataError, match="found none"):
        idx(path=str(tmp_path))
    for name in ("train", "t10k", "letters-train"):
        write(tmp_path / f"{name}-images-idx3-ubyte", images(2))
    with pytest.raises(DataError, match="Give the path of one file"):
        idx(path=str(tmp_path))
    with pytest.raises(DataError, match="no such file"):
        idx(path=str(tmp_path / "no"))


def test_labels_must_be_complete_and_of_the_right_shape(tmp_path) -> None:
    write(tmp_path / "train-images-idx3-ubyte", images(4))
    write(tmp_path / "t10k-images-idx3-ubyte", images(2))
    write(tmp_path / "train-labels-idx1-ubyte", np.zeros(4, np.uint8))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is missing"):
        idx(path=str(tmp_path))
    write(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(3, np.uint8))
    with pytest.raises(DataError, match="2 examples, but labels of shape"):
        idx(path=str(tmp_path))
    with pytest.raises(DataError, match="has 1 dimensions"):
        idx(path=str(tmp_path / "train-labels-idx1-ubyte"))
