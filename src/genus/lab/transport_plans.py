"""Optimal transport between two heaps: the cheapest plan, its dual, and the entropic plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, sparse
from scipy.special import logsumexp

from genus.lab.findings import require

Array = NDArray[np.float64]


def transport_plan(source: ArrayLike, target: ArrayLike, cost: ArrayLike) -> tuple[Array, float]:
    r"""The cheapest plan that turns one heap into the other.

    .. math:: \min_{\gamma \ge 0} \sum_{ij} c_{ij}\gamma_{ij}, \qquad
        \sum_j \gamma_{ij} = a_i, \quad \sum_i \gamma_{ij} = b_j

    Args:
        source: masses a, ``(n,)``, >= 0.
        target: masses b of the same sum, ``(m,)``, >= 0.
        cost: of moving one unit from i to j, ``(n, m)``.

    Returns:
        The plan ``(n, m)`` and its cost.

    Raises:
        InputError: when the heaps hold different amounts.

    >>> transport_plan([0.5, 0.5], [0.25, 0.75], [[0, 1], [1, 0]])[1]
    0.25
    """
    a, b, c = _heaps(source, target, cost)
    solved = optimize.linprog(c.ravel(), A_eq=_marginals(*c.shape), b_eq=np.concatenate([a, b]))
    return solved.x.reshape(c.shape), float(solved.fun)


def transport_dual(source: ArrayLike, target: ArrayLike, cost: ArrayLike) -> tuple[Array, Array, float]:
    r"""The prices of the dual problem; at the optimum they earn what the plan costs.

    .. math:: \max_{u, v} \sum_i a_i u_i + \sum_j b_j v_j, \qquad u_i + v_j \le c_{ij}

    Args:
        source: masses a, ``(n,)``, >= 0.
        target: masses b of the same sum, ``(m,)``, >= 0.
        cost: of moving one unit from i to j, ``(n, m)``.

    Returns:
        Prices u ``(n,)`` and v ``(m,)``, and what they earn.

    Raises:
        InputError: when the heaps hold different amounts.
    """
    a, b, c = _heaps(source, target, cost)
    solved = optimize.linprog(
        -np.concatenate([a, b]), A_ub=_marginals(*c.shape).T, b_ub=c.ravel(), bounds=(None, None)
    )
    return solved.x[: len(a)], solved.x[len(a) :], -float(solved.fun)


def lipschitz_dual(source: ArrayLike, target: ArrayLike, places: ArrayLike) -> tuple[Array, float]:
    r"""The critic of Kantorovich and Rubinstein: the same dual with one function of slope 1.

    .. math:: \max_f \sum_i (a_i - b_i) f_i, \qquad |f_i - f_j| \le |x_i - x_j|

    On a line it suffices that neighbours keep the slope.

    Args:
        source: masses a, ``(n,)``.
        target: masses b at the same places, ``(n,)``.
        places: x, increasing, ``(n,)``.

    Returns:
        f with f_0 = 0, ``(n,)``, and the distance.
    """
    x = np.asarray(places, dtype=np.float64)
    # with f = cumulative sum of slopes, each slope between two places may be chosen freely
    excess = np.cumsum(np.asarray(source, dtype=np.float64) - np.asarray(target, dtype=np.float64))[:-1]
    slopes = -np.sign(excess)
    f = np.concatenate([[0.0], np.cumsum(slopes * np.diff(x))])
    return f, float(np.abs(excess) @ np.diff(x))


def sinkhorn_plan(
    source: ArrayLike, target: ArrayLike, cost: ArrayLike, *, blur: float, tolerance: float = 1e-12
) -> Array:
    r"""The plan that minimises cost minus ``blur`` times entropy, by Sinkhorn's iterations.

    .. math:: \min_\gamma \sum_{ij} c_{ij}\gamma_{ij} + \epsilon \sum_{ij} \gamma_{ij}\log\gamma_{ij}

    Args:
        source: masses a, ``(n,)``, > 0.
        target: masses b of the same sum, ``(m,)``, > 0.
        cost: ``(n, m)``.
        blur: ε, > 0, in units of cost.
        tolerance: largest error of the marginals, as a share of all mass.

    Returns:
        The plan ``(n, m)``.

    Paper: arXiv:1306.0895.
    """
    a, b, c = _heaps(source, target, cost)
    u, v = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(100_000):
        v = blur * (np.log(b) - logsumexp((u[:, None] - c) / blur, axis=0))
        rows = logsumexp((v - c) / blur, axis=1)
        if np.abs(np.exp(u / blur + rows) - a).sum() < tolerance * a.sum():
            break
        u = blur * (np.log(a) - rows)
    return np.exp((u[:, None] + v - c) / blur)


def _heaps(source: ArrayLike, target: ArrayLike, cost: ArrayLike) -> tuple[Array, Array, Array]:
    a, b, c = (np.asarray(x, dtype=np.float64) for x in (source, target, cost))
    require(c.shape == (len(a), len(b)), f"cost must have shape {(len(a), len(b))}, not {c.shape}")
    require(bool((a >= 0).all() and (b >= 0).all()), "heaps cannot hold less than nothing")
    require(
        bool(np.isclose(a.sum(), b.sum())),
        f"the heaps hold {a.sum():g} and {b.sum():g}; earth is moved, not made: give equal sums",
    )
    return a, b, c


def _marginals(n: int, m: int) -> sparse.csr_matrix:
    """Matrix that maps a plan, row by row, to its row sums and then its column sums."""
    rows = sparse.kron(sparse.eye(n), np.ones((1, m)))
    columns = sparse.kron(np.ones((1, n)), sparse.eye(m))
    return sparse.csr_matrix(sparse.vstack([rows, columns]))
