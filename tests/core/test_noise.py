"""Noise belongs to examples, however the work is split."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genus.core.noise import MANY, Noise, coins, derive_seed

DRAWS: dict[str, Callable[[Noise, int], Tensor]] = {
    "normal": lambda noise, n: noise.normal(n, 3),
    "uniform": lambda noise, n: noise.uniform(n, 2, 2),
    "many": lambda noise, n: noise.uniform(n, MANY // 6 + 1),  # numpy's generator for blocks above 5
    "integers": lambda noise, n: noise.integers(1000, n, 3),
    "bernoulli": lambda noise, n: noise.bernoulli(torch.full((n, 8), 0.3)),
    "categorical": lambda noise, n: noise.categorical(torch.zeros(n, 50)),
}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("block", [1, 5, 24, 64])
@pytest.mark.parametrize("sizes", [[24], [1] * 24, [5, 5, 2, 12], [23, 1], [7, 17]])
def test_parts_are_parts_of_the_whole(kind: str, block: int, sizes: list[int]) -> None:
    draw = DRAWS[kind]
    whole = Noise(3, block=block)
    first, second = draw(whole, 24), draw(whole, 24)
    assert not torch.equal(first, second)
    start, parts = 0, []
    for size in sizes:
        noise = Noise(3, start=start, block=block)
        parts.append((draw(noise, size), draw(noise, size)))
        start += size
    assert torch.equal(torch.cat([a for a, _ in parts]), first)
    assert torch.equal(torch.cat([b for _, b in parts]), second)


def test_seeds_draws_and_examples_are_unrelated() -> None:
    rows = [Noise(seed, start=start, block=1).normal(1, 4) for seed in range(5) for start in range(5)]
    noise = Noise(0, block=1)
    noise.normal(1, 4)
    rows.append(noise.normal(1, 4))
    assert len({tuple(row.flatten().tolist()) for row in rows}) == len(rows)
    assert len({derive_seed(*keys) for keys in [(1, 2), (2, 1), (12,), ("1", "2", ""), (1, 2, 0)]}) == 5
    assert all(0 <= derive_seed(i) < 2**63 for i in range(100))


def test_the_global_generator_is_left_alone() -> None:
    state = torch.get_rng_state()
    Noise(0).normal(10)
    assert torch.equal(torch.get_rng_state(), state)


def test_moments() -> None:
    noise = Noise(0)
    n = 40_000
    normal, uniform = noise.normal(n).double(), noise.uniform(n).double()
    assert abs(normal.mean()) < 4 / n**0.5
    assert abs(normal.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs(uniform.mean() - 0.5) < 4 * (1 / 12 / n) ** 0.5
    assert 0 <= uniform.min() < uniform.max() < 1
    chosen = noise.categorical(torch.tensor([0.2, 0.5, 0.3]).log().expand(n, 3))
    shares = torch.bincount(chosen, minlength=3).double() / n
    assert (shares - torch.tensor([0.2, 0.5, 0.3])).abs().max() < 4 * (0.25 / n) ** 0.5
    coins = noise.bernoulli(torch.full((n,), 0.1))
    assert abs(coins.double().mean() - 0.1) < 4 * (0.09 / n) ** 0.5


def test_impossible_classes_are_never_drawn() -> None:
    logits = torch.tensor([-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf]).expand(20_000, 5)
    assert set(Noise(0).categorical(logits).tolist()) == {1, 3}


def test_many_uniform_numbers_are_uniform_and_unrelated() -> None:
    """Those of numpy's generator: multiples of 2⁻²⁴, of each width, block and seed."""
    drawn = torch.stack([Noise(seed, block=2).uniform(2, MANY + 1) for seed in range(4)]).double()
    scaled = drawn * 2**24
    assert torch.equal(scaled, scaled.round())
    assert 0 <= drawn.min() < 1e-4
    assert 1 - 1e-4 < drawn.max() < 1
    n = drawn.numel()
    cells = torch.bincount((drawn * 16).long().flatten(), minlength=16).double()
    assert ((cells - n / 16).square() * 16 / n).sum() < 45  # χ² of 15 degrees of freedom, p = 1e-4
    bits = torch.stack([(scaled.long() >> k) & 1 for k in range(24)]).double().flatten(1).mean(1)
    assert (bits - 0.5).abs().max() < 5 * 0.5 / n**0.5
    rows = torch.corrcoef(torch.cat([drawn.flatten(0, 1), drawn.flatten(0, 1).roll(1, 1)]))
    assert (rows - torch.eye(16)).abs().max() < 5 / MANY**0.5
    assert Noise(0, block=2).uniform(2, MANY + 1).equal(Noise(0, block=2).uniform(2, MANY + 1))


def test_double_precision_keeps_its_digits() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        drawn = Noise(0, block=2).uniform(2, MANY)
    finally:
        torch.set_default_dtype(torch.float32)
    assert drawn.dtype == torch.float64
    assert not torch.equal(drawn, drawn.float().double())


def test_coins_are_never_wrong_at_the_ends() -> None:
    uniform = Noise(0, block=4).uniform(4, MANY)
    probability = torch.tensor([0.0, 1.0, 0.25, 0.75])[:, None].expand_as(uniform)
    means = coins(uniform, probability).mean(1)
    assert means[:2].tolist() == [0.0, 1.0]
    assert (means[2:] - torch.tensor([0.25, 0.75])).abs().max() < 5 * 0.5 / MANY**0.5
