from __future__ import annotations

import pickle
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genus.core.errors import DataError
from genus.data.folder import folder
from genus.data.loader import Loader

RNG = np.random.default_rng(0)


def save(path: Path, array: np.ndarray, mode: str | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def grey(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, size=shape, dtype=np.uint8)


def fill(root: Path, count: int, *shape: int) -> np.ndarray:
    arrays = grey(count, *shape)
    for i, array in enumerate(arrays):
        save(root / f"{i:03}.png", array)
    return arrays


def everything(dataset) -> np.ndarray:
    """Training and test images, sorted by content."""
    parts = [s.fetch(np.arange(len(s)))[0] for s in (dataset.train, dataset.test)]
    return np.sort(np.concatenate(parts).reshape(len(dataset.train) + len(dataset.test), -1), axis=0)


@pytest.mark.parametrize("cache", [0, 256])
@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (9, 4, 3)])
def test_odd_non_square_grey_and_colour_images_round_trip(tmp_path, shape, cache) -> None:
    arrays = fill(tmp_path, 10, *shape)
    dataset = folder(path=str(tmp_path), cache=cache)
    channels_first = arrays.transpose(0, 3, 1, 2) if len(shape) == 3 else arrays[:, None]
    assert dataset.spec.shape == channels_first.shape[1:]
    assert (len(dataset.train), len(dataset.test)) == (9, 1)
    np.testing.assert_array_equal(everything(dataset), np.sort(channels_first.reshape(10, -1), axis=0))


def test_streamed_and_cached_sources_agree_and_feed_reader_processes(tmp_path) -> None:
    fill(tmp_path, 12, 4, 4)
    cached, streamed = (folder(path=str(tmp_path), cache=c) for c in (256, 0))
    assert cached.fingerprint == streamed.fingerprint
    a = Loader(cached.train, 4, seed=0).iterate()
    b = Loader(pickle.loads(pickle.dumps(streamed.train)), 4, seed=0, workers=1).iterate()
    for _ in range(4):
        assert next(a).batch.x.equal(next(b).batch.x)
    b.close()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_stays_16_bit(tmp_path, suffix) -> None:
    for i, value in enumerate((40000, 1)):
        save(tmp_path / f"{i}.{suffix}", np.full((3, 2), value, np.uint16))
    dataset = folder(path=str(tmp_path), holdout=0.5)
    assert dataset.spec.levels == 65536
    x = [float(s.batch(np.array([0])).x[0, 0, 0, 0]) for s in (dataset.train, dataset.test)]
    assert sorted(x) == pytest.approx([1 / 65535, 40000 / 65535], abs=1e-7)
    assert folder(path=str(tmp_path), mode="rgb").spec.shape == (3, 3, 2)
    resized = folder(path=str(tmp_path), size=8, resize="stretch").train.fetch(np.array([0]))[0]
    assert set(np.unique(resized)) <= {1, 40000}


def png(width: int, height: int, depth: int, colour: int, body: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_16_bit_colour_is_refused_rather_than_cut_to_8_bits(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(png(1, 1, 16, 2, zlib.compress(b"\0" + b"\x12\x34" * 3)))
    with pytest.raises(DataError, match=r"a\.png: 16-bit colour"):
        folder(path=str(tmp_path))


@pytest.mark.parametrize("side", [13_000, 30_000])
def test_png_bomb_is_refused_without_decoding(tmp_path, side) -> None:
    fill(tmp_path, 3, 4, 4)
    deflate = zlib.compressobj(9)
    body = b"".join(deflate.compress(bytes(side // 8 + 1)) for _ in range(side)) + deflate.flush()
    (tmp_path / "bomb.png").write_bytes(png(side, side, 1, 0, body))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"bomb\.png.*nothing was decoded"):
        folder(path=str(tmp_path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


@pytest.mark.parametrize("damage", ["cut", "noise", "text", "empty"])
def test_exactly_the_one_corrupt_file_of_a_hundred_is_named(tmp_path, damage) -> None:
    fill(tmp_path, 100, 16, 16)
    bad = tmp_path / "037.png"
    content = bytearray(bad.read_bytes())
    if damage == "noise":
        content[60:] = RNG.bytes(len(content) - 60)
    bad.write_bytes({"cut": content[:-100], "noise": content, "text": b"no image", "empty": b""}[damage])
    with pytest.raises(DataError) as caught:
        folder(path=str(tmp_path))
    assert str(bad) in str(caught.value)
    assert str(caught.value).count(".png") == str(caught.value).count("037.png")
    assert "1 file of 100" in str(caught.value)


def test_headers_alone_are_checked_when_asked_and_the_rest_when_fetched(tmp_path) -> None:
    fill(tmp_path, 4, 16, 16)
    bad = tmp_path / "002.png"
    bad.write_bytes(bad.read_bytes()[:-100])
    dataset = folder(path=str(tmp_path), check=False)
    with pytest.raises(DataError, match=r"002\.png: cannot be read"):
        everything(dataset)


def test_an_empty_folder_and_no_folder_are_errors(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match="holds no image"):
        folder(path=str(tmp_path))
    with pytest.raises(DataError, match="not a folder"):
        folder(path=str(tmp_path / "missing"))
    assert DataError("").exit_code == 2


def test_classes_are_visible_folders_with_images_to_any_depth(tmp_path) -> None:
    fill(tmp_path / "cat", 4, 3, 3)
    fill(tmp_path / "dog" / "deep" / "er", 6, 3, 3)
    for junk in (".git", "__MACOSX", ".ipynb_checkpoints"):
        fill(tmp_path / junk, 1, 9, 9)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "readme.md").write_text("x")
    (tmp_path / "cat" / "._000.png").write_bytes(b"resource fork")
    (tmp_path / "cat" / "loop").symlink_to(tmp_path)
    dataset = folder(path=str(tmp_path), holdout=0.5)
    assert dataset.spec.classes == ("cat", "dog")
    labels = [s.fetch(np.arange(5))[1] for s in (dataset.train, dataset.test)]
    assert [np.bincount(split).tolist() for split in labels] == [[2, 3], [2, 3]]
    assert folder(path=str(tmp_path), labels=False).spec.classes == ()


def test_labels_follow_their_images(tmp_path) -> None:
    for value, name in ((10, "low"), (200, "high")):
        for i in range(5):
            save(tmp_path / name / f"{i}.png", np.full((2, 2), value + i, np.uint8))
    dataset = folder(path=str(tmp_path))
    pixels, labels, _ = dataset.train.fetch(np.arange(len(dataset.train)))
    names = np.array(dataset.spec.classes)[labels]
    np.testing.assert_array_equal(pixels[:, 0, 0, 0] < 100, names == "low")


def test_images_beside_class_folders_need_a_decision(tmp_path) -> None:
    fill(tmp_path, 2, 3, 3)
    fill(tmp_path / "cat", 2, 3, 3)
    with pytest.raises(DataError, match=r"2 images lie beside.*labels: false"):
        folder(path=str(tmp_path))
    assert len(folder(path=str(tmp_path), labels=False).train) == 3


def test_one_class_folder_makes_no_classes(tmp_path) -> None:
    fill(tmp_path / "all", 3, 3, 3)
    assert folder(path=str(tmp_path)).spec.classes == ()


@pytest.mark.parametrize(("names", "sizes"), [(("train", "val", "test"), (4, 2)), (("Train", "val"), (4, 6))])
def test_split_folders_are_the_splits(tmp_path, names, sizes) -> None:
    for name in names:
        for kind in ("a", "b"):
            fill(tmp_path / name / kind, {"train": 2, "test": 1, "val": 3}[name.lower()], 3, 3)
    dataset = folder(path=str(tmp_path))
    assert dataset.spec.classes == ("a", "b")
    assert (len(dataset.train), len(dataset.test)) == sizes


def test_mixed_sizes_need_a_policy_and_show_a_histogram(tmp_path) -> None:
    fill(tmp_path / "a", 3, 6, 8)
    fill(tmp_path / "b", 1, 5, 5)
    with pytest.raises(DataError, match=r"2 sizes .*6×8 \(3\), 5×5 \(1\); set size"):
        folder(path=str(tmp_path))
    with pytest.raises(DataError, match=r"size is 4×4, but .*6×8 \(3\), 5×5 \(1\); set resize"):
        folder(path=str(tmp_path), size=4)
    for policy in ("crop", "pad", "stretch"):
        assert folder(path=str(tmp_path), size=(4, 6), resize=policy).spec.shape == (1, 4, 6)
    with pytest.raises(DataError, match="got"):
        folder(path=str(tmp_path), size=(4, 6, 8), resize="crop")


def test_resize_policies_do_what_they_say(tmp_path) -> None:
    wide = np.zeros((4, 8), np.uint8)
    wide[:, 2:6] = 255
    save(tmp_path / "0.png", wide)
    save(tmp_path / "1.png", wide)
    crop, pad, stretch = (
        folder(path=str(tmp_path), size=4, resize=r).train.fetch(np.array([0]))[0][0, 0]
        for r in ("crop", "pad", "stretch")
    )
    assert (crop == 255).all()
    assert pad[[0, 3]].max() == 0
    assert pad[1:3].max() > 200
    np.testing.assert_array_equal(stretch, stretch[:1].repeat(4, 0))
    assert stretch[0, 0] < 60
    assert stretch[0, 1] > 200


def test_mixed_grey_and_colour_need_a_mode(tmp_path) -> None:
    fill(tmp_path / "a", 3, 4, 4)
    fill(tmp_path / "b", 2, 4, 4, 3)
    with pytest.raises(DataError, match=r"grey \(3 images\), colour \(2 images\); set mode"):
        folder(path=str(tmp_path))
    assert folder(path=str(tmp_path), mode="grey").spec.shape == (1, 4, 4)
    assert folder(path=str(tmp_path), mode="rgb").spec.shape == (3, 4, 4)


def test_mixed_depths_are_refused(tmp_path) -> None:
    fill(tmp_path, 2, 4, 4)
    save(tmp_path / "deep.png", np.zeros((4, 4), np.uint16))
    with pytest.raises(DataError, match="bits per channel"):
        folder(path=str(tmp_path), size=4)


@pytest.mark.parametrize("kind", ["RGBA", "P", "LA"])
def test_transparency_needs_a_policy(tmp_path, kind) -> None:
    pixel = {"RGBA": (200, 100, 0, 0), "LA": (200, 0), "P": 0}[kind]
    image = Image.new(kind, (2, 2), pixel)
    options = {}
    if kind == "P":
        image.putpalette([200, 100, 0, 1, 2, 3])
        options = {"transparency": 0}
    for i in range(2):
        image.save(tmp_path / f"{i}.png", **options)
    with pytest.raises(DataError, match=r"2 of 2 images may have transparent pixels.*alpha: drop"):
        folder(path=str(tmp_path))

    def pixels(alpha: str) -> list[int]:
        return folder(path=str(tmp_path), alpha=alpha).train.fetch(np.array([0]))[0][0, :, 0, 0].tolist()

    colour = [200] if kind == "LA" else [200, 100, 0]
    assert pixels("drop") == colour
    assert pixels("white") == [255] * len(colour)
    assert pixels("black") == [0] * len(colour)
    assert pixels("keep") == [*colour, 0]


def test_keeping_opacity_gives_opaque_images_a_full_channel(tmp_path) -> None:
    Image.new("RGBA", (2, 2), (1, 2, 3, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "b.png")
    dataset = folder(path=str(tmp_path), alpha="keep")
    assert everything(dataset).reshape(2, 4, 4)[:, 3].tolist() == [[4] * 4, [255] * 4]


def test_half_transparent_pixels_are_laid_on_the_background(tmp_path) -> None:
    for i in range(2):
        Image.new("RGBA", (1, 1), (100, 0, 0, 51)).save(tmp_path / f"{i}.png")
    x = folder(path=str(tmp_path), alpha="white").train.fetch(np.array([0]))[0][0, :, 0, 0]
    np.testing.assert_allclose(x, [0.2 * 100 + 0.8 * 255, 204, 204], atol=1)


def test_an_opaque_palette_becomes_its_colours(tmp_path) -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    for i in range(2):
        image.save(tmp_path / f"{i}.png")
    assert folder(path=str(tmp_path)).train.fetch(np.array([0]))[0][0, :, 0, 0].tolist() == [10, 20, 30]


def test_cmyk_needs_a_mode(tmp_path) -> None:
    for i in range(2):
        Image.new("CMYK", (4, 4), (255, 0, 0, 0)).save(tmp_path / f"{i}.tif")
    with pytest.raises(DataError, match="is CMYK; set mode: rgb"):
        folder(path=str(tmp_path))
    red, green, blue = folder(path=str(tmp_path), mode="rgb").train.fetch(np.array([0]))[0][0, :, 0, 0]
    assert red < green
    assert red < blue


def test_floats_animations_and_disguised_formats_are_refused(tmp_path) -> None:
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "float.tif")
    frames = [Image.new("L", (2, 2), i) for i in range(3)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "icon.png", format="ICO")
    with pytest.raises(DataError) as caught:
        folder(path=str(tmp_path))
    text = str(caught.value)
    assert "3 files of 3" in text
    assert "film.gif: holds 3 frames" in text
    assert "float.tif: pixel format 'F'" in text
    assert "icon.png: cannot be read as an image" in text


def test_exif_turns_are_applied(tmp_path) -> None:
    array = grey(4, 6)
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(2):
        save(tmp_path / f"{i}.png", array, exif=exif)
    dataset = folder(path=str(tmp_path))
    assert dataset.spec.shape == (1, 6, 4)
    np.testing.assert_array_equal(dataset.train.fetch(np.array([0]))[0][0, 0], np.rot90(array, -1))


def test_one_bit_images_are_black_and_white(tmp_path) -> None:
    for i in range(2):
        save(tmp_path / f"{i}.png", np.array([[0, 255]], np.uint8), mode="1")
    assert folder(path=str(tmp_path)).train.fetch(np.array([0]))[0].flatten().tolist() == [0, 255]


def test_fingerprint_follows_content_not_dates(tmp_path) -> None:
    arrays = fill(tmp_path, 4, 3, 3)
    first = folder(path=str(tmp_path)).fingerprint
    save(tmp_path / "001.png", arrays[1])
    assert folder(path=str(tmp_path)).fingerprint == first
    save(tmp_path / "001.png", 255 - arrays[1])
    assert folder(path=str(tmp_path)).fingerprint != first
    assert folder(path=str(tmp_path), holdout=0.5).fingerprint != folder(path=str(tmp_path)).fingerprint


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_header_and_decoder_agree_on_turned_images(tmp_path, ending, orientation) -> None:
    picture = Image.fromarray(np.repeat(np.repeat(grey(2, 3, 3), 8, axis=0), 8, axis=1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    for i in range(3):
        picture.save(tmp_path / f"{i}.{ending}", exif=exif)
    size = (24, 16) if orientation >= 5 else (16, 24)
    dataset = folder(path=str(tmp_path))
    assert dataset.spec.shape[1:] == size
    assert folder(path=str(tmp_path), size=size, cache=0).train.fetch(np.arange(2)).values.shape[2:] == size


def test_class_folders_that_are_numbers_are_sorted_as_numbers(tmp_path) -> None:
    for name in ("1", "10", "2"):
        fill(tmp_path / name, 10, 4, 4)
    dataset = folder(path=str(tmp_path))
    assert dataset.spec.classes == ("1", "2", "10")
    keys, labels = dataset.train.keys, dataset.train.fetch(np.arange(len(dataset.train))).condition
    assert keys is not None
    assert all(dataset.spec.classes[n] == key.split("/")[0] for n, key in zip(labels, keys, strict=True))
