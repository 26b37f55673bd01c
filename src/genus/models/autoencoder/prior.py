"""Priors of latents: the standard normal, and a learned mixture of Gaussians."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genus.core.noise import Noise


class StandardPrior(nn.Module):
    """p(z) = N(z; 0, I).

    Args:
        latent: size of z.
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, ``(n, latent)`` to ``(n,)``."""
        return -(z.square() + math.log(2 * math.pi)).sum(1) / 2

    def divergence(self, z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
        """KL(N(μ, σ²) ‖ p) in closed form; see :func:`standard_normal_kl`. ``(n,)`` nats."""
        del z
        return standard_normal_kl(mean, logvar)

    def sample(self, n: int, noise: Noise) -> Tensor:
        """Draw ``(n, latent)``."""
        return noise.normal(n, self.latent)


class MixturePrior(nn.Module):
    """p(z) = Σ_k π_k N(z; m_k, diag s_k²), learned with the rest of the ELBO.

    The best prior for given encoder is the mean of the posteriors over the data; a mixture comes
    close to it, so that samples fall where the decoder was trained (arXiv:1705.07120).

    Args:
        latent: size of z.
        components: K.
    """

    def __init__(self, latent: int, components: int) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.randn(components, latent))
        self.logvars = nn.Parameter(torch.zeros(components, latent))
        self.logits = nn.Parameter(torch.zeros(components))

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, ``(n, latent)`` to ``(n,)``."""
        # (z − m)²/s² expanded, so that no (n, K, latent) is made
        precision = (-self.logvars).exp()
        squares = z.square() @ precision.T - 2 * z @ (precision * self.means).T
        squares = squares + (precision * self.means.square()).sum(1)
        constant = self.logvars.sum(1) + z.shape[1] * math.log(2 * math.pi)
        return (self.logits.log_softmax(0) - (squares + constant) / 2).logsumexp(1)

    def divergence(self, z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
        """log q(z) − log p(z) for z from q = N(μ, σ²): an unbiased estimate of the KL, ``(n,)``."""
        return diagonal_log_prob(z, mean, logvar) - self.log_prob(z)

    def sample(self, n: int, noise: Noise) -> Tensor:
        """Draw ``(n, latent)``."""
        chosen = noise.categorical(self.logits.expand(n, -1))
        eps = noise.normal(n, self.means.shape[1])
        return self.means[chosen] + eps * (self.logvars[chosen] / 2).exp()


def diagonal_log_prob(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """log N(z; μ, diag σ²) in nats; all ``(n, d)``, to ``(n,)``."""
    return -((z - mean).square() / logvar.exp() + logvar + math.log(2 * math.pi)).sum(1) / 2


def standard_normal_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − ln σ² − 1).

    Args:
        mean: μ, ``(n, d)``.
        logvar: ln σ², ``(n, d)``.

    Returns:
        Nats, ``(n,)``.

    >>> standard_normal_kl(torch.ones(1, 1), torch.zeros(1, 1))
    tensor([0.5000])
    """
    return (mean.square() + logvar.exp() - logvar - 1).sum(1) / 2
