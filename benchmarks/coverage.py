"""How often do 95 % intervals hold the truth? Draws from distributions whose truth is known.

``python -m benchmarks.coverage`` prints the table of docs/evaluation.md. Where the truth is not
a closed form it is the mean of many draws at the same size (``expectation``), or what very many
samples give for the same balls, classifier or window (``conditional``).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy import special

from genus import metrics
from genus.metrics.blocks import small_blocks
from genus.metrics.frechet import frechet_interval
from genus.metrics.intervals import jackknife, mean_interval, wilson
from genus.metrics.lines import random_directions
from genus.metrics.moments import Moments
from genus.metrics.single_image import diversity_without_each, pixel_diversity
from genus.metrics.sinkhorn import sinkhorn_divergence

Array = np.ndarray
Interval = tuple[float, float]
MANY = 20_000
FOR_EXPECTATIONS = 1500


@dataclass(frozen=True)
class Case:
    """An interval, and the truth it should hold.

    Args:
        score: name of the score.
        kind: of interval.
        situation: what is drawn, and what the truth is.
        draw: from a generator to interval and truth.
    """

    score: str
    kind: str
    situation: str
    draw: Callable[[np.random.Generator], tuple[Interval, float]]


CASES: list[Case] = []


def case(
    score: str, kind: str, situation: str
) -> Callable[[Callable[..., tuple[Interval, float]]], Callable]:
    """Add a function to the table."""

    def add(draw: Callable[[np.random.Generator], tuple[Interval, float]]) -> Callable:
        CASES.append(Case(score, kind, situation, draw))
        return draw

    return add


def normal(rng: np.random.Generator, n: int, d: int, shift: float = 0.0, spread: float = 1.0) -> Array:
    """N(shift e₁, spread² I)."""
    x = spread * rng.standard_normal((n, d))
    x[:, 0] += shift
    return x


@cache
def expectation(estimate: Callable[[np.random.Generator], float]) -> float:
    """Mean of many draws of a statistic at the size in question."""
    rng = np.random.default_rng(12345)
    return float(np.mean([estimate(rng) for _ in range(FOR_EXPECTATIONS)]))


@case("frechet", "jackknife, both sets", "N(0, I₄) against N(e₁, I₄), n = 500; closed form 1")
def _frechet(rng: np.random.Generator) -> tuple[Interval, float]:
    return frechet_interval(normal(rng, 500, 4), normal(rng, 500, 4, 1)), 1.0


@case("frechet-limit", "jackknife, samples", "N(e₁, I₄), n = 1000, against exact moments; closed form 1")
def _frechet_limit(rng: np.random.Generator) -> tuple[Interval, float]:
    truth = Moments(10**9, np.zeros(4), np.eye(4) * (10**9 - 1))
    return metrics.frechet_limit_interval(normal(rng, 1000, 4, 1), truth), 1.0


@case(
    "frechet-per-class",
    "jackknife, classes added",
    "three classes of 300, shifted by 1, 2, 3; closed form 14/3",
)
def _frechet_classes(rng: np.random.Generator) -> tuple[Interval, float]:
    labels = np.arange(900) % 3
    x, y = normal(rng, 900, 2), normal(rng, 900, 2)
    x[:, 0] += labels + 1
    return metrics.frechet_classes_interval(x, labels, y, labels), 14 / 3


@case("kid", "Student, blocks", "N(0, I₄) against N(e₁, I₄), ten blocks of 100; closed form 1.328125")
def _kid(rng: np.random.Generator) -> tuple[Interval, float]:
    blocks = metrics.kernel_distance_blocks(normal(rng, 1000, 4), normal(rng, 1000, 4, 1), block=100)
    return mean_interval(blocks), 1.328125


@case("mmd-rbf", "Student, blocks", "the same, σ = 1, n = 500; closed form .0341151722")
def _mmd(rng: np.random.Generator) -> tuple[Interval, float]:
    blocks = metrics.rbf_distance_blocks(normal(rng, 500, 4), normal(rng, 500, 4, 1), bandwidth=1.0)
    return mean_interval(blocks), 0.0341151722


@case("mmd-rbf", "Student, blocks", "equal distributions, n = 500; 0")
def _mmd_null(rng: np.random.Generator) -> tuple[Interval, float]:
    blocks = metrics.rbf_distance_blocks(normal(rng, 500, 4), normal(rng, 500, 4), bandwidth=2.0)
    return mean_interval(blocks), 0.0


def _folded(shift: float) -> float:
    """E |X − Y| of N(0, 1) and N(shift, 1)."""
    return 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)


@case("energy-distance", "Student, blocks", "N(0, 1) against N(1, 1), n = 500; closed form .5418066")
def _energy(rng: np.random.Generator) -> tuple[Interval, float]:
    blocks = metrics.energy_distance_blocks(normal(rng, 500, 1), normal(rng, 500, 1, 1))
    return mean_interval(blocks), 2 * _folded(1) - 2 * _folded(0)


@case("energy-distance", "Student, blocks", "equal distributions in 4 dimensions, n = 500; 0")
def _energy_null(rng: np.random.Generator) -> tuple[Interval, float]:
    return mean_interval(metrics.energy_distance_blocks(normal(rng, 500, 4), normal(rng, 500, 4))), 0.0


@case("psnr", "Student, pairs", "16 elements with errors N(0, .1²), n = 100; closed form, about 20.28")
def _psnr(rng: np.random.Generator) -> tuple[Interval, float]:
    errors = 0.1 * rng.standard_normal((100, 1, 16))
    mean_log = math.log(0.01 / 16) + float(special.digamma(8)) + math.log(2)  # of a scaled χ²
    return mean_interval(metrics.psnr(np.zeros_like(errors), errors)), -10 * mean_log / math.log(10)


@case("dice", "Student, pairs", "64 elements, each lost with probability .5, n = 100; expectation")
def _dice(rng: np.random.Generator) -> tuple[Interval, float]:
    return mean_interval(_dice_values(rng)), expectation(_mean_dice)


def _dice_values(rng: np.random.Generator) -> Array:
    return metrics.dice(np.ones((100, 64)), rng.integers(0, 2, (100, 64)))


def _mean_dice(rng: np.random.Generator) -> float:
    return float(_dice_values(rng).mean())


def _neighbour_case(name: str, shift: float, situation: str, truth: float | None = None) -> None:
    def sets(rng: np.random.Generator) -> tuple[Array, Array]:
        return normal(rng, 400, 4), normal(rng, 400, 4, shift)

    @case(name, "blocks of both sets", situation)
    def _draw(rng: np.random.Generator) -> tuple[Interval, float]:
        real, fake = sets(rng)
        found = metrics.neighbourhoods(real, fake)
        expected = expected_neighbours(shift)[name] if truth is None else truth
        return metrics.neighbourhood_intervals(real, fake, found)[name], expected


@cache
def expected_neighbours(shift: float) -> dict[str, float]:
    """Mean scores of 400 normal examples against 400 shifted ones."""
    rng = np.random.default_rng(12345)
    found = [metrics.neighbourhoods(normal(rng, 400, 4), normal(rng, 400, 4, shift)) for _ in range(500)]
    names = ("precision", "recall", "density", "coverage")
    return {name: float(np.mean([getattr(one, name) for one in found])) for name in names}


_neighbour_case("precision", 1, "N(0, I₄) against N(e₁, I₄), n = 400; expectation")
_neighbour_case("recall", 1, "the same; expectation")
_neighbour_case("density", 1, "the same; expectation")
_neighbour_case("density", 0, "equal distributions, n = 400; closed form 1", 1.0)
_neighbour_case("coverage", 2, "N(0, I₄) against N(2e₁, I₄), n = 400; expectation")
_neighbour_case("coverage", 0, "equal distributions; closed form", metrics.expected_coverage(400, 400))


@case("nll", "Student, examples", "N(0, 1) in 1 dimension, n = 200; closed form ½ ln 2πe")
def _nll(rng: np.random.Generator) -> tuple[Interval, float]:
    x = rng.standard_normal(200)
    return mean_interval(0.5 * math.log(2 * math.pi) + x**2 / 2), 0.5 * math.log(2 * math.pi * math.e)


@case("accuracy", "Wilson", "right with probability .9, n = 500")
def _accuracy(rng: np.random.Generator) -> tuple[Interval, float]:
    right = rng.random(500) < 0.9
    _, low, high = metrics.class_accuracy(np.eye(2)[right.astype(int)], np.ones(500, dtype=int))
    return (low, high), 0.9


def _dirichlet(rng: np.random.Generator) -> Array:
    return rng.dirichlet(np.full(10, 0.2), 1000)


def _inception_value(rng: np.random.Generator) -> float:
    return metrics.inception_score(_dirichlet(rng))


@case(
    "inception-score", "analytic, samples", "Dirichlet(.2) over 10 classes, n = 1000, ten splits; expectation"
)
def _inception(rng: np.random.Generator) -> tuple[Interval, float]:
    return metrics.inception_interval(_dirichlet(rng)), expectation(_inception_value)


@case(
    "sliced-wasserstein",
    "jackknife, both sets",
    "N(0, I₄) against N(e₁, I₄), n = 500; closed form on the lines",
)
def _sliced(rng: np.random.Generator) -> tuple[Interval, float]:
    truth = float(np.sqrt((random_directions(4, 128, 0)[:, 0] ** 2).mean()))
    return metrics.sliced_interval(normal(rng, 500, 4), normal(rng, 500, 4, 1)), truth


@case(
    "max-sliced-wasserstein", "jackknife, line fixed", "N(0, I₄) against N(2e₁, I₄), n = 500; closed form 2"
)
def _max_sliced(rng: np.random.Generator) -> tuple[Interval, float]:
    x, y = normal(rng, 500, 4), normal(rng, 500, 4, 2)
    return metrics.max_sliced_interval(x, y, metrics.max_sliced_wasserstein(x, y)[1]), 2.0


def _blocks(distance: Callable[[Array, Array], float], rng: np.random.Generator) -> Array:
    x, y = normal(rng, 400, 4), normal(rng, 400, 4, 1)
    blocks = small_blocks(x, y, block=100)  # instead of 500: the same mathematics, in reasonable time
    return np.array([distance(a, b) for a, b in blocks])


def _block_case(name: str, distance: Callable[[Array, Array], float]) -> None:
    def value(rng: np.random.Generator) -> float:
        return distance(normal(rng, 100, 4), normal(rng, 100, 4, 1))

    @case(name, "Student, blocks", "N(0, I₄) against N(e₁, I₄), four blocks of 100; expectation")
    def _draw(rng: np.random.Generator) -> tuple[Interval, float]:
        return mean_interval(_blocks(distance, rng)), expectation(value)


_block_case("wasserstein-1", lambda a, b: metrics.wasserstein_distance(a, b, order=1))
_block_case("wasserstein-2", lambda a, b: metrics.wasserstein_distance(a, b, order=2))
_block_case("projected-wasserstein", lambda a, b: metrics.projected_wasserstein(a, b, projections=16))
_block_case("sinkhorn", lambda a, b: sinkhorn_divergence(a, b, epsilon=1.5, tolerance=1e-4))


@case("c2st-logistic", "Wilson, held-out half", "equal distributions in 10 dimensions, n = 200; ½")
def _logistic_null(rng: np.random.Generator) -> tuple[Interval, float]:
    found = metrics.logistic_two_sample(normal(rng, 200, 10), normal(rng, 200, 10))
    return (found.low, found.high), 0.5


@case("c2st-logistic", "Wilson, held-out half", "N(0, I₂) against N(e₁, I₂), n = 1000; closed form Φ(½)")
def _logistic(rng: np.random.Generator) -> tuple[Interval, float]:
    found = metrics.logistic_two_sample(normal(rng, 1000, 2), normal(rng, 1000, 2, 1))
    return (found.low, found.high), 0.6914624613


def _nearest_test(rng: np.random.Generator, shift: float) -> metrics.TwoSampleTest:
    return metrics.nearest_two_sample(normal(rng, 200, 10), normal(rng, 200, 10, shift))


@case("c2st-nearest", "Wilson, pairs corrected", "equal distributions in 10 dimensions, n = 200; ½")
def _nearest_null(rng: np.random.Generator) -> tuple[Interval, float]:
    found = _nearest_test(rng, 0)
    return (found.low, found.high), 0.5


def _nearest_value(rng: np.random.Generator) -> float:
    return _nearest_test(rng, 1).accuracy


@case("c2st-nearest", "Wilson, pairs corrected", "N(0, I₁₀) against N(e₁, I₁₀), n = 200; expectation")
def _nearest(rng: np.random.Generator) -> tuple[Interval, float]:
    found = _nearest_test(rng, 1)
    return (found.low, found.high), expectation(_nearest_value)


@case("authenticity", "Wilson", "samples of the training distribution in 8 dimensions, n = 300; conditional")
def _authenticity(rng: np.random.Generator) -> tuple[Interval, float]:
    train = normal(rng, 300, 8)
    found = metrics.authenticity(normal(rng, 300, 8), train)
    return wilson(found.authentic.sum(), 300), metrics.authenticity(normal(rng, MANY, 8), train).value


@case(
    "data-copying", "analytic (DeLong)", "samples, training and test examples of one distribution, n = 300; 0"
)
def _copying_null(rng: np.random.Generator) -> tuple[Interval, float]:
    found = metrics.data_copying(normal(rng, 300, 8), normal(rng, 300, 8), normal(rng, 300, 8))
    return (found.low, found.high), 0.0


@case("data-copying", "analytic (DeLong)", "samples 10 % wider, n = 300; conditional")
def _copying(rng: np.random.Generator) -> tuple[Interval, float]:
    train = normal(rng, 300, 8)
    found = metrics.data_copying(normal(rng, 300, 8, spread=1.1), train, normal(rng, 300, 8))
    many = metrics.data_copying(normal(rng, MANY, 8, spread=1.1), train, normal(rng, MANY, 8))
    scale = math.sqrt(300 * 300 / 601) / math.sqrt(MANY * MANY / (2 * MANY + 1))
    return (found.low, found.high), many.z * scale


@case("copies", "Wilson", "a tenth copied, n = 300; conditional on the threshold")
def _copies(rng: np.random.Generator) -> tuple[Interval, float]:
    train, test = normal(rng, 300, 4), normal(rng, 400, 4)
    fresh = np.where(rng.random((300, 1)) < 0.1, train[rng.integers(300, size=300)], normal(rng, 300, 4))
    found = metrics.find_copies(fresh, train, test)
    accused = float(metrics.find_copies(normal(rng, MANY, 4), train, test).found.mean())
    return wilson(found.found.sum(), 300), 0.1 + 0.9 * accused


@case("parzen", "Student, examples", "window on 200 normal samples in 4 dimensions, n = 200; conditional")
def _parzen(rng: np.random.Generator) -> tuple[Interval, float]:
    samples = normal(rng, 200, 4)
    values = metrics.parzen_log_likelihood(normal(rng, 200, 4), samples, bandwidth=0.5)
    truth = metrics.parzen_log_likelihood(normal(rng, MANY, 4), samples, bandwidth=0.5).mean()
    return mean_interval(values), float(truth)


@case("vendi", "jackknife, samples", "N(0, diag(9, 1)), n = 400; closed form 1.7547654")
def _vendi(rng: np.random.Generator) -> tuple[Interval, float]:
    truth = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    return metrics.vendi_interval(normal(rng, 400, 2) * [3, 1]), truth


@case("pixel-diversity", "jackknife, samples", "one random contrast per image, n = 50; expectation")
def _pixel_diversity(rng: np.random.Generator) -> tuple[Interval, float]:
    n = 50
    image = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 8, 8)))
    samples = torch.from_numpy(rng.normal(size=(n, 1, 1, 1))) * image
    # E of the deviation of n normal numbers, over all n: √(2/n) Γ(n/2) / Γ((n − 1)/2)
    deviation = math.sqrt(2 / n) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))
    truth = deviation * float(image.abs().mean() / image.std(correction=0))
    value = pixel_diversity(samples, image)
    return jackknife(value, [diversity_without_each(samples, image)]), truth


def hits(one: Case, draws: int, seed: int = 0) -> int:
    """In how many of the draws the interval holds the truth."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(draws):
        (low, high), truth = one.draw(rng)
        found += low <= truth <= high
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("scores", nargs="*")
    chosen = parser.parse_args()
    print("| score | interval | drawn; truth | held the truth |\n|---|---|---|---|")
    for one in CASES:
        if chosen.scores and one.score not in chosen.scores:
            continue
        share = hits(one, chosen.draws) / chosen.draws
        error = math.sqrt(share * (1 - share) / chosen.draws)
        print(f"| `{one.score}` | {one.kind} | {one.situation} | {share:.1%} ± {error:.1%} |", flush=True)


if __name__ == "__main__":
    main()
