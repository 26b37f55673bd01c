"""Precision, recall, density and coverage by nearest neighbours.

Cost grows with the product of the two set sizes; distances are made in chunks, so memory does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genus.core.errors import DataError
from genus.core.model import Samples
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import mean_interval, wilson
from genus.metrics.moments import as_rows
from genus.metrics.score import Score, join_notes

NEIGHBOURS = 5
_CHUNK = 512
_EQUAL = 1e-13


@dataclass(frozen=True)
class Neighbourhoods:
    """Which examples lie in whose neighbourhood; the scores are means of these.

    Args:
        inside: whether each fake lies in some real's ball ``(fakes,)``; its mean is the precision.
        recalled: whether each real lies in some fake's ball ``(reals,)``; the mean is the recall.
        crowding: balls of reals around each fake, over k ``(fakes,)``; the mean is the density.
        covered: whether each real's ball holds a fake ``(reals,)``; the mean is the coverage.
    """

    inside: NDArray[np.bool_]
    recalled: NDArray[np.bool_]
    crowding: NDArray[np.float64]
    covered: NDArray[np.bool_]

    @property
    def precision(self) -> float:
        """Share of fakes that look real."""
        return float(self.inside.mean())

    @property
    def recall(self) -> float:
        """Share of reals that the fakes reach."""
        return float(self.recalled.mean())

    @property
    def density(self) -> float:
        """Mean number of real balls around a fake, over k; 1 is expected of a perfect model."""
        return float(self.crowding.mean())

    @property
    def coverage(self) -> float:
        """Share of real balls that hold a fake; see :func:`expected_coverage`."""
        return float(self.covered.mean())


def neighbourhoods(real: ArrayLike, fake: ArrayLike, *, k: int = NEIGHBOURS) -> Neighbourhoods:
    r"""Compare two sets by balls around each example that reach to its k-th neighbour.

    .. math:: \mathrm{precision} = \frac1m\sum_j 1[\exists i: \|y_j-x_i\| < r_k(x_i)],\quad
        \mathrm{density} = \frac1{km}\sum_{j,i} 1[\|y_j-x_i\| < r_k(x_i)],\\
        \mathrm{recall} = \frac1n\sum_i 1[\exists j: \|x_i-y_j\| < r_k(y_j)],\quad
        \mathrm{coverage} = \frac1n\sum_i 1[\exists j: \|x_i-y_j\| < r_k(x_i)]

    Balls are open, so constant or k-fold repeated examples have empty ones and score 0 even
    against themselves.

    Args:
        real: features of real examples ``(n, d)``, n > k.
        fake: features of samples ``(m, d)``, m > k.
        k: neighbours in a ball, the example itself not counted.

    Raises:
        DataError: when a set has no k-th neighbour, or the widths differ.

    Paper: arXiv:1904.06991 (precision, recall), arXiv:2002.09797 (density, coverage).
    """
    x, y = _tensors(real, fake, k)
    radius_x, radius_y = _radii(x, k), _radii(y, k)
    recalled = torch.zeros(len(x), dtype=torch.bool)
    covered = torch.zeros(len(x), dtype=torch.bool)
    counts: list[Tensor] = []
    for rows, distances in _chunks(y, x):
        near = distances < radius_x
        counts.append(near.sum(1))
        covered |= near.any(0)
        recalled |= (distances < radius_y[rows, None]).any(0)
    crowd = torch.cat(counts)
    return Neighbourhoods((crowd > 0).numpy(), recalled.numpy(), crowd.double().numpy() / k, covered.numpy())


def expected_coverage(n: int, m: int, k: int = NEIGHBOURS) -> float:
    r"""Coverage expected when samples and data have the same continuous distribution.

    .. math:: 1 - \prod_{i=1}^{k} \frac{n-i}{n+m-i}

    Args:
        n: number of reals.
        m: number of fakes.
        k: neighbours in a ball.

    >>> round(expected_coverage(100, 50, 5), 7)
    0.8749333
    """
    i = np.arange(1, k + 1)
    return float(1 - np.prod((n - i) / (n + m - i)))


def _tensors(real: ArrayLike, fake: ArrayLike, k: int) -> tuple[Tensor, Tensor]:
    x, y = as_rows(real), as_rows(fake)
    if min(len(x), len(y)) <= k:
        raise DataError(
            f"{k} neighbours need more than {k} examples in each set; got {len(x)} real and "
            f"{len(y)} generated"
        )
    if x.shape[1] != y.shape[1]:
        raise DataError(f"the two sets have {x.shape[1]} and {y.shape[1]} features; use one feature map")
    origin = x[0]  # near the data, so that squares lose few digits
    return torch.from_numpy(x - origin), torch.from_numpy(y - origin)


def _chunks(a: Tensor, b: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of ``a``, and their squared distances to all of ``b``."""
    norms = (b * b).sum(1)
    for rows in torch.arange(len(a)).split(_CHUNK):
        part = a[rows]
        scale = (part * part).sum(1, keepdim=True) + norms
        distances = scale - 2 * part @ b.T
        # below the rounding of this formula two vectors are the same one
        yield rows, distances.masked_fill_(distances < _EQUAL * scale, 0.0)


def _radii(x: Tensor, k: int) -> Tensor:
    """Squared distance of each example to its k-th neighbour."""
    parts: list[Tensor] = []
    for rows, distances in _chunks(x, x):
        distances[torch.arange(len(rows)), rows] = torch.inf
        parts.append(distances.topk(k, dim=1, largest=False).values[:, -1])
    return torch.cat(parts)


@metric("neighbours", paper="arXiv:2002.09797")
@needs(Samples, features=True)
def neighbour_scores(evidence: Evidence) -> list[Score]:
    """Precision, recall, density and coverage of samples against training examples."""
    generated = evidence.generated.features
    reference = evidence.reference.features[: len(generated)]  # equal sizes, where known values hold
    found = neighbourhoods(reference, generated)
    first, second = evidence.floor_sets
    floor = _or_none(second.features[: len(first)], first.features)
    baseline = _or_none(reference, evidence.mixture.features)
    perfect = expected_coverage(len(reference), len(generated))
    n, m = len(reference), len(generated)
    intervals = {
        "precision": wilson(found.inside.sum(), m),
        "recall": wilson(found.recalled.sum(), n),
        "density": mean_interval(found.crowding),
        "coverage": wilson(found.covered.sum(), n),
    }
    extra = {"density": "1 for a perfect model", "coverage": f"{perfect:.4f} for a perfect model"}
    return [
        Score(
            name=name,
            value=getattr(found, name),
            low=max(low, 0.0),
            high=high,
            n=m,
            floor=None if floor is None else getattr(floor, name),
            baseline=None if baseline is None else getattr(baseline, name),
            better="higher",
            note=join_notes(
                f"features: {evidence.protocol.features}; k = {NEIGHBOURS}, {n} reals",
                "interval for these balls",
                extra.get(name, ""),
                evidence.floor_note,
            ),
        )
        for name, (low, high) in intervals.items()
    ]


def _or_none(real: ArrayLike, fake: ArrayLike) -> Neighbourhoods | None:
    try:
        return neighbourhoods(real, fake)
    except DataError:
        return None
