"""Fréchet distance between two sets of feature vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.metrics.distance_score import distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import jackknife, jackknife_variance
from genus.metrics.moments import Array, Moments, as_rows, require_same_width
from genus.metrics.score import Score

GROUPS = 10


def frechet_distance(x: ArrayLike, y: ArrayLike) -> float:
    r"""Squared 2-Wasserstein distance between the Gaussians with the sets' moments.

    .. math:: \|\mu_x-\mu_y\|^2 + \mathrm{tr}\,S_x + \mathrm{tr}\,S_y - 2\,\mathrm{tr}(S_x S_y)^{1/2}

    With fewer examples than dimensions the covariances are singular and the last trace is taken
    from the examples themselves, :math:`\|X_c Y_c^\top\|_* / \sqrt{(n-1)(m-1)}` (nuclear norm),
    which is exact at any rank. Called FID only when the features are those of the Inception net.

    Args:
        x: features ``(n, d)``.
        y: features ``(m, d)``.

    Returns:
        A number ≥ 0 up to rounding, in squared feature units.

    Raises:
        DataError: for an empty set, values that are not finite, or sets of different width.

    Paper: arXiv:1706.08500.

    >>> round(frechet_distance([[0.0], [2.0]], [[1.0], [3.0]]), 12)
    1.0
    """
    x, y = as_rows(x), as_rows(y)
    if min(len(x), len(y)) > x.shape[1]:
        return frechet_from_moments(Moments.of(x), Moments.of(y))
    require_same_width(x.shape[1], y.shape[1])
    root_x, root_y = _triangular_root(x), _triangular_root(y)
    gap = x.mean(0) - y.mean(0)
    traces = (root_x**2).sum() + (root_y**2).sum()
    return float(gap @ gap + traces - 2 * _nuclear_norm(root_x @ root_y.T))


def frechet_from_moments(x: Moments, y: Moments) -> float:
    """The same distance from moments, for sets too large to hold.

    Cholesky and a symmetric eigenproblem; when the first covariance is singular, symmetric roots
    and singular values.

    Raises:
        DataError: when the widths differ.
    """
    require_same_width(x.size, y.size)
    gap = x.mean - y.mean
    s, t = x.covariance, y.covariance
    return float(gap @ gap + np.trace(s) + np.trace(t)) - 2 * trace_of_root(s, t)


def trace_of_root(s: Array, t: Array) -> float:
    r""":math:`\mathrm{tr}(S T)^{1/2}` of two positive semi-definite matrices ``(d, d)``."""
    try:
        lower = linalg.cholesky(s, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return _nuclear_norm(_symmetric_root(s) @ _symmetric_root(t))
    (sygst,) = linalg.get_lapack_funcs(("sygst",), (lower, t))
    product, _ = sygst(t, lower, itype=2, lower=1)  # LᵀTL at half the work of two products
    values = linalg.eigvalsh(product, lower=True, overwrite_a=True, check_finite=False)
    return float(np.sqrt(values.clip(0)).sum())


def frechet_interval(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """95 % interval of the distance by the delete-a-group jackknife over both sets.

    Ten runs of examples are the groups, so the order must be random; where there are enough of
    them, moments of the groups are computed once and merged without one of them.
    """
    x, y = as_rows(x), as_rows(y)
    low, high = jackknife(frechet_distance(x, y), distances_without_each(x, y))
    return max(low, 0.0), high


def distances_without_each(x: Array, y: Array) -> list[Array]:
    """Distances with each group of ``x`` left out, and with each group of ``y`` left out."""
    if min(len(x), len(y)) * (GROUPS - 1) // GROUPS <= x.shape[1]:  # low rank
        left_x = [frechet_distance(part, y) for part in without_each(x)]
        left_y = [frechet_distance(x, part) for part in without_each(y)]
    else:
        whole_x, whole_y = Moments.of(x), Moments.of(y)
        left_x = [frechet_from_moments(part, whole_y) for part in _merged_without_each(x)]
        left_y = [frechet_from_moments(whole_x, part) for part in _merged_without_each(y)]
    return [np.array(left_x), np.array(left_y)]


def _group_numbers(n: int) -> list[NDArray[np.intp]]:
    # neighbours stay together: class labels of samples repeat with the number of classes, and
    # every tenth sample would be of one class
    return np.array_split(np.arange(n), min(GROUPS, n))


def without_each(x: Array) -> list[Array]:
    """The rows of ``x`` ``(n, d)`` with each of ten neighbouring groups left out in turn."""
    return [np.delete(x, rows, axis=0) for rows in _group_numbers(len(x)) if len(rows) < len(x)]


def _merged_without_each(x: Array) -> list[Moments]:
    parts = [Moments.of(x[rows]) for rows in _group_numbers(len(x))]
    return [Moments.merged(parts[:i] + parts[i + 1 :]) for i in range(len(parts))]


def _triangular_root(x: Array) -> Array:
    """R with RᵀR the covariance, at most ``min(n, d)`` rows."""
    deviations = x - x[0]
    deviations -= deviations.mean(0)
    return np.linalg.qr(deviations, mode="r") / np.sqrt(max(len(x) - 1, 1))


def _symmetric_root(s: Array) -> Array:
    values, vectors = linalg.eigh(s)
    return vectors * np.sqrt(values.clip(0)) @ vectors.T


def _nuclear_norm(a: Array) -> float:
    return float(np.linalg.svd(a, compute_uv=False).sum())


def rank_warning(n: int, d: int) -> str:
    """Warning for too few examples, or an empty text."""
    return f"n = {n} ≤ {d} features: singular covariance, mostly bias" if n <= d else ""


@metric("frechet", paper="arXiv:1706.08500")
@needs(Samples, features=True)
def frechet_scores(evidence: Evidence) -> list[Score]:
    """Fréchet distance of samples to training examples in the protocol's features; FID with Inception's."""
    generated = as_rows(evidence.generated.features)
    reference = as_rows(evidence.real.reference.features)
    value = frechet_distance(generated, reference)
    left = distances_without_each(generated, reference)
    low, high = jackknife(value, left)
    return [
        distance_score(
            evidence,
            "fid" if evidence.protocol.features == "inception" else "frechet",
            frechet_distance,
            (max(low, 0.0), high),
            "biased upwards at finite n",
            rank_warning(len(generated), generated.shape[1]),
            value=value,
            shared=left[1].tolist(),
            own=jackknife_variance(left[0]),
        )
    ]
