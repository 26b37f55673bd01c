"""Sliced Wasserstein distance: transport along random lines."""

from __future__ import annotations

from functools import partial

from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.metrics.distance_score import distance_score
from genus.metrics.evidence import Evidence, needs
from genus.metrics.lines import lines_interval, powers, random_directions, same_width_pair
from genus.metrics.score import Score

PROJECTIONS = 128


def sliced_wasserstein(
    x: ArrayLike, y: ArrayLike, *, order: int = 2, projections: int = PROJECTIONS, seed: int = 0
) -> float:
    r"""Wasserstein distance of the projections on random lines, averaged over the lines.

    .. math:: SW_p = \Big(\mathbb E_{\theta\sim S^{d-1}} W_p^p(\theta\cdot x, \theta\cdot y)\Big)^{1/p}

    On a line the optimal plan keeps the order, so sorting solves it, for sets of any sizes. The
    average is over directions that differ with the seed: a Monte Carlo error remains, which
    falls as one over the root of their number.

    Args:
        x: ``(n, d)``.
        y: ``(m, d)``.
        order: p ≥ 1.
        projections: number of lines; one suffices for d = 1.
        seed: of the directions.

    Raises:
        DataError: for an empty set, sets of different width, or p < 1.

    Paper: arXiv:1503.06446 (Bonneel et al., sliced barycentres); Rabin et al. 2011.

    >>> round(sliced_wasserstein([[0.0], [1.0]], [[3.0], [5.0]], order=1), 12)
    3.5
    """
    first, second = same_width_pair(x, y, order)
    directions = random_directions(first.shape[1], projections, seed)
    return float(powers(first, second, directions, order).mean() ** (1 / order))


def sliced_interval(
    x: ArrayLike, y: ArrayLike, *, order: int = 2, projections: int = PROJECTIONS, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the sliced distance on these lines: delete-a-group jackknife over both sets.

    The order of the rows must be random. The bootstrap would repeat rows and so move the bias
    that is part of the value.
    """
    first, second = same_width_pair(x, y, order)
    return lines_interval(first, second, random_directions(first.shape[1], projections, seed), order)


@metric("sliced-wasserstein", paper="arXiv:1503.06446")
@needs(Samples, features=True)
def sliced_scores(evidence: Evidence) -> list[Score]:
    """Sliced 2-Wasserstein distance of samples to training examples."""
    seed = evidence.protocol.seed
    return [
        distance_score(
            evidence,
            "sliced-wasserstein",
            partial(sliced_wasserstein, seed=seed),
            sliced_interval(evidence.generated.features, evidence.real.reference.features, seed=seed),
            f"order 2, {PROJECTIONS} random lines, the same for every model",
            "biased upwards at finite n",
        )
    ]
