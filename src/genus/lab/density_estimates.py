"""Densities estimated from samples: histogram, kernels, and rules for their widths."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]


def histogram_density(values: ArrayLike, edges: ArrayLike) -> Array:
    """Density of each bin, count / (n · width), ``(bins,)``.

    Args:
        values: ``(n,)``; those outside the edges count in n.
        edges: increasing, ``(bins + 1,)``.
    """
    x, e = np.sort(np.asarray(values, dtype=np.float64)), np.asarray(edges, dtype=np.float64)
    below = np.searchsorted(x, e[:-1], side="left")
    above = np.append(np.searchsorted(x, e[1:-1], side="left"), np.searchsorted(x, e[-1], side="right"))
    return (above - below) / (len(x) * np.diff(e))


def bin_width(values: ArrayLike) -> float:
    """Freedman and Diaconis' width, 2 IQR n^(−1/3).

    Paper: doi:10.1007/BF01025868.
    """
    x = np.asarray(values, dtype=np.float64)
    low, high = np.percentile(x, [25, 75])
    return 2 * float(high - low) * len(x) ** (-1 / 3)


def kernel_density(values: ArrayLike, x: ArrayLike, bandwidth: float) -> Array:
    r"""Mean of Gaussian bumps on the samples, :math:`\frac1n \sum_i N(x; x_i, h^2)`.

    Args:
        values: samples ``(n,)``.
        x: where, ``(m,)``.
        bandwidth: h > 0.
    """
    points, where = np.asarray(values, dtype=np.float64), np.asarray(x, dtype=np.float64)
    parts = [stats.norm.pdf(part[:, None], points, bandwidth).mean(1) for part in np.array_split(where, 16)]
    return np.concatenate(parts)


def silverman(values: ArrayLike) -> float:
    """Silverman's bandwidth, (4/3)^(1/5) σ n^(−1/5): the best one if the density were Gaussian.

    Paper: Silverman, Density Estimation for Statistics and Data Analysis (1986).
    """
    x = np.asarray(values, dtype=np.float64)
    return (4 / 3) ** 0.2 * float(x.std(ddof=1)) * len(x) ** -0.2


def held_out_bandwidth(values: ArrayLike, candidates: ArrayLike) -> float:
    """The bandwidth under which each sample is most likely given all others.

    Args:
        values: samples ``(n,)``.
        candidates: bandwidths > 0.
    """
    x = np.asarray(values, dtype=np.float64)
    squared = (x[:, None] - x) ** 2
    np.fill_diagonal(squared, np.inf)
    scores = [
        np.log(np.exp(-squared / (2 * h * h)).sum(1) / ((len(x) - 1) * h) + 1e-300).sum()
        for h in np.asarray(candidates, dtype=np.float64)
    ]
    return float(np.asarray(candidates)[int(np.argmax(scores))])
