"""Principal components and k-means, shown on handwritten digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from genus.core.errors import DataError
from genus.core.registry import lab
from genus.data.digits import digits8
from genus.lab.findings import Check, Findings, require
from genus.lab.style import BLACK, BLUE, ORANGE, label

Array = NDArray[np.float64]


class Axes(NamedTuple):
    """Principal axes: mean ``(d,)``, axes ``(k, d)`` of length 1, variance along each ``(k,)``."""

    mean: Array
    directions: Array
    variances: Array

    def project(self, x: ArrayLike) -> Array:
        """Coordinates ``(n, k)`` of points ``(n, d)``."""
        return (np.asarray(x, dtype=np.float64) - self.mean) @ self.directions.T

    def restore(self, coordinates: ArrayLike) -> Array:
        """The nearest points ``(n, d)`` with these coordinates ``(n, k)``."""
        return np.asarray(coordinates, dtype=np.float64) @ self.directions + self.mean


class KMeansClusters(NamedTuple):
    """Centres ``(K, d)``, the nearest for each point ``(n,)``, the sum of squared distances."""

    centres: Array
    nearest: NDArray[np.int64]
    cost: float


def principal_axes(x: ArrayLike, count: int) -> Axes:
    """The directions of largest variance, by singular values of the centred points.

    Args:
        x: points ``(n, d)``, n >= 2.
        count: k, at most min(n, d).
    """
    points = np.asarray(x, dtype=np.float64)
    mean = points.mean(0)
    _, singular, directions = np.linalg.svd(points - mean, full_matrices=False)
    return Axes(mean, directions[:count], singular[:count] ** 2 / (len(points) - 1))


def lloyd(x: ArrayLike, centres: ArrayLike, *, iterations: int = 300) -> KMeansClusters:
    """Alternate: each point takes the nearest centre, each centre the mean of its points.

    A centre that loses all points stays where it is. The cost never rises.

    Args:
        x: points ``(n, d)``.
        centres: first ones, ``(K, d)``.
        iterations: at most; it stops when nothing changes.

    Paper: doi:10.1109/TIT.1982.1056489.
    """
    points, middle = np.asarray(x, dtype=np.float64), np.array(centres, dtype=np.float64)
    nearest = np.full(len(points), -1)
    for _ in range(iterations):
        before, nearest = nearest, cdist(points, middle, "sqeuclidean").argmin(1)
        if (nearest == before).all():
            break
        for k in range(len(middle)):
            if (nearest == k).any():
                middle[k] = points[nearest == k].mean(0)
    squared = cdist(points, middle, "sqeuclidean")
    return KMeansClusters(middle, squared.argmin(1), float(squared.min(1).sum()))


def spread_centres(x: Array, count: int, rng: np.random.Generator) -> Array:
    """k-means++: each next centre is a point drawn with probability as its squared distance.

    Paper: Arthur & Vassilvitskii, SODA 2007.
    """
    centres = x[rng.integers(len(x), size=1)]
    for _ in range(count - 1):
        squared = cdist(x, centres, "sqeuclidean").min(1)
        if squared.sum() == 0:
            raise DataError(f"the points have fewer than {count} different values; ask for fewer clusters")
        centres = np.concatenate([centres, x[rng.choice(len(x), size=1, p=squared / squared.sum())]])
    return centres


def k_means(x: ArrayLike, count: int, *, restarts: int = 5, seed: int = 0) -> KMeansClusters:
    """The best of some runs of :func:`lloyd` from :func:`spread_centres`.

    Args:
        x: points ``(n, d)``.
        count: K.
        restarts: runs.
        seed: of the first centres.
    """
    points, rng = np.asarray(x, dtype=np.float64), np.random.default_rng(seed)
    runs = [lloyd(points, spread_centres(points, count, rng)) for _ in range(restarts)]
    return min(runs, key=lambda run: run.cost)


def matched_accuracy(clusters: ArrayLike, labels: ArrayLike) -> float:
    """Share of points whose cluster is that of their class, under the best pairing of both."""
    a, b = np.asarray(clusters), np.asarray(labels)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(a))


@lab("clusters", paper="doi:10.1109/TIT.1982.1056489")
def clusters(*, count: int = 10, axes: int = 16, restarts: int = 5, seed: int = 0) -> Findings:
    """Principal components and k-means of 8×8 digits; both agree with scikit-learn.

    Args:
        count: number of clusters, >= 2.
        axes: principal components that keep the digits, 2 to 64.
        restarts: runs of k-means, of which the best counts, >= 1.
        seed: of the first centres.
    """
    require(count >= 2 and restarts >= 1, "give two clusters or more and one restart or more")
    require(2 <= axes <= 64, f"axes={axes}: must be 2 to 64")
    train = digits8().train
    batch = train.batch(np.arange(len(train)))
    known = train.spec.class_labels(batch.condition)
    if known is None:
        raise DataError("the digits have no classes")
    x, labels = batch.x.flatten(1).double().numpy(), known.numpy()
    found = principal_axes(x, 64)
    kept = principal_axes(x, axes)
    error = float(((kept.restore(kept.project(x)) - x) ** 2).sum(1).mean())
    first = spread_centres(x, count, np.random.default_rng(seed))
    same: Any = {"init": first, "n_init": 1, "tol": 0}
    ours, known = lloyd(x, first), KMeans(count, **same).fit(x)
    best = k_means(x, count, restarts=restarts, seed=seed)
    pca = PCA(axes, svd_solver="full").fit(x)
    share = found.variances / found.variances.sum()
    lost = float(found.variances[axes:].sum()) * (len(x) - 1) / len(x)
    return Findings(
        numbers={
            "digits": len(x),
            "variance kept": float(share[:axes].sum()),
            "squared error": error,
            "k-means cost": best.cost,
            "digits in the cluster of their class": matched_accuracy(best.nearest, labels),
            "variances": found.variances,
        },
        checks=[
            Check(
                name="variances, largest difference to scikit-learn",
                value=float(np.abs(kept.variances - pca.explained_variance_).max()),
                expected=0.0,
                tolerance=1e-9,
            ),
            Check(name="squared error, the variance left out", value=error, expected=lost, tolerance=1e-9),
            Check(
                name="k-means from the same centres, scikit-learn",
                value=ours.cost,
                expected=float(np.asarray(known.inertia_)),
                tolerance=1e-6 * ours.cost,
            ),
        ],
        draw=_draw(x, labels, kept, best, share, axes),
        size=(13.5, 4.8),
    )


def _draw(
    x: Array, labels: NDArray[np.int64], kept: Axes, best: KMeansClusters, share: Array, axes: int
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        variance, plane, middles = figure.subplots(1, 3)
        variance.plot(np.arange(1, len(share) + 1), np.cumsum(share), color=BLUE)
        variance.plot(
            axes, share[:axes].sum(), "o", color=ORANGE, ms=9, label=f"{axes} axes: {share[:axes].sum():.0%}"
        )
        variance.set_ylim(0, 1.02)
        variance.legend(loc="lower right")
        label(variance, "Principal components", "number of axes", "share of the variance")
        where, centres = kept.project(x)[:, :2], kept.project(best.centres)[:, :2]
        for point, digit in zip(where[::4], labels[::4], strict=True):
            shade = 0.15 + 0.07 * int(digit)
            plane.text(*point, str(digit), color=(shade, shade, shade), fontsize=8, ha="center", va="center")
        plane.plot(*centres.T, "X", color=ORANGE, ms=11, mec=BLACK, label="centres of k-means")
        plane.set_xlim(where[:, 0].min(), where[:, 0].max())
        plane.set_ylim(where[:, 1].min(), where[:, 1].max() * 1.25)
        plane.legend(loc="upper right")
        label(plane, "Digits in the plane of the first two axes", "first axis", "second axis")
        columns = -(-len(best.centres) // 2)
        sheet = np.ones((17, 9 * columns - 1))
        for k, centre in enumerate(best.centres):
            row, column = divmod(k, columns)
            sheet[9 * row : 9 * row + 8, 9 * column : 9 * column + 8] = 1 - centre.reshape(8, 8)
        middles.imshow(sheet, cmap="gray", vmin=0, vmax=1)
        middles.set_title("Centres of k-means")
        middles.axis("off")

    return draw
