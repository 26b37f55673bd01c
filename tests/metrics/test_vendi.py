"""Vendi score: effective numbers known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.metrics import vendi_from_kernel, vendi_interval, vendi_score


@pytest.mark.parametrize("k", [1, 3, 8])
def test_orthonormal_examples_count_fully_and_copies_once(k: int) -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
    x = rotation[:k]
    assert vendi_score(x) == pytest.approx(k, abs=1e-9)
    assert vendi_score(np.repeat(x, 7, axis=0)) == pytest.approx(k, abs=1e-9)
    assert vendi_score(5 * x) == pytest.approx(k, abs=1e-9)


def test_both_routes_and_the_kernel_agree() -> None:
    x = np.random.default_rng(0).standard_normal((30, 12))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    wide = np.concatenate([x, np.zeros((30, 40))], 1)  # more columns than rows: the other route
    expected = vendi_from_kernel(unit @ unit.T)
    assert vendi_score(x) == pytest.approx(expected, rel=1e-9)
    assert vendi_score(wide) == pytest.approx(expected, rel=1e-9)


def test_unequal_shares_by_hand() -> None:
    x = np.eye(2)[[0, 0, 0, 1]]
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert vendi_score(x) == pytest.approx(np.exp(entropy), abs=1e-12)


def test_interval_covers_a_closed_form() -> None:
    # directions of N(0, diag(9, 1)): second moment diag(3/4, 1/4)
    truth = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        low, high = vendi_interval(rng.standard_normal((400, 2)) * [3, 1])
        hits += low <= truth <= high
    assert 272 <= hits <= 297  # 285 expected, standard deviation 3.8


def test_interval_of_few_rows_holds_the_value() -> None:
    x = np.random.default_rng(0).standard_normal((12, 30))
    low, high = vendi_interval(x)
    assert 1 <= low <= vendi_score(x) <= high


def test_undefined_is_refused() -> None:
    with pytest.raises(DataError, match="1 examples have features that are all 0"):
        vendi_score([[0.0, 0.0], [1.0, 0.0]])
    with pytest.raises(DataError, match="ones on its diagonal"):
        vendi_from_kernel([[2.0, 0.0], [0.0, 1.0]])
    with pytest.raises(DataError, match="empty"):
        vendi_score(np.zeros((0, 3)))
