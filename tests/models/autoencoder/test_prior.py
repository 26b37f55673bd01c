"""Priors against torch.distributions."""

from __future__ import annotations

import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from genus.core.noise import Noise
from genus.models.autoencoder.prior import MixturePrior, StandardPrior, diagonal_log_prob


def mixture() -> tuple[MixturePrior, MixtureSameFamily]:
    torch.manual_seed(0)
    prior = MixturePrior(3, 4).double()
    for parameter in prior.parameters():
        parameter.data = torch.randn_like(parameter)
    scale = (prior.logvars / 2).exp()
    truth = MixtureSameFamily(Categorical(logits=prior.logits), Independent(Normal(prior.means, scale), 1))
    return prior, truth


def test_mixture_density_is_that_of_torch():
    prior, truth = mixture()
    z = torch.randn(50, 3, dtype=torch.float64) * 3
    torch.testing.assert_close(prior.log_prob(z), truth.log_prob(z), rtol=1e-10, atol=1e-10)


def test_samples_of_the_mixture_have_its_moments():
    prior, truth = mixture()
    z = prior.sample(20_000, Noise(0)).double()
    error = (z.mean(0) - truth.mean).abs() / (truth.variance.sqrt() / 20_000**0.5)
    assert error.max() < 4
    torch.testing.assert_close(z.var(0), truth.variance, rtol=0.06, atol=0.0)


def test_divergence_is_unbiased_for_the_kl():
    prior, _ = mixture()
    one = MixturePrior(3, 1).double()
    mean, logvar = torch.tensor([[0.3, -1.0, 2.0]]).double(), torch.tensor([[0.1, -0.5, 0.4]]).double()
    q = Normal(mean, (logvar / 2).exp())
    p = Normal(one.means, (one.logvars / 2).exp())
    z = q.sample((40_000,))[:, 0]  # pyright: ignore[reportArgumentType]
    draws = one.divergence(z, mean, logvar)
    expected = kl_divergence(q, p).sum()
    assert abs(draws.mean() - expected) < 4 * draws.std() / 200
    again = diagonal_log_prob(z, mean, logvar) - prior.log_prob(z)
    torch.testing.assert_close(prior.divergence(z, mean, logvar), again)


def test_standard_prior():
    z = torch.randn(20, 3, dtype=torch.float64)
    prior = StandardPrior(3)
    torch.testing.assert_close(prior.log_prob(z), Normal(0.0, 1.0).log_prob(z).sum(1))
    assert prior.sample(5, Noise(0)).shape == (5, 3)
