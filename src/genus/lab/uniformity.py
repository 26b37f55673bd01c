"""Testing a black-box sampler for uniformity by counting collisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from genus.core.registry import lab
from genus.lab.findings import Check, Findings, require
from genus.lab.style import BLUE, COLOURS, GREEN, VERMILION, label

Array = NDArray[np.float64]


def collisions(draws: ArrayLike) -> NDArray[np.int64]:
    r"""Pairs of equal draws, :math:`\sum_{i<j} 1[x_i = x_j]`.

    Args:
        draws: outcomes 0, 1, …, ``(…, m)``; each row is one set of samples.

    Returns:
        counts ``(…)``.

    >>> int(collisions([3, 1, 3, 3]))
    3
    """
    ordered = np.sort(np.asarray(draws), axis=-1)
    # an outcome drawn c times makes c(c − 1)/2 pairs: sum of each draw's place within its run
    places = np.arange(ordered.shape[-1])
    starts = np.ones(ordered.shape, dtype=bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=-1)
    return (places - first).sum(axis=-1)


def collision_threshold(samples: int, outcomes: int, distance: float) -> float:
    r"""Number of collisions above which uniformity is rejected, :math:`\binom m2 (1 + 2\epsilon^2)/n`.

    Half-way between what uniform draws give, C(m, 2)/n, and the least that draws at total
    variation ε from uniform give, C(m, 2)(1 + 4ε²)/n.

    Args:
        samples: m, draws.
        outcomes: n, equally likely under the hypothesis.
        distance: ε, total variation to be distinguished from 0, in (0, 1].
    """
    return math.comb(samples, 2) * (1 + 2 * distance**2) / outcomes


def l2_distance(draws: ArrayLike, outcomes: int) -> Array:
    r"""Unbiased estimate of the squared L2 distance from uniform, collision rate − 1/n.

    .. math:: \sum_x (p(x) - 1/n)^2 = \sum_x p(x)^2 - 1/n

    Args:
        draws: ``(…, m)``, m >= 2.
        outcomes: n.
    """
    return collisions(draws) / math.comb(np.shape(draws)[-1], 2) - 1 / outcomes


def l1_bound(squared_l2: ArrayLike, outcomes: int) -> Array:
    r"""Largest total variation that the L2 distance allows, :math:`\tfrac12\sqrt{n}\,\|p - u\|_2`.

    Args:
        squared_l2: ‖p − u‖₂²; estimates below 0 count as 0.
        outcomes: n.

    >>> float(l1_bound(0.0016, 1000).round(4))
    0.6325
    """
    return np.sqrt(outcomes * np.clip(squared_l2, 0, None)) / 2


def paired_distribution(outcomes: int, distance: float) -> Array:
    """The distribution at total variation ε that is hardest to detect: half the outcomes (1 ± 2ε)/n each.

    Args:
        outcomes: n, even.
        distance: ε, in [0, 0.5].

    >>> paired_distribution(4, 0.25).tolist()
    [0.375, 0.125, 0.375, 0.125]
    """
    signs = np.tile([1.0, -1.0], outcomes // 2)
    return (1 + 2 * distance * signs) / outcomes


def rejection_rate(
    probabilities: Array, samples: int, distance: float, *, trials: int, rng: np.random.Generator
) -> tuple[float, NDArray[np.int64]]:
    """Share of tests that reject a sampler.

    Args:
        probabilities: of the sampler's outcomes, ``(n,)``.
        samples: m draws per test.
        distance: ε of the test.
        trials: tests.
        rng: of the draws.

    Returns:
        Share of rejections, and the collisions of each trial ``(trials,)``.
    """
    n = len(probabilities)
    cumulative = np.cumsum(probabilities)
    uniform = rng.random((trials, samples))
    draws = np.minimum(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"), n - 1)
    counts = collisions(draws)
    return float((counts > collision_threshold(samples, n, distance)).mean()), counts


@lab("uniformity", paper="doi:10.1109/TIT.2008.928987")
def uniformity(
    *,
    outcomes: int = 1000,
    samples: int = 400,
    distance: float = 0.5,
    trials: int = 2000,
    sweep: Sequence[int] = (25, 50, 100, 200, 400, 800),
    seed: int = 0,
) -> Findings:
    """Test of uniformity by collisions: √n samples suffice, where KL divergence needs all n.

    The sampler to be rejected is at total variation ε and has the fewest collisions such a
    sampler can have. A third one never draws the last outcome: its divergence KL(u ‖ p) is
    infinite, yet nothing notices, for its total variation is 1/n.

    Args:
        outcomes: n, even, >= 2.
        samples: m, draws per test, >= 2.
        distance: ε, total variation to be rejected, in (0, 0.5].
        trials: tests of each sampler, >= 100.
        sweep: numbers of draws for the curve of errors, >= 2 each.
        seed: of all draws.
    """
    require(outcomes >= 2 and outcomes % 2 == 0, f"outcomes={outcomes}: must be even")
    require(0 < distance <= 0.5, f"distance={distance:g}: must be in (0, 0.5]")
    require(min(samples, *sweep) >= 2, "a collision needs two samples or more")
    require(trials >= 100, f"trials={trials}: at least 100 for a rate")
    rng = np.random.default_rng(seed)
    uniform = np.full(outcomes, 1 / outcomes)
    far = paired_distribution(outcomes, distance)
    lacking = np.append(np.full(outcomes - 1, 1 / (outcomes - 1)), 0.0)

    def rate(p: Array, m: int) -> tuple[float, NDArray[np.int64]]:
        return rejection_rate(p, m, distance, trials=trials, rng=rng)

    (accepted, null), (power, alternative), (unseen, _) = (rate(p, samples) for p in (uniform, far, lacking))
    errors = [(rate(uniform, m)[0], 1 - rate(far, m)[0]) for m in sweep]
    squared = float(((far - uniform) ** 2).sum())
    pairs = math.comb(samples, 2)
    estimates = alternative / pairs - 1 / outcomes
    checks = _checks(null, estimates, squared, pairs, outcomes)
    if (outcomes, distance) == (1000, 0.5) and samples >= 400:
        checks += _rate_checks(accepted, power)
    return Findings(
        numbers={
            "threshold": collision_threshold(samples, outcomes, distance),
            "rejected": {"uniform": accepted, "at distance ε": power, "lacks one outcome": unseen},
            "squared L2 distance": {"true": squared, "estimated": float(estimates.mean())},
            "L1 distance (total variation)": {
                "true": distance,
                "bound from L2": float(l1_bound(estimates.mean(), outcomes)),
            },
            "draws": list(sweep),
            "false rejections": [first for first, _ in errors],
            "missed": [second for _, second in errors],
            "collisions": {"uniform": null, "at distance ε": alternative},
        },
        checks=checks,
        draw=_draw(null, alternative, sweep, errors, outcomes, samples, distance),
    )


def _rate_checks(accepted: float, power: float) -> list[Check]:
    return [
        Check(name="uniform rejected", value=accepted, expected=0.01, relation="≤"),
        Check(name="far sampler rejected", value=power, expected=0.99, relation="≥"),
    ]


def _checks(
    null: NDArray[np.int64], estimates: Array, squared: float, pairs: int, outcomes: int
) -> list[Check]:
    def error(values: NDArray[Any]) -> float:
        return 4 * float(values.std(ddof=1)) / math.sqrt(len(values))

    return [
        Check(
            name="mean collisions of uniform draws",
            value=float(null.mean()),
            expected=pairs / outcomes,
            tolerance=error(null),
        ),
        Check(
            name="variance of collisions of uniform draws",
            value=float(null.var(ddof=1)),
            expected=pairs / outcomes * (1 - 1 / outcomes),
            tolerance=error((null - null.mean()) ** 2),
        ),
        Check(
            name="squared L2 distance, estimated",
            value=float(estimates.mean()),
            expected=squared,
            tolerance=error(estimates),
        ),
    ]


def _draw(
    null: NDArray[np.int64],
    alternative: NDArray[np.int64],
    sweep: Sequence[int],
    errors: Sequence[tuple[float, float]],
    outcomes: int,
    samples: int,
    distance: float,
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        both = np.concatenate([null, alternative])
        step = max(1, math.ceil(np.ptp(both) / 50))  # whole numbers in each bin
        edges = np.arange(both.min(), both.max() + step + 1, step) - 0.5
        left.hist(null, edges, color=BLUE, alpha=0.8, label="uniform sampler")
        left.hist(alternative, edges, color=VERMILION, alpha=0.8, label=f"total variation {distance:g}")
        threshold = collision_threshold(samples, outcomes, distance)
        left.axvline(threshold, color="black", ls="--", label="threshold")
        left.set_ylim(0, left.get_ylim()[1] * 1.35)
        left.legend(loc="upper left", ncols=1)
        label(left, f"Collisions among {samples} of {outcomes:,} outcomes", "pairs of equal draws", "tests")
        false, missed = zip(*errors, strict=True)
        right.plot(sweep, false, "o-", color=BLUE, label="uniform rejected")
        right.plot(sweep, missed, "s--", color=VERMILION, label="far sampler accepted")
        right.axvline(math.sqrt(outcomes), color=GREEN, ls=":", label=f"√n = {math.sqrt(outcomes):.0f}")
        right.axvline(outcomes, color=COLOURS[3], ls="-.", label=f"n = {outcomes}")
        right.set_xscale("log")
        right.set_xticks(sweep, [str(m) for m in sweep])
        right.minorticks_off()
        right.set_ylim(-0.03, 1)
        right.legend()
        label(right, "Errors of the test", "draws m", "share of tests")

    return draw
