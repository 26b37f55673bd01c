"""Mode counting on mixtures with known centres: rings, grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.class_histogram import class_divergence
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import jackknife, wilson
from genus.metrics.moments import as_rows
from genus.metrics.score import Score

DEVIATIONS = 3.0
_SURE = 3
_GROUPS = 10  # the fewest samples of an evaluation


@dataclass(frozen=True)
class ModeCounts:
    """Samples by mode.

    Args:
        counts: high-quality samples nearest to each centre ``(modes,)``.
        nearest: number of the centre nearest to each sample, of high quality or not ``(n,)``.
    """

    counts: NDArray[np.int64]
    nearest: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of all samples."""
        return len(self.nearest)

    @property
    def modes(self) -> int:
        """Number of modes with at least one high-quality sample."""
        return int((self.counts > 0).sum())

    @property
    def high_quality(self) -> float:
        """Share of samples of high quality."""
        return float(self.counts.sum() / self.n)

    def divergence(self, kept: NDArray[np.bool_] | None = None) -> float:
        """KL of the samples' distribution over nearest centres from equal shares, in nats.

        Args:
            kept: which samples count ``(n,)``; all of them by default.
        """
        nearest = self.nearest if kept is None else self.nearest[kept]
        modes = len(self.counts)
        return class_divergence(np.bincount(nearest, minlength=modes), np.full(modes, 1 / modes))


def count_modes(
    x: ArrayLike, centres: ArrayLike, sigma: float, *, deviations: float = DEVIATIONS
) -> ModeCounts:
    """Count samples within three standard deviations of their nearest centre, by centre.

    Args:
        x: samples ``(n, d)``.
        centres: means of the mixture ``(modes, d)``.
        sigma: standard deviation of each of its components.
        deviations: how many of them a sample may be away; three are usual in the plane.

    Raises:
        DataError: when the widths differ or ``sigma`` is not positive.

    Paper: arXiv:1712.04086 (the definition), arXiv:1705.07761.

    >>> count_modes([[0.1], [0.2], [5.0]], [[0.0], [9.0]], sigma=0.1).counts.tolist()
    [2, 0]
    """
    x, centres = as_rows(x), as_rows(centres)
    if x.shape[1] != centres.shape[1] or sigma <= 0:
        raise DataError(
            f"mode counting needs sigma > 0 and centres as wide as the samples; got sigma = {sigma}, "
            f"{centres.shape[1]} and {x.shape[1]} columns"
        )
    counts = np.zeros(len(centres), dtype=np.int64)
    nearest: list[NDArray[np.int64]] = []
    for part in np.array_split(x, -(-len(x) // 4096)):
        squares = cdist(part, centres, "sqeuclidean")
        good = squares.min(1) <= (deviations * sigma) ** 2
        nearest.append(squares.argmin(1))
        counts += np.bincount(nearest[-1][good], minlength=len(centres))
    return ModeCounts(counts, np.concatenate(nearest))


@metric("modes", paper="arXiv:1712.04086")
@needs(Samples)
def mode_scores(evidence: Evidence) -> list[Score]:
    """Modes reached, share of high-quality samples, evenness; for mixtures with known centres."""
    centres = getattr(evidence.real.train, "centres", None)
    sigma = getattr(evidence.real.train, "sigma", None)
    if centres is None or sigma is None:
        return []
    n = evidence.protocol.num_samples
    centres, reach = as_rows(centres), float(getattr(evidence.real.train, "deviations", DEVIATIONS))
    found, floor, baseline = (
        count_modes(x.numpy(), centres, sigma, deviations=reach)
        for x in (
            evidence.generated.values,
            evidence.real.held_out_values(),
            evidence.real.em_mixture.sample(n),
        )
    )
    low, high = wilson(found.counts.sum(), n)
    group = np.arange(n) % _GROUPS
    ends = jackknife(found.divergence(), [[found.divergence(group != g) for g in range(_GROUPS)]])
    return [
        Score(
            name="modes",
            value=found.modes,
            low=int((found.counts >= _SURE).sum()),
            high=found.modes,
            n=n,
            floor=floor.modes,
            baseline=baseline.modes,
            better="higher",
            note=f"of {len(centres)}; one sample within {reach:.3g} σ counts; the lower end has "
            f"{_SURE} samples or more, met again with 95 % probability",
        ),
        Score(
            name="high-quality",
            value=found.high_quality,
            low=low,
            high=high,
            n=n,
            floor=floor.high_quality,
            baseline=baseline.high_quality,
            better="higher",
            note=f"share within {reach:.3g} σ of a centre",
        ),
        Score(
            name="mode-divergence",
            value=found.divergence(),
            low=max(ends[0], 0.0),
            high=ends[1],
            n=n,
            floor=floor.divergence(),
            baseline=baseline.divergence(),
            better="lower",
            unit="nats",
            note=f"KL of samples over nearest centres from equal shares, too large by about "
            f"{(len(centres) - 1) / (2 * n):.3g} at this n; at most {np.log(len(centres)):.3g}",
        ),
    ]
