"""Variational auto-encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal
from torch.nn.functional import binary_cross_entropy_with_logits

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, DrawsMeans, Encodes
from genus.core.components import Network
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.discrete import dequantise, to_data
from genus.layers.scaling import Scaling
from genus.models.autoencoder.prior import MixturePrior, StandardPrior, diagonal_log_prob


@model("vae", paper="arXiv:1312.6114")
class VAE(Model, DrawsMeans, Density, Encodes):
    """A decoder p(x|z) with a prior p(z), and an encoder q(z|x), trained on the ELBO.

    log p(x) ≥ E_q log p(x|z) − KL(q(z|x) ‖ p(z)), with p(z) = N(0, I) or a learned mixture.

    With the Bernoulli likelihood the model is one of binary data: grey values are probabilities
    from which a binary image is drawn anew each time (dynamic binarisation), and samples are binary.
    With the Gaussian likelihood the standard deviation is the best one for each batch (σ-VAE,
    arXiv:2006.13202), and discrete values are dequantised.
    """

    kind = "lower_bound"
    deviation: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        encoder: Network,
        decoder: Network,
        latent: Count = 32,
        prior_components: Count = 1,
        likelihood: Literal["bernoulli", "gaussian"] = "bernoulli",
        binarisation: Literal["drawn", "expected"] = "drawn",
        importance_samples: Count = 64,
    ) -> None:
        """Build encoder and decoder.

        Args:
            encoder: network from example to mean and log-variance of the posterior.
            decoder: network from latent to example.
            latent: size of the latent.
            prior_components: Gaussians in the prior; one is N(0, I), more are learned
                (a mixture prior as in arXiv:1705.07120, of free components).
            likelihood: of an example given its latent.
            binarisation: of grey values under the Bernoulli likelihood: drawn anew in each update,
                or the expected loss over all draws, with an encoder that sees the grey values.
            importance_samples: latents per example in ``log_prob`` (the IWAE bound,
                arXiv:1509.00519); 1 gives the ELBO.
        """
        super().__init__(spec)
        if likelihood == "bernoulli":
            self.require("values in [0, 1] for a Bernoulli likelihood", spec.range == (0.0, 1.0))
        self.scaling = Scaling(spec)
        self.unit = Scaling(spec, low=0.0) if spec.range is not None else self.scaling
        self.encoder = encoder(spec.shape, (2 * latent,))
        self.decoder = decoder((latent,), spec.shape)
        self.latent = latent
        self.prior = (
            StandardPrior(latent) if prior_components == 1 else MixturePrior(latent, prior_components)
        )
        self.likelihood = likelihood
        self.binarisation = binarisation
        self.importance_samples = importance_samples
        self.levels = 2 if likelihood == "bernoulli" else spec.levels
        self.register_buffer("deviation", torch.ones(()))

    def phases(self) -> Sequence[Phase]:
        """One phase: the negative ELBO."""
        return [
            Phase(
                name="elbo",
                updates={"autoencoder": self.parameters},
                loss=self.loss,
                whole_batch=self.likelihood == "gaussian",
            )
        ]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Reconstruction and KL terms in nats per example."""
        x = batch.x
        if self.likelihood == "gaussian":
            x, _ = dequantise(x, self.spec, ctx.noise)
        elif self.binarisation == "drawn":
            x = ctx.noise.bernoulli(x)
        mean, logvar = self._posterior(x)
        z = mean + ctx.noise.normal(len(batch), self.latent) * (logvar / 2).exp()
        output = self.decoder(z).float()
        if self.likelihood == "gaussian":
            x = self.unit.inward(x)
        reconstruction = -self._log_likelihood(x, output, self._best_deviation(x, output)).mean()
        kl = self.prior.divergence(z, mean, logvar).mean()
        return {"reconstruction": reconstruction, "kl": kl}

    def encode(self, x: Tensor) -> Distribution:
        mean, logvar = self._posterior(x)
        return Independent(Normal(mean, (logvar / 2).exp()), 1)

    def decode(self, z: Tensor) -> Tensor:
        output = self.decoder(z).float()
        if self.likelihood == "bernoulli":
            return output.sigmoid()
        return self._clipped(self.unit.outward(output))

    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, means: bool = False
    ) -> Tensor:
        z = self.prior.sample(n, noise)
        if means:
            return self.decode(z)
        output = self.decoder(z).float()
        if self.likelihood == "bernoulli":
            return noise.bernoulli(output.sigmoid())
        drawn = output + self.deviation.to(output.dtype) * noise.normal(*output.shape).to(output.dtype)
        return to_data(self.unit.outward(drawn), self.spec)

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Importance-weighted bound: log 1/K Σ p(x, z_k) / q(z_k|x), with z_k from q."""
        offset: float | Tensor = 0.0
        if self.likelihood == "gaussian":
            x, offset = dequantise(x, self.spec, noise)
        mean, logvar = self._posterior(x)
        if self.likelihood == "gaussian":
            x, offset = self.unit.inward(x), offset + self.unit.log_volume.to(x)
        weights: list[Tensor] = []
        for _ in range(self.importance_samples):
            z = mean + noise.normal(len(x), self.latent) * (logvar / 2).exp()
            prior_minus_posterior = self.prior.log_prob(z) - diagonal_log_prob(z, mean, logvar)
            output = self.decoder(z).float()
            weights.append(self._log_likelihood(x, output, self.deviation) + prior_minus_posterior)
        return torch.stack(weights).logsumexp(0) - math.log(self.importance_samples) + offset

    def _posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.encoder(self.scaling.inward(x)).float().chunk(2, 1)
        return mean, logvar.clamp(-20, 20)

    def _log_likelihood(self, x: Tensor, output: Tensor, deviation: Tensor) -> Tensor:
        if self.likelihood == "bernoulli":
            return -binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
        return Normal(output, deviation.to(output.dtype)).log_prob(x).flatten(1).sum(1)

    @torch.no_grad()
    def _best_deviation(self, x: Tensor, output: Tensor) -> Tensor:
        """Root mean square error of the batch, where its likelihood is largest; remembered.

        In the unit of the decoder: the width of the range, or the deviations of unbounded data.
        """
        error = (x - output).square().mean().sqrt().clamp_min(1e-3)
        self.deviation.lerp_(error, 0.05)
        return error

    def _clipped(self, output: Tensor) -> Tensor:
        return output if self.spec.range is None else output.clamp(*self.spec.range)
