"""Sinkhorn divergence: entropic optimal transport without its bias."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.distance_score import block_distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.gaussian_kernel import median_bandwidth
from genus.metrics.moments import Array, as_row_pair, as_rows
from genus.metrics.score import Score

SHARE = 0.2
TOLERANCE = 1e-4
_INNER = 20
_OUTER = 500


def entropic_transport(costs: ArrayLike, *, epsilon: float, tolerance: float = 1e-9) -> tuple[float, Array]:
    r"""Optimal transport of uniform masses with an entropy term, by Sinkhorn's iterations.

    .. math:: \min_{\gamma} \langle C, \gamma\rangle
        + \varepsilon\, D_{KL}(\gamma \,\|\, a\otimes b), \qquad \gamma 1 = a,\ \gamma^\top 1 = b

    Rows and columns are scaled in turn until both marginals hold. ε falls to its value by
    quarters, because outliers cost as many iterations as they are ε away; every twenty iterations
    the scaling is absorbed into the kernel, which keeps it in range.

    Args:
        costs: C, ``(n, m)``.
        epsilon: ε > 0, in units of the costs.
        tolerance: total mass by which the row marginal may be missed.

    Returns:
        The minimum (of transport and entropy term) and the plan ``(n, m)``.

    Raises:
        DataError: for an ε that is not positive, or so small that 10,000 iterations do not do.

    Paper: arXiv:1306.0895; the absorption: arXiv:1610.06519.
    """
    c = as_rows(costs)
    if not epsilon > 0:
        raise DataError(f"the entropy's weight must be positive; got {epsilon}")
    f, g = np.zeros(len(c)), np.zeros(c.shape[1])
    for stage in _falling(max(float(c.max() - c.min()), epsilon), epsilon):
        f, g = _log_step(c, f, g, stage)
        last = stage == epsilon
        for _ in range(_OUTER if last else 1):
            plan, f, g, missed = _absorbed(c, f, g, stage)
            if last and missed < tolerance:
                return float(f.mean() + g.mean() + epsilon * np.log(c.size)), plan  # the dual's value
    raise DataError(
        f"ε = {epsilon:.3g} is too small for these costs: no plan in {_INNER * _OUTER} iterations"
    )


def _falling(start: float, end: float) -> list[float]:
    """From a large ε, where few iterations do, by quarters to the one wanted."""
    count = int(np.ceil(np.log(start / end) / np.log(4)))
    return [*(start / 4**i for i in range(count)), end]


def _log_step(c: Array, f: Array, g: Array, epsilon: float) -> tuple[Array, Array]:
    """One iteration on logarithms, after which no row and no column of the kernel vanishes."""
    f = -epsilon * np.asarray(logsumexp((g - c) / epsilon, axis=1)) - epsilon * np.log(len(f))
    g = -epsilon * np.asarray(logsumexp((f[:, None] - c) / epsilon, axis=0)) - epsilon * np.log(len(g))
    return f, g


def _absorbed(c: Array, f: Array, g: Array, epsilon: float) -> tuple[Array, Array, Array, float]:
    """Twenty iterations: the plan, the potentials, and the mass by which rows miss their marginal."""
    n, m = c.shape
    kernel = np.exp((f[:, None] + g - c) / epsilon)
    u, v = np.ones(n), np.ones(m)
    for _ in range(_INNER):
        u = 1 / (n * (kernel @ v))
        v = 1 / (m * (kernel.T @ u))
    missed = float(np.abs(u * (kernel @ v) - 1 / n).sum())
    return kernel * u[:, None] * v, f + epsilon * np.log(u), g + epsilon * np.log(v), missed


def sinkhorn_divergence(x: ArrayLike, y: ArrayLike, *, epsilon: float, tolerance: float = 1e-9) -> float:
    r"""Entropic transport cost between two sets, less half of each one's cost to itself.

    .. math:: S_\varepsilon = W_\varepsilon(x,y) - \tfrac12 W_\varepsilon(x,x)
        - \tfrac12 W_\varepsilon(y,y),\qquad C_{ij} = \|x_i-y_j\|^2

    Zero for a set against itself, where the entropic cost alone is not. It goes from the squared
    2-Wasserstein distance (ε → 0) to a maximum mean discrepancy (ε → ∞).

    Args:
        x: ``(n, d)``.
        y: ``(m, d)``.
        epsilon: ε > 0 in squared feature units; a share of the median squared distance, say.
        tolerance: of the marginals.

    Raises:
        DataError: for sets of different width, and as :func:`entropic_transport`.

    Paper: arXiv:1706.00292, arXiv:1810.08278.
    """
    first, second = as_row_pair(x, y)
    pairs = ((first, second), (first, first), (second, second))
    across, alone_x, alone_y = (
        entropic_transport(cdist(a, b, "sqeuclidean"), epsilon=epsilon, tolerance=tolerance)[0]
        for a, b in pairs
    )
    return across - (alone_x + alone_y) / 2


@metric("sinkhorn", paper="arXiv:1706.00292")
@needs(Samples, features=True)
def sinkhorn_scores(evidence: Evidence) -> list[Score]:
    """Sinkhorn divergence between blocks of samples and of training examples."""
    epsilon = SHARE * median_bandwidth(evidence.real.reference.features) ** 2
    return [
        block_distance_score(
            evidence,
            "sinkhorn",
            partial(sinkhorn_divergence, epsilon=epsilon, tolerance=TOLERANCE),
            f"squared units; ε = {epsilon:.4g}, {SHARE:g} of the reference's median squared distance",
            least=-math.inf,
        )
    ]
