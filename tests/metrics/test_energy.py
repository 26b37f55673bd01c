"""Energy distance of vectors: hand values, closed forms, SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genus.core.errors import DataError
from genus.metrics import energy_distance, energy_distance_blocks
from tests.metrics.test_evaluate import POINTS, Perfect, SamplesOnly, _evaluate


def _mean_distance(shift: float) -> float:
    """E |X − Y| of N(0, 1) and N(shift, 1): the mean of a folded normal of variance 2."""
    return 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)


def test_by_hand() -> None:
    x, y = [[0.0], [1.0]], [[3.0], [5.0]]
    # across: 3, 5, 2, 4; within x twice 1, within y twice 2
    assert energy_distance(x, y) == pytest.approx(2 * 3.5 - 1 - 2)
    assert energy_distance(x, y, exponent=0.5) == pytest.approx(
        2 * np.sqrt([3, 5, 2, 4]).mean() - 1 - math.sqrt(2)
    )
    assert energy_distance([[0, 0], [0, 0]], [[3, 4], [3, 4]]) == pytest.approx(10)


def test_unbiased_where_scipy_counts_each_example_with_itself() -> None:
    """SciPy's root of the biased one, in one dimension: within sums over n² in place of n (n − 1)."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(30), rng.standard_normal(40) + 1
    within = [np.abs(z[:, None] - z).sum() for z in (x, y)]
    excess = sum(s / (n * (n - 1)) - s / n**2 for s, n in zip(within, (30, 40), strict=True))
    biased = stats.energy_distance(x, y) ** 2
    assert energy_distance(x[:, None], y[:, None]) == pytest.approx(biased - excess)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_mean_is_the_closed_form(shift: float) -> None:
    rng = np.random.default_rng(1)
    truth = 2 * _mean_distance(shift) - 2 * _mean_distance(0)
    values = [
        energy_distance(rng.standard_normal((10, 1)), rng.standard_normal((12, 1)) + shift)
        for _ in range(3000)
    ]
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / math.sqrt(3000))


def test_blocks_average_to_the_whole_in_the_mean() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2000, 3)), rng.standard_normal((2500, 3)) + 0.5
    blocks = energy_distance_blocks(x, y)
    assert len(blocks) == 10
    error = blocks.std(ddof=1) / math.sqrt(len(blocks))
    assert blocks.mean() == pytest.approx(energy_distance(x, y), abs=4 * error)


def test_what_makes_no_sense_is_refused() -> None:
    two = np.zeros((2, 3))
    with pytest.raises(DataError, match="at least 2 examples"):
        energy_distance(two[:1], two)
    with pytest.raises(DataError, match="use one feature map"):
        energy_distance(two, np.zeros((2, 4)))
    for exponent in (0, 2, -1):
        with pytest.raises(DataError, match="between 0 and 2"):
            energy_distance(two, two, exponent=exponent)


def test_the_score_tells_a_good_model_from_a_poor_one() -> None:
    good, poor = (
        _evaluate(model, metrics=["energy-distance"])["energy-distance"]
        for model in (Perfect(), SamplesOnly(POINTS))
    )
    assert abs(good.value) < 0.1
    assert good.low < good.value < good.high
    assert poor.low > 1
    assert good.floor is not None
    assert abs(good.floor) < 0.2
    assert len(poor.shared or ()) == 10
