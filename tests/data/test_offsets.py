"""Columns of numbers too large for 32 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.core.file_units import to_file
from genus.core.spec import DataSpec
from genus.data.csv_file import csv_file
from genus.data.dataset import Dataset
from genus.data.info import data_info
from genus.data.npz import npz
from genus.data.offsets import fit_offsets

RNG = np.random.default_rng(0)
TIMES = 1_700_000_000 + 7 * np.arange(360)
YEARS = 1.6e9 + np.sort(RNG.integers(0, 10**8, 500)).astype(np.float64)
PRESSURES = 101325 + 1e-3 * RNG.standard_normal(200)


def whole(dataset: Dataset) -> np.ndarray:
    source, _ = dataset.whole()
    return to_file(source.fetch(np.arange(len(source))).values, dataset.spec.example)


@pytest.mark.parametrize(("column", "error"), [(TIMES, 0), (YEARS, 2), (PRESSURES, 1e-9)])
@pytest.mark.parametrize("kind", ["csv", "npy", "npz"])
def test_values_come_back_in_64_bits(tmp_path: Path, kind: str, column: np.ndarray, error: float) -> None:
    table = np.stack([column, np.arange(len(column))], axis=1)
    path = str(tmp_path / f"a.{kind}")
    if kind == "csv":
        Path(path).write_text("t,x\n" + "".join(f"{a:.17g},{b}\n" for a, b in table))
    elif kind == "npy":
        np.save(path, table)
    else:
        np.savez(path, x_train=table, x_test=table)
    dataset = csv_file(path=path) if kind == "csv" else npz(path=path)
    back = whole(dataset)[: len(table)]
    np.testing.assert_allclose(back, table, rtol=0, atol=error)
    assert dataset.train.fetch(np.arange(3)).values.dtype == np.float32
    assert DataSpec.from_json(dataset.spec.to_json()) == dataset.spec
    assert dataset.spec.example.columns[1].offset == 0
    (remark,) = data_info(path, {"key": "x"} if kind == "csv" else {})["remarks"][:1]
    assert "is read less" in remark


def test_whole_numbers_of_64_bits_are_narrowed_last(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([TIMES * 1000, TIMES % 9], axis=1))
    np.testing.assert_array_equal(whole(npz(path=str(tmp_path / "a.npy")))[:, 0], TIMES * 1000)


def test_columns_that_32_bits_hold_have_no_offset() -> None:
    table = np.stack([293 + RNG.standard_normal(300), 1e6 * RNG.random(300), RNG.random(300)], axis=1)
    assert fit_offsets(table).tolist() == [0, 0, 0]
    assert fit_offsets(np.full((5, 1), 1.7e9)).tolist() == [0]
    assert fit_offsets(TIMES[:, None].astype(np.float32)).tolist() == [0]


def test_missing_values_count_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t,x\n" + "".join(f"{t if t % 2 else ''},{t % 9}\n" for t in TIMES))
    dataset = csv_file(path=str(path), missing="keep")
    source, _ = dataset.whole()
    raw = source.fetch(np.arange(len(source)))
    assert raw.observed is not None
    np.testing.assert_array_equal(raw.values[~raw.observed[:, 0], 0], 0)
    np.testing.assert_array_equal(whole(dataset)[raw.observed[:, 0], 0], TIMES[TIMES % 2 == 1])


def test_what_no_offset_keeps_apart_is_refused(tmp_path: Path) -> None:
    values = 1.7e9 * (1 + np.arange(300) % 2) + np.arange(300) / 7
    (tmp_path / "a.csv").write_text("b,t\n" + "".join(f"{i % 5},{v:.17g}\n" for i, v in enumerate(values)))
    with pytest.raises(DataError, match=r"column 1: its values.* would merge in 32-bit .*\['b', 't'\]"):
        csv_file(path=str(tmp_path / "a.csv"))


def test_an_outlier_does_not_move_the_offset() -> None:
    values = np.append(1.7e9 + np.arange(300) / 7, 1e15)
    assert abs(fit_offsets(values[:, None])[0] - 1.7e9) < 50
