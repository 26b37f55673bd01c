"""Bounds of the Wasserstein distance where it is known, and critics that may not exceed it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genus.core.errors import InputError
from genus.lab.fit import fit
from genus.lab.transport_bounds import critic_bound, lipschitz, mean_cosine, mean_norm, sample_bounds
from genus.networks.mlp import mlp
from tests.lab.helpers import run


def _samples(seed: int, n: int, d: int, shift: float) -> list[np.ndarray]:
    p, again, q, q_again = np.random.default_rng(seed).standard_normal((4, n, d))
    offset = np.eye(d)[0] * shift
    return [p, again, q + offset, q_again + offset]


@pytest.mark.parametrize("d", [1, 2, 5, 64])
def test_constants_of_spheres(d: int) -> None:
    x = np.random.default_rng(d).standard_normal((200_000, d))
    norms = np.linalg.norm(x, axis=1)
    assert mean_norm(d) == pytest.approx(norms.mean(), rel=0.01)
    assert mean_cosine(d) == pytest.approx(np.abs(x[:, 0] / norms).mean(), rel=0.01)
    assert mean_cosine(d) <= 1 / math.sqrt(d)


def test_on_a_line_all_bounds_are_one() -> None:
    bounds = sample_bounds(*_samples(0, 60, 1, 3.0), lines=10, seed=0)
    assert bounds.exact == pytest.approx(bounds.lines) == pytest.approx(bounds.sharp)
    assert bounds.exact <= bounds.upper


def test_the_sharp_constant_is_attained_by_a_large_shift() -> None:
    # far apart every line sees |u·μ|, of mean ‖μ‖ E|u·v|
    bounds = sample_bounds(*_samples(0, 100, 6, 200.0), lines=4000, seed=0)
    assert bounds.sharp == pytest.approx(200, rel=0.03)
    assert bounds.lines == pytest.approx(200 * math.sqrt(6) * mean_cosine(6), rel=0.03)


@pytest.mark.parametrize("shift", [0.0, 1.0, 4.0])
def test_bounds_enclose_the_truth(shift: float) -> None:
    found = np.array([sample_bounds(*_samples(s, 60, 5, shift), lines=100, seed=s) for s in range(20)])
    error = found.std(0, ddof=1) / math.sqrt(20)
    assert found[:, 0].mean() >= shift - 4 * error[0]
    assert (found[:, 1:].mean(0) <= shift + 4 * error[1:]).all()


@pytest.mark.parametrize("clip", [None, 0.05])
def test_a_certified_critic_does_not_exceed_the_truth(clip: float | None) -> None:
    parts = _samples(3, 200, 4, 2.0)
    found = critic_bound(*parts, hidden=[16, 16], iterations=80, seed=0, clip=clip)
    spread = math.sqrt(2 / 200)
    assert 0 < found.certified <= 2 + 4 * spread
    assert found.certified <= found.measured  # no slope exceeds the product of the norms
    assert (clip is None) == (found.value > 0.5)  # small weights, small values


def test_lipschitz_bounds_slopes_and_clipping_clips() -> None:
    torch.manual_seed(0)
    network = mlp((3,), (1,), hidden=[8]).double()
    x, y = torch.randn(2, 500, 3, dtype=torch.float64)
    slopes = (network(x) - network(y)).abs()[:, 0] / (x - y).norm(dim=1)
    assert float(slopes.max().detach()) <= lipschitz(network)
    fit(network, lambda: -network(x).mean(), iterations=5, clip=0.1)
    assert max(float(p.detach().abs().max()) for p in network.parameters()) == pytest.approx(0.1)


def test_mistakes() -> None:
    for wrong in ({"scale": 1}, {"sizes": [1]}, {"examples": 5}, {"repeats": 1}, {"dimensions": 1}):
        with pytest.raises(InputError):
            run("wasserstein-bounds", **wrong)
    with pytest.raises(InputError, match="not a set of digits"):
        run("wasserstein-bounds", digits=["x", "1"], sizes=[2], repeats=3, lines=10)
    with pytest.raises(InputError, match="choose examples"):
        run("wasserstein-bounds", digits=["1", "7"], examples=1000, sizes=[2], repeats=3, lines=10)


def test_experiment() -> None:
    numbers = run("wasserstein-bounds", sizes=[50, 200], repeats=5, lines=200).numbers["digits"]
    assert numbers["clipped critic's value"] < 0.26 < numbers["random lines, √n"]
