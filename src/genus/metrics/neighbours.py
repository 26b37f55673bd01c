"""Precision, recall, density and coverage by nearest neighbours.

Cost grows with the product of the two set sizes; distances are made in chunks, so memory does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.distances import Distances, Screened, finite_rows, places
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import mean_interval, standard_error, wilson
from genus.metrics.moments import Array
from genus.metrics.nearest import kth_smallest
from genus.metrics.score import Score, join_notes, where_defined

NEIGHBOURS = 5
BLOCKS = 10


@dataclass(frozen=True)
class Neighbourhoods:
    """Membership of examples in neighbourhoods; the scores are means of these.

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
        """Share of generated examples within a real neighbourhood."""
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
    x, y = finite_rows(real), finite_rows(fake)
    if min(len(x), len(y)) <= k:
        raise DataError(
            f"{k} neighbours need more than {k} examples in each set; got {len(x)} real and "
            f"{len(y)} generated"
        )
    distances = Distances(y, x)
    radius_x, radius_y = (kth_smallest(Distances(part), k, alone=True) for part in (x, y))
    recalled, covered = np.zeros(len(x), dtype=np.bool_), np.zeros(len(x), dtype=np.bool_)
    batch_statistics = np.zeros(len(y), dtype=np.int64)
    for rows, _, screened, bound in distances.chunks():
        fakes, reals = _below(distances, rows, screened, bound, radius_x[None])
        batch_statistics[rows] = np.bincount(fakes, minlength=len(screened))
        covered[reals] = True
        recalled[_below(distances, rows, screened, bound.max(), radius_y[rows, None])[1]] = True
    return Neighbourhoods(batch_statistics > 0, recalled, batch_statistics / k, covered)


def neighbourhood_intervals(
    real: ArrayLike, fake: ArrayLike, found: Neighbourhoods, *, k: int = NEIGHBOURS
) -> dict[str, tuple[float, float]]:
    """95 % intervals of precision, recall, density and coverage, by disjoint blocks of both sets.

    The scores hardly depend on the sizes while these keep their ratio: smaller sets have larger
    balls. So ten blocks of a tenth give ten independent values, whose variance over ten is that
    of the whole; Student's t, and for the shares Wilson's form, with as many trials as have that
    variance. Wilson's interval alone takes examples for independent, which share balls: for the
    coverage it held the truth in 76 % of draws. Sets of fewer than forty examples have no
    blocks; there it is Wilson's, for the balls as they are.

    Args:
        real: as given to :func:`neighbourhoods`, in random order.
        fake: as given to :func:`neighbourhoods`, in random order.
        found: what it returned.
        k: neighbours in a ball.
    """
    x, y = finite_rows(real), finite_rows(fake)
    count = min(BLOCKS, min(len(x), len(y)) // (4 * k))
    if count < 2:
        shares = {"precision": found.inside, "recall": found.recalled, "coverage": found.covered}
        simple = {name: wilson(values.sum(), len(values)) for name, values in shares.items()}
        return {**simple, "density": mean_interval(found.crowding)}
    pairs = zip(np.array_split(x, count), np.array_split(y, count), strict=True)
    blocks = [neighbourhoods(a, b, k=k) for a, b in pairs]
    return {
        name: _from_blocks(getattr(found, name), np.array([getattr(block, name) for block in blocks]), size)
        for name, size in {"precision": len(y), "recall": len(x), "density": 0, "coverage": len(x)}.items()
    }


def _from_blocks(value: float, values: Array, trials: float) -> tuple[float, float]:
    """Interval of a share of ``trials``, or of a plain number for none, with the spread of blocks."""
    factor = float(stats.t.ppf(0.975, len(values) - 1))
    half = factor * standard_error(values)
    if not trials:
        return max(0.0, value - half), value + half
    spread = value * (1 - value)
    if half > 0 and spread > 0:
        trials = min(trials, spread * (float(stats.norm.ppf(0.975)) / half) ** 2)
    return wilson(value * trials, trials)


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


def _below(
    distances: Distances, rows: slice, screened: Screened, bound: Screened, radius: Array
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where squared distances of a chunk are below a radius, a row or a column of them."""
    limit = radius / distances.unit**2
    above = np.where(limit > 0, limit + bound, -1).astype(np.float32)  # open balls: none in an empty one
    i, j = places(screened <= above)
    sure = screened[i, j] < np.broadcast_to((limit - bound).astype(np.float32), screened.shape)[i, j]
    u, v = i[~sure], j[~sure]
    sure[~sure] = distances.exact(u + rows.start, v) < np.broadcast_to(radius, screened.shape)[u, v]
    return i[sure], j[sure]


@metric("neighbours", paper="arXiv:2002.09797")
@needs(Samples, features=True)
def neighbour_scores(evidence: Evidence) -> list[Score]:
    """Precision, recall, density and coverage of samples against training examples."""
    generated = evidence.generated.features
    reference = evidence.real.reference.features[: len(generated)]  # equal sizes, where known values hold
    found = neighbourhoods(reference, generated)
    first, second = evidence.real.floor_sets
    floor = where_defined(neighbourhoods, second.features[: len(first)], first.features)
    baseline = where_defined(neighbourhoods, reference, evidence.real.mixture.features)
    perfect = expected_coverage(len(reference), len(generated))
    n, m = len(reference), len(generated)
    intervals = neighbourhood_intervals(reference, generated, found)
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
                extra.get(name, ""),
                evidence.real.floor_note,
            ),
        )
        for name, (low, high) in intervals.items()
    ]
