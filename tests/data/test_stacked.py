from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data.digits import digits28
from genus.data.stacked import stacked_digits
from genus.data.toy import subspaces


def test_channels_are_digits_and_the_class_names_them() -> None:
    dataset = stacked_digits(n=50)
    digits = digits28().train
    pixels, labels, _ = digits.fetch(np.arange(len(digits)))
    assert labels is not None
    known = {image.tobytes(): label for image, label in zip(pixels[:, 0], labels, strict=True)}
    stacked, modes, _ = dataset.train.fetch(np.arange(50))
    assert stacked.shape == (50, 3, 28, 28)
    assert modes is not None
    for image, mode in zip(stacked, modes, strict=True):
        assert [known[channel.tobytes()] for channel in image] == [int(c) for c in f"{mode:03d}"]
    assert dataset.spec.classes[7] == "007"


def test_it_is_fixed_by_its_seed_and_splits_do_not_share_digits() -> None:
    first, again, other = stacked_digits(n=20), stacked_digits(n=20), stacked_digits(n=20, seed=1)
    rows = np.arange(20)
    assert (first.train.fetch(rows)[0] == again.train.fetch(rows)[0]).all()
    assert first.fingerprint == again.fingerprint != other.fingerprint
    test = {image.tobytes() for image in digits28().test.fetch(np.arange(500))[0][:, 0]}
    assert all(channel.tobytes() in test for channel in first.test.fetch(np.arange(2))[0].reshape(-1, 28, 28))
    assert not any(c.tobytes() in test for c in first.train.fetch(rows)[0].reshape(-1, 28, 28))


def test_all_of_mnist(shared_data: Path) -> None:
    dataset = stacked_digits(path=str(shared_data / "mnist"))
    assert len(dataset.train) == 128_000
    modes = dataset.train.fetch(np.arange(26_000))[1]
    assert len(np.unique(modes)) == 1000


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(DataError, match="at least 1"):
        stacked_digits(n=0)
    with pytest.raises(DataError, match="inner"):
        subspaces(inner=5, size=4)


def test_subspaces_have_the_stated_dimension_and_reach() -> None:
    dataset = subspaces(n=600, modes=2, size=40, inner=12, sigma=0.5)
    batch = dataset.train.batch(np.arange(600))
    assert dataset.train.centres is not None
    assert batch.condition is not None
    x = batch.x.numpy() - dataset.train.centres[batch.condition.numpy()]
    for mode in range(2):
        values = np.linalg.svd(x[batch.condition.numpy() == mode], compute_uv=False)
        assert (values > 1e-3).sum() == 12
    distance = np.linalg.norm(x, axis=1) / 0.5
    assert (distance**2).mean() == pytest.approx(12, rel=0.1)
    assert (distance > dataset.train.deviations).mean() < 0.02
