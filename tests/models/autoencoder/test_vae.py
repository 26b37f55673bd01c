"""The VAE against closed forms: linear VAE = probabilistic PCA, ordering of bounds, KL."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from genus.core.batch import Batch
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.autoencoder.prior import standard_normal_kl
from genus.models.autoencoder.vae import VAE

D, L, SIGMA = 5, 2, 0.4


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Optimal(nn.Module):
    """The exact posterior of x = Wz + m + σε as a linear encoder."""

    def __init__(self, w: torch.Tensor, mean: torch.Tensor) -> None:
        super().__init__()
        precision = w.T @ w + SIGMA**2 * torch.eye(L)
        self.gain = torch.linalg.solve(precision, w.T)
        self.mean = mean
        self.covariance = SIGMA**2 * torch.linalg.inv(precision)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = (x - self.mean) @ self.gain.T
        return torch.cat([mean, self.covariance.diagonal().log().expand(len(x), -1)], 1)


def linear_vae(importance_samples: int) -> tuple[VAE, torch.Tensor, MultivariateNormal]:
    torch.manual_seed(0)
    q, _ = torch.linalg.qr(torch.randn(D, L))
    w, mean = q * torch.tensor([1.5, 0.7]), torch.randn(D)  # orthogonal: the posterior is diagonal
    decoder = nn.Linear(L, D)
    decoder.weight.data, decoder.bias.data = w, mean
    vae = VAE(
        DataSpec(example=Space(kind="vector", shape=(D,))),
        encoder=lambda *_: Optimal(w, mean),
        decoder=lambda *_: decoder,
        latent=L,
        likelihood="gaussian",
        importance_samples=importance_samples,
    )
    vae.deviation.fill_(SIGMA)
    truth = MultivariateNormal(mean, w @ w.T + SIGMA**2 * torch.eye(D))
    return vae, truth.sample((64,)), truth


@pytest.mark.parametrize("count", [1, 7])
def test_linear_vae_is_probabilistic_pca(count: int) -> None:
    """At the exact posterior every importance weight equals p(x): the bound is tight."""
    vae, x, truth = linear_vae(count)
    assert torch.allclose(vae.log_prob(x, noise=Noise(0)), truth.log_prob(x), atol=1e-6)


def test_bounds_are_ordered() -> None:
    """E[L₁] ≤ E[L₅] ≤ E[L₅₀] ≤ log p(x), for a posterior that is too wide."""
    vae, x, truth = linear_vae(1)
    exact = vae.encoder.forward
    vae.encoder.forward = lambda x: exact(x) + torch.tensor([0.3, -0.2, 1.0, 1.0])  # type: ignore[method-assign]
    means = []
    for count in (1, 5, 50):
        vae.importance_samples = count
        draws = torch.stack([vae.log_prob(x, noise=Noise(seed)) for seed in range(30)])
        means.append((draws.mean(), draws.mean(1).std() / math.sqrt(30)))
    means.append((truth.log_prob(x).mean(), torch.zeros(())))
    for (low, error), (high, other) in itertools.pairwise(means):
        assert low - high < 4 * (error**2 + other**2).sqrt() + 1e-9
    assert means[0][0] < means[3][0] - 0.1


def test_kl_against_torch() -> None:
    mean, logvar = torch.randn(10, 3), torch.randn(10, 3)
    theirs = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(standard_normal_kl(mean, logvar), theirs, atol=1e-9)
    assert standard_normal_kl(torch.ones(1, 1), torch.zeros(1, 1)).item() == 0.5


def test_bernoulli_loss_is_the_elbo_of_a_binary_image() -> None:
    torch.manual_seed(0)
    spec = DataSpec(example=Space(kind="vector", shape=(4,), range=(0.0, 1.0)))
    encoder, decoder = nn.Linear(4, 2), nn.Linear(1, 4)
    vae = VAE(spec, encoder=lambda *_: encoder, decoder=lambda *_: decoder, latent=1)
    x = torch.tensor([[0.0, 1.0, 1.0, 0.0]])  # binary already, so its binarisation is itself
    terms = vae.loss(Batch(x), Context(noise=Noise(3)))
    noise = Noise(3)
    noise.bernoulli(x)
    mean, logvar = encoder(2 * x - 1).chunk(2, 1)
    z = mean + noise.normal(1, 1) * (logvar / 2).exp()
    p = decoder(z).sigmoid()
    expected = -(x * p.log() + (1 - x) * (1 - p).log()).sum()
    assert terms["reconstruction"].item() == pytest.approx(expected.item(), abs=1e-5)
    assert terms["kl"].item() == pytest.approx(standard_normal_kl(mean, logvar).item(), abs=1e-6)
    assert vae.levels == 2


def test_gaussian_likelihood_of_levels_is_a_probability() -> None:
    """Summed over all 4 × 4 values of two pixels, exp of the bound is at most 1, and near it."""
    spec = DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, 1.0), levels=4))
    encoder, decoder = nn.Linear(2, 2), nn.Linear(1, 2)
    for layer in (encoder, decoder):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    decoder.bias.data.fill_(0.5)
    vae = VAE(spec, encoder=lambda *_: encoder, decoder=lambda *_: decoder, latent=1, likelihood="gaussian")
    vae.deviation.fill_(0.25)
    grid = torch.cartesian_prod(torch.arange(4) / 3, torch.arange(4) / 3)
    bounds = torch.stack([vae.log_prob(grid, noise=Noise(seed)) for seed in range(200)]).mean(0)
    assert 0.8 < bounds.exp().sum().item() <= 1
