from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data.npz import npz

RNG = np.random.default_rng(0)


def whole(dataset) -> np.ndarray:
    """All raw examples, training first."""
    return np.concatenate([s.fetch(np.arange(len(s)))[0] for s in (dataset.train, dataset.test)])


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, size=shape, dtype=np.uint8)


def test_medmnist_keys_give_the_splits_and_labels(tmp_path) -> None:
    path = tmp_path / "med.npz"
    train, test = pixels(5, 4, 6), pixels(3, 4, 6)
    np.savez(
        path,
        train_images=train,
        train_labels=np.array([[0], [2], [0], [1], [2]]),
        val_images=pixels(2, 4, 6),
        val_labels=np.zeros((2, 1)),
        test_images=test,
        test_labels=np.array([[1], [1], [0]]),
    )
    dataset = npz(path=str(path))
    assert dataset.spec.describe() == "image 1×4×6, 256 levels in [0, 1], 3 classes"
    np.testing.assert_array_equal(dataset.train.fetch(np.arange(5))[0][:, 0], train)
    assert dataset.test.fetch(np.arange(3))[1].tolist() == [1, 1, 0]
    assert npz(path=str(path), labels=False).spec.classes == ()
    assert len(npz(path=str(path), array="val_images", holdout=0.5).train) == 1


@pytest.mark.parametrize("keys", [("x", "y"), ("images", "labels"), ("X", "y"), ("x_train", "y_train")])
def test_other_customary_keys(tmp_path, keys) -> None:
    labels = np.array(["no", "yes"] * 5)
    np.savez_compressed(tmp_path / "a.npz", **{keys[0]: pixels(10, 3, 3), keys[1]: labels})
    dataset = npz(path=str(tmp_path / "a.npz"))
    assert dataset.spec.classes == ("no", "yes")
    assert (len(dataset.train), len(dataset.test)) == (9, 1)


@pytest.mark.parametrize(
    ("shape", "layout", "kind", "expected"),
    [
        ((7,), "auto", "vector", (7,)),
        ((5, 6), "auto", "image", (1, 5, 6)),
        ((5, 6, 3), "auto", "image", (3, 5, 6)),
        ((2, 5, 6), "auto", "image", (2, 5, 6)),
        ((5, 6, 7), "auto", "volume", (1, 5, 6, 7)),
        ((9, 16, 17), "auto", "volume", (1, 9, 16, 17)),
        ((17, 35, 35), "auto", "volume", (1, 17, 35, 35)),
        ((1, 5, 6, 7), "auto", "volume", (1, 5, 6, 7)),
        ((3, 5, 3), "chw", "image", (3, 5, 3)),
        ((9, 9, 7), "hwc", "image", (7, 9, 9)),
        ((2, 5, 6), "dhw", "volume", (1, 2, 5, 6)),
        ((5, 17, 23), "dhw", "volume", (1, 5, 17, 23)),
        ((5, 17, 23), "chw", "image", (5, 17, 23)),
        ((50,), "l", "sequence", (1, 50)),
        ((2, 50), "cl", "sequence", (2, 50)),
        ((50, 2), "lc", "sequence", (2, 50)),
    ],
)
def test_axes(tmp_path, shape, layout, kind, expected) -> None:
    array = RNG.random((10, *shape))
    np.save(tmp_path / "a.npy", array)
    dataset = npz(path=str(tmp_path / "a.npy"), layout=layout)
    assert (dataset.spec.kind, dataset.spec.shape) == (kind, expected)
    ours = np.sort(whole(dataset).reshape(10, -1).sum(1))
    np.testing.assert_allclose(ours, np.sort(array.reshape(10, -1).sum(1)), rtol=1e-6)
    assert dataset.spec.range == (None if kind == "vector" else (0.0, 1.0))


@pytest.mark.parametrize(("shape", "layout"), [((6,), "l"), ((2, 6), "cl"), ((6, 2), "lc")])
@pytest.mark.parametrize(
    ("values", "bounds", "levels"),
    [
        (np.linspace(-3, 3, 12), None, None),
        (np.linspace(0, 1, 12), (0.0, 1.0), None),
        (np.linspace(-1, 1, 12), None, None),
        (np.arange(12, dtype=np.uint8), (0.0, 1.0), 256),
        (np.arange(12, dtype=np.uint16), (0.0, 1.0), 65536),
        (np.arange(12, dtype=np.int16), None, None),
        (np.arange(12) % 2 == 0, (0.0, 1.0), 2),
    ],
)
def test_sequences_are_bounded_by_levels_or_by_all_of_their_values(
    tmp_path, shape, layout, values, bounds, levels
) -> None:
    array = np.resize(values, (10, *shape))
    np.save(tmp_path / "a.npy", array)
    spec = npz(path=str(tmp_path / "a.npy"), layout=layout).spec
    assert (spec.kind, spec.range, spec.levels) == ("sequence", bounds, levels)


def test_one_split_outside_makes_sequences_unbounded(tmp_path) -> None:
    path = str(tmp_path / "a.npz")
    np.savez(path, x_train=RNG.random((4, 2, 6)), x_test=2 + RNG.random((4, 2, 6)))
    dataset = npz(path=path, layout="cl")
    assert dataset.spec.range is None
    assert float(dataset.test.batch(np.arange(4)).x.min()) >= 2


def test_last_channels_of_sequences_become_first(tmp_path) -> None:
    array = np.arange(10 * 6 * 2).reshape(10, 6, 2)
    np.save(tmp_path / "a.npy", array)
    ours = whole(npz(path=str(tmp_path / "a.npy"), layout="lc"))
    np.testing.assert_array_equal(np.sort(ours, axis=0), array.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (RNG.normal(size=(10, 2, 50)), r"taken for images of 1×2×50: values must lie in \[0, 1\], but"),
        (np.arange(-500, 500).reshape(10, 2, 50), "whole numbers from -500 to 499"),
    ],
)
def test_values_no_image_has_are_told_of_the_layouts_of_sequences(tmp_path, values, said) -> None:
    np.savez(tmp_path / "s.npz", x=values)
    layouts = "data.layout=cl for 2 channels of length 50 or data.layout=lc for 50 channels of length 2"
    with pytest.raises(DataError, match=f"s.npz: x.*{said}.*{layouts}"):
        npz(path=str(tmp_path / "s.npz"))
    with pytest.raises(DataError, match=r"scale them[^;]*$"):  # whoever says hw has images
        npz(path=str(tmp_path / "s.npz"), layout="hw")


@pytest.mark.parametrize(
    ("shape", "choices"),
    [
        ((5, 17, 23), "chw for images of 5 channels or data.layout=dhw for volumes of 5×17×23"),
        ((16, 33, 33), "chw for images of 16 channels or data.layout=dhw for volumes of 16×33×33"),
        ((64, 64, 13), "hwc for images of 13 channels or data.layout=dhw for volumes of 64×64×13"),
        ((3, 9, 4), "chw for images of 3 .* data.layout=hwc for images of 4 .* data.layout=dhw for"),
    ],
)
def test_channels_that_may_be_slices_are_asked_for(tmp_path, shape, choices) -> None:
    np.save(tmp_path / "a.npy", RNG.random((3, *shape), dtype=np.float32))
    with pytest.raises(DataError, match=f"are not clear; set data.layout={choices}"):
        npz(path=str(tmp_path / "a.npy"))


def test_channels_last_become_channels_first(tmp_path) -> None:
    array = pixels(10, 6, 5, 3)
    np.save(tmp_path / "a.npy", array)
    dataset = npz(path=str(tmp_path / "a.npy"))
    ours = whole(dataset).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(np.sort(ours, axis=0), np.sort(array, axis=0))


@pytest.mark.parametrize(
    ("dtype", "top", "levels"),
    [
        (np.uint8, 255, 256),
        (np.uint16, 65535, 65536),
        (np.int64, 255, 256),
        (np.int32, 40000, 65536),
        (bool, 1, 2),
    ],
)
def test_whole_numbers_are_levels(tmp_path, dtype, top, levels) -> None:
    np.save(tmp_path / "a.npy", np.full((4, 2, 2), top).astype(dtype))
    dataset = npz(path=str(tmp_path / "a.npy"))
    assert dataset.spec.levels == levels
    expected = top / (levels - 1)
    assert dataset.train.batch(np.array([0])).x.flatten().tolist() == pytest.approx([expected] * 4, abs=1e-7)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((4, 3, 3), 200.0), "look like 8-bit.*divide by 255"),
        (np.full((4, 3, 3), -0.5), r"must lie in \[0, 1\], but -0.5 occurs"),
        (np.full((4, 3, 3), np.nan), "NaN"),
        (np.full((4, 5), np.inf), "infinity"),
        (np.full((4, 3, 3), -1), "whole numbers from -1"),
        (np.full((4, 3, 3), 1j), "type complex128"),
        (np.zeros((4, 3, 2, 3)), "layout"),
        (np.zeros(4), "layout"),
        (np.zeros((0, 3, 3)), "empty"),
        (np.zeros((4, 2, 3, 4, 5, 6)), "layout"),
    ],
)
def test_arrays_that_fit_nothing_are_refused(tmp_path, array, message) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=message):
        npz(path=str(tmp_path / "a.npy"))


def test_a_layout_must_fit_the_axes(tmp_path) -> None:
    np.save(tmp_path / "a.npy", pixels(4, 3, 3))
    with pytest.raises(DataError, match="not N and 'hwc'"):
        npz(path=str(tmp_path / "a.npy"), layout="hwc")


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_python_objects_are_never_loaded(tmp_path, name) -> None:
    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, trap, allow_pickle=True)
    else:
        np.savez(path, x=trap)
    with pytest.raises(DataError, match="Python objects, which are never loaded"):
        npz(path=str(path))


@pytest.mark.parametrize("keep", [0.3, 0.9])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_truncated_files_are_typed_errors(tmp_path, name, keep) -> None:
    path = tmp_path / name
    (np.save if name == "a.npy" else np.savez)(path, pixels(10, 8, 8))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match=r"cannot be read|neither"):
        npz(path=str(path))


def test_a_damaged_member_is_named(tmp_path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, pixels(10, 8, 8))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue())
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[400] ^= 255
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match="array 'x'"):
        npz(path=str(tmp_path / "a.npz"))


def test_keys_that_say_nothing_are_listed(tmp_path) -> None:
    path = str(tmp_path / "a.npz")
    np.savez(path, foo=pixels(4, 3, 3), bar=pixels(4, 3, 3))
    with pytest.raises(DataError, match=r"has the arrays foo, bar; .*array: NAME"):
        npz(path=path)
    assert len(npz(path=path, array="foo").train) == 3
    with pytest.raises(DataError, match="no array 'baz'; it has foo, bar"):
        npz(path=path, array="baz")
    with pytest.raises(DataError, match="cannot be read"):
        npz(path=str(tmp_path / "none.npz"))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match="neither"):
        npz(path=str(tmp_path / "text.npz"))


def test_splits_and_labels_must_agree(tmp_path) -> None:
    path = str(tmp_path / "a.npz")
    np.savez(path, train_images=pixels(4, 3, 3), test_images=pixels(4, 3, 4))
    with pytest.raises(DataError, match="differ in shape"):
        npz(path=path)
    np.savez(path, train_images=pixels(4, 3, 3), train_labels=np.zeros(4), test_images=pixels(4, 3, 3))
    with pytest.raises(DataError, match="no array 'test_labels'"):
        npz(path=path)
    np.savez(path, x=pixels(4, 3, 3), y=np.zeros((4, 14)))
    with pytest.raises(DataError, match="one class per example"):
        npz(path=path)
    np.savez(path, x=pixels(4, 3, 3), y=np.array([0.5, 1, 2, 3]))
    with pytest.raises(DataError, match="fractions"):
        npz(path=path)


@pytest.mark.parametrize("shape", [(12, 5, 6), (12, 4)])
@pytest.mark.parametrize("kind", ["u2", "i4", "f4", "f8"])
def test_byte_order_changes_nothing(tmp_path, kind, shape) -> None:
    values = RNG.integers(0, 200, size=shape)
    values = values / 200 if kind[0] == "f" else values
    found = []
    for order in "<>":
        array = values.astype(order + kind)
        np.save(tmp_path / f"{order}.npy", array)
        np.savez(tmp_path / f"{order}.npz", x=array, y=np.arange(12).astype(order + "i2") % 3)
        found.append([npz(path=str(tmp_path / f"{order}.{ending}")) for ending in ("npy", "npz")])
    for one, other in zip(*found, strict=True):
        assert one.spec == other.spec
        assert one.fingerprint == other.fingerprint
        assert (one.train.batch(np.arange(3)).x == other.train.batch(np.arange(3)).x).all()


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_values_beyond_32_bits_are_an_error(tmp_path, ending) -> None:
    values = np.zeros((20, 3))
    values[7, 1] = -1e300
    path = str(tmp_path / f"a.{ending}")
    np.save(path, values) if ending == "npy" else np.savez(path, x=values)
    with pytest.raises(DataError, match=r"example 7 holds -1e\+300, more than 32 bits hold"):
        npz(path=path)


def test_a_constant_column_does_not_merge(tmp_path) -> None:
    path = str(tmp_path / "a.npy")
    np.save(path, np.stack([np.arange(20.0), 0.1 + 1e-17 * np.arange(20), np.full(20, 16777217.0)], axis=1))
    assert npz(path=path).spec.shape == (3,)


def test_labels_of_bytes_are_text_and_numbers_in_text_are_sorted_as_numbers(tmp_path) -> None:
    path = str(tmp_path / "a.npz")
    np.savez(path, x=pixels(20, 4, 4), y=np.array([b"cat", b"dog"] * 10))
    assert npz(path=path).spec.classes == ("cat", "dog")
    np.savez(path, x=pixels(20, 4, 4), y=np.array(["10", "2"] * 10))
    assert npz(path=path).spec.classes == ("2", "10")
    np.savez(path, x=pixels(20, 4, 4), y=np.array([b"\xff", b"a"] * 10))
    with pytest.raises(DataError, match="no UTF-8"):
        npz(path=path)


def test_labels_that_are_nan_are_called_so(tmp_path) -> None:
    path = str(tmp_path / "a.npz")
    labels = np.arange(20.0) % 2
    labels[[3, 9]] = np.nan
    np.savez(path, x=pixels(20, 4, 4), y=labels)
    with pytest.raises(DataError, match="2 labels are NaN or infinite, the first of example 3"):
        npz(path=path)
