"""k-means and principal components by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError, InputError
from genus.lab.clusters import k_means, lloyd, matched_accuracy, principal_axes
from tests.lab.helpers import run


def test_axes_of_an_ellipse() -> None:
    rng = np.random.default_rng(0)
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    x = rng.standard_normal((20_000, 2)) * [3, 0.5] @ turn + [5, -1]
    axes = principal_axes(x, 2)
    assert axes.variances == pytest.approx([9, 0.25], rel=0.03)
    assert abs(axes.directions[0] @ turn[0]) == pytest.approx(1, abs=1e-3)
    assert axes.restore(axes.project(x)) == pytest.approx(x)
    assert axes.mean == pytest.approx(x.mean(0))


def test_lloyd_by_hand() -> None:
    found = lloyd([[0.0], [1], [10], [11]], [[0.0], [1]])
    assert sorted(found.centres[:, 0]) == [0.5, 10.5]
    assert found.cost == 1
    assert len(set(found.nearest[:2])) == len(set(found.nearest[2:])) == 1
    empty = lloyd([[0.0], [1]], [[0.5], [99]])
    assert empty.centres[1, 0] == 99


def test_more_restarts_are_no_worse_and_bad_requests_refused() -> None:
    x = np.random.default_rng(0).standard_normal((200, 2))
    assert k_means(x, 8, restarts=10).cost <= k_means(x, 8, restarts=1).cost
    with pytest.raises(DataError, match="fewer than 3"):
        k_means([[0.0], [1], [1]], 3)


def test_pairing_of_clusters_and_classes() -> None:
    assert matched_accuracy([2, 2, 0, 0, 1], [0, 0, 1, 1, 1]) == pytest.approx(0.8)


def test_experiment() -> None:
    assert run("clusters").numbers["digits in the cluster of their class"] > 0.7
    run("clusters", count=3, axes=2, restarts=1)
    with pytest.raises(InputError):
        run("clusters", axes=65)
