from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genus.core.errors import DataError
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource, Subset
from genus.data.dataset import Dataset, dataset_from_arrays
from genus.data.split import fingerprint, hold_out

GREY = DataSpec(
    example=Space(kind="image", shape=(1, 2, 2), range=(0.0, 1.0), levels=256),
    condition=class_space(("a", "b")),
)
FLOATS = DataSpec(example=Space(kind="image", shape=(1, 2, 2), range=(0.0, 1.0)))
VECTOR = DataSpec(example=Space(kind="vector", shape=(3,)))


def test_every_8_bit_level_is_the_nearest_float32_to_k_over_255() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(256,), range=(0.0, 1.0), levels=256))
    source = ArraySource(np.arange(256, dtype=np.uint8)[None], None, spec)
    expected = (np.arange(256) / 255).astype(np.float32)
    np.testing.assert_array_equal(source.batch(np.array([0])).x[0].numpy(), expected)


def test_16_bit_levels_are_k_over_65535() -> None:
    spec = DataSpec(example=Space(kind="image", shape=(1, 1, 2), range=(0.0, 1.0), levels=65536))
    array = np.array([40000, 65535], dtype=np.uint16).reshape(1, 1, 1, 2)
    x = ArraySource(array, None, spec).batch(np.array([0])).x
    assert x.flatten().tolist() == pytest.approx([40000 / 65535, 1.0], abs=1e-7)


def test_rows_come_in_the_order_asked_with_their_labels() -> None:
    array = np.arange(5, dtype=np.uint8).repeat(4).reshape(5, 1, 2, 2)
    source = ArraySource(array, np.array([0, 1, 0, 1, 0]), GREY)
    batch = source.batch(np.array([4, 1, 1]))
    assert (batch.x[:, 0, 0, 0] * 255).round().tolist() == [4, 1, 1]
    assert batch.condition is not None
    assert batch.condition.dtype == torch.int64
    assert batch.condition.tolist() == [0, 1, 1]


def test_batches_do_not_share_memory_with_the_source() -> None:
    array = np.zeros((2, 3), dtype=np.float32)
    source = ArraySource(array, None, VECTOR)
    source.batch(np.array([0])).x.add_(1)
    assert array.sum() == 0


def test_memory_mapped_and_transposed_arrays_read_the_same(tmp_path) -> None:
    values = np.random.default_rng(0).integers(0, 256, size=(6, 2, 2, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", values)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r").transpose(0, 3, 1, 2)
    spec = DataSpec(example=Space(kind="image", shape=(3, 2, 2), range=(0.0, 1.0), levels=256))
    indices = np.array([5, 0, 3])
    raw, *_ = ArraySource(mapped, None, spec).fetch(indices)
    assert type(raw) is np.ndarray
    np.testing.assert_array_equal(raw, values.transpose(0, 3, 1, 2)[indices])


def test_subset_renumbers_and_keeps_what_is_known_of_a_mixture() -> None:
    centres = np.zeros((1, 3))
    source = ArraySource(np.arange(12.0).reshape(4, 3), None, VECTOR, centres=centres, sigma=0.5)
    subset = pickle.loads(pickle.dumps(Subset(source, np.array([3, 1]))))
    assert len(subset) == 2
    assert subset.batch(np.array([1])).x.tolist() == [[3, 4, 5]]
    assert subset.sigma == 0.5
    assert subset.centres is not None


@pytest.mark.parametrize(
    ("array", "labels", "spec", "message"),
    [
        (np.zeros((2, 1, 2, 3), np.uint8), None, GREY, "shape"),
        (np.full((2, 1, 2, 2), 200.0), None, FLOATS, "look like 8-bit.*divide by 255"),
        (np.full((2, 1, 2, 2), -1.0), None, FLOATS, r"must lie in \[0, 1\], but -1 occurs.*scale them"),
        (np.full((2, 3), np.nan), None, VECTOR, "example 0 contains NaN"),
        (np.array([[0, 0, 0], [0, np.inf, 0.0]]), None, VECTOR, "example 1 contains NaN or inf"),
        (np.zeros((2, 3), object), None, VECTOR, "type object"),
        (np.zeros((2, 1, 2, 2), np.uint8), None, FLOATS, "declare spec.levels"),
        (np.zeros((2, 1, 2, 2), np.uint8), np.array([0]), GREY, "2 examples, but labels of shape"),
        (np.zeros((2, 1, 2, 2), np.uint8), np.array([0, 2]), GREY, "labels run from 0 to 2"),
    ],
)
def test_values_that_do_not_fit_the_declaration_are_refused(array, labels, spec, message) -> None:
    with pytest.raises(DataError, match=message):
        ArraySource(array, labels, spec)


def test_levels_beyond_the_declared_number_are_refused() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(1,), range=(0.0, 1.0), levels=17))
    with pytest.raises(DataError, match="17 occurs"):
        ArraySource(np.array([[17]], np.uint8), None, spec)


@settings(deadline=None)
@given(st.integers(2, 300), st.floats(0.01, 0.99), st.integers(1, 5), st.integers(0, 9))
def test_hold_out_partitions_stratifies_and_repeats(n, share, classes, seed) -> None:
    labels = np.random.default_rng(seed).integers(classes, size=n)
    count = max(1, round(share * n))
    if count >= n:
        with pytest.raises(DataError, match="cannot be split"):
            hold_out(n, share, labels)
        return
    train, test = hold_out(n, share, labels)
    assert len(test) == count
    assert sorted([*train, *test]) == list(range(n))
    for label in range(classes):
        ours = int((labels[test] == label).sum())
        assert abs(ours - count * (labels == label).sum() / n) <= 1
    np.testing.assert_array_equal(hold_out(n, share, labels)[1], test)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0])
def test_hold_out_refuses_what_is_no_share(share) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        hold_out(10, share)


def test_fingerprint_sees_every_value_the_type_and_the_split() -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    changed = array.copy()
    changed[2, 1, 1] += 1
    prints = {fingerprint(a) for a in (array, changed, array.astype(np.int16), array.reshape(3, 4))}
    assert len(prints) == 4
    assert fingerprint(array) == fingerprint(np.asfortranarray(array))
    image = np.zeros((20, 1, 2, 2), np.uint8)
    ten, twenty = (dataset_from_arrays("x", image, None, GREY, holdout=h).fingerprint for h in (0.1, 0.2))
    assert ten != twenty
    assert len(ten) == 16


def test_a_data_set_has_two_splits_of_what_it_declares() -> None:
    source = ArraySource(np.zeros((4, 3)), None, VECTOR)
    empty = Subset(source, np.array([], dtype=np.int64))
    with pytest.raises(DataError, match="no test examples"):
        Dataset(name="x", spec=VECTOR, train=source, test=empty, fingerprint="")
    with pytest.raises(DataError, match="declared is"):
        Dataset(name="x", spec=GREY, train=source, test=source, fingerprint="")
