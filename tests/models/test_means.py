"""Samples are draws from the p(x) that the likelihood speaks of; means are an option."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from genus.core.drawing import Drawing
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.protocol import Protocol
from genus.models.autoencoder.vae import VAE
from genus.models.energy.dbn import DBN
from genus.models.energy.rbm import RBM
from genus.models.mixture.gmm import GaussianMixture
from genus.networks.mlp import mlp
from genus.sampling.draw import draw

POINTS = DataSpec(example=Space(kind="vector", shape=(3,)))
GREY = DataSpec(example=Space(kind="image", shape=(1, 4, 4), range=(0.0, 1.0), levels=256))


class Constant(nn.Module):
    """The same output for every input."""

    def __init__(self, value: float, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.value, self.shape = nn.Parameter(torch.tensor(value)), shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs ``(n, *shape)``."""
        return self.value.expand(len(x), *self.shape)


def test_gaussian_decoders_draw_with_the_deviation_of_their_likelihood() -> None:
    vae = VAE(
        POINTS, encoder=partial(mlp), decoder=lambda i, o: Constant(2.0, o), latent=2, likelihood="gaussian"
    )
    vae.deviation.fill_(0.7)
    x = vae.sample(4000, noise=Noise(0)).detach()
    assert float(x.std()) == pytest.approx(0.7, abs=0.02)
    assert float(x.mean()) == pytest.approx(2.0, abs=0.05)
    assert torch.equal(vae.sample(5, noise=Noise(0), means=True), torch.full((5, 3), 2.0))
    density = (
        vae.log_prob(x[:500], noise=Noise(1)).mean().detach()
    )  # p(x) is N(2, .49 I), and the bound is tight
    exact = torch.distributions.Normal(2.0, 0.7).log_prob(x[:500]).sum(1).mean()
    assert float(density) == pytest.approx(float(exact), abs=0.1)


def test_binary_models_draw_binary_images() -> None:
    networks = {"encoder": partial(mlp), "decoder": lambda i, o: Constant(0.4, o)}
    for model in (VAE(GREY, latent=2, **networks), RBM(GREY, hidden=3), DBN(GREY, hidden=(3, 3))):
        drawn = model.sample(50, noise=Noise(0)).detach()
        assert set(drawn.unique().tolist()) == {0.0, 1.0}
        means = model.sample(50, noise=Noise(0), means=True)
        assert len(means.unique()) > 1 or isinstance(model, VAE)
        assert float(drawn.mean()) == pytest.approx(float(means.detach().mean()), abs=0.05)


def test_mixtures_draw_their_residual() -> None:
    model = GaussianMixture(DataSpec(example=Space(kind="vector", shape=(4,))), components=1, axes=2)
    model.weights.fill_(1)
    model.basis.copy_(torch.eye(4)[:, :2])
    model.covariances.copy_(torch.diag(torch.tensor([9.0, 4.0])))
    model.residual.fill_(0.25)
    drawn = model.sample(4000, noise=Noise(0))
    assert drawn.std(0).tolist() == pytest.approx([3.0, 2.0, 0.5, 0.5], rel=0.05)
    assert model.sample(4000, noise=Noise(0), means=True)[:, 2:].abs().max() == 0


def test_draws_are_the_default_and_the_protocol_records_means() -> None:
    model = RBM(GREY, hidden=3)
    assert set(draw(model, 20).unique().tolist()) == {0.0, 1.0}
    assert len(draw(model, 20, drawing=Drawing(means=True)).unique()) > 2
    fields = {
        "data": "d", "fingerprint": "f", "levels": None, "reference": "train", "num_reference": 5,
        "num_samples": 5, "likelihood": "test", "num_likelihood": 5, "features": "",
        "features_fingerprint": "", "seed": 0,
    }  # fmt: skip
    plain, of_means = Protocol(**fields), Protocol(**fields, means=True)
    assert plain.hash != of_means.hash
    assert "means" not in plain.to_json()
