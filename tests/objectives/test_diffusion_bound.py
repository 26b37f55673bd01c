"""Terms of the variational bound against torch.distributions and sums."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from genus.objectives.diffusion import discretised_normal, normal_kl, normal_log_density

GENERATOR = torch.Generator().manual_seed(0)
X, A, B = torch.randn(3, 4, 5, dtype=torch.float64, generator=GENERATOR)
V, W = torch.rand(2, 4, 1, dtype=torch.float64, generator=GENERATOR) + 0.2


def test_kl_and_density_agree_with_torch() -> None:
    first, second = Normal(A, V.sqrt().expand_as(A)), Normal(B, W.sqrt().expand_as(B))
    assert torch.allclose(normal_kl(A, V, B, W), kl_divergence(first, second).sum(1), atol=1e-9)
    assert torch.allclose(normal_log_density(X, A, V), first.log_prob(X).sum(1), atol=1e-9)


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("variance", [1e-4, 0.05, 4.0])
def test_probabilities_of_all_grey_values_sum_to_one(levels: int, variance: float) -> None:
    grid = torch.linspace(-1, 1, levels, dtype=torch.float64)[:, None]
    for mean in (-1.0, 0.123, 1.4):
        found = discretised_normal(grid, torch.full_like(grid, mean), torch.tensor(variance).double(), levels)
        assert float(found.exp().sum()) == pytest.approx(1, abs=1e-9)
        assert found.isfinite().all()


def test_far_grey_values_keep_their_digits() -> None:
    """In float32 a difference of distribution functions would be zero twenty deviations out."""
    x, mean = torch.tensor([[0.0]]), torch.tensor([[0.8]])
    single = discretised_normal(x, mean, torch.tensor(0.0016), 256)
    double = discretised_normal(x.double(), mean.double(), torch.tensor(0.0016).double(), 256)
    assert float(single) == pytest.approx(float(double), rel=1e-4)
    assert float(double) < -150
