"""NICE: volumes, its scale and its prior."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.bijection import Chain, Flattened
from genus.models.flow.nice import NICE, DiagonalScale
from genus.networks.mlp import mlp
from tests.bijections import check_bijection, shaken

MLP = partial(mlp, hidden=(16,), activation="tanh")


def nice(*shape: int, levels: int | None = None) -> NICE:
    kind = "vector" if len(shape) == 1 else "image"
    space = Space(kind=kind, shape=shape, range=None if levels is None else (0.0, 1.0), levels=levels)
    model = shaken(NICE(DataSpec(example=space), network=MLP, alpha=0.0))
    assert isinstance(model, NICE)
    return model.double()


def parts(model: NICE) -> tuple[Chain, DiagonalScale]:
    assert isinstance(model.flow, Flattened)
    assert isinstance(model.flow.inner, Chain)
    couplings, scale = model.flow.inner.parts
    assert isinstance(couplings, Chain)
    assert isinstance(scale, DiagonalScale)
    return couplings, scale


@pytest.mark.parametrize("shape", [(2,), (5,), (1, 3, 4)])
def test_couplings_keep_volumes_exactly(shape: tuple[int, ...]) -> None:
    model = nice(*shape)
    couplings, scale = parts(model)
    x = torch.randn(3, math.prod(shape), dtype=torch.float64)
    y, change = couplings(x)
    assert torch.equal(change, torch.zeros(3, dtype=torch.float64))
    assert (y - x).abs().min() > 0  # every element moves
    assert torch.allclose(model.flow(x.view(3, *shape))[1], scale.log_scale.sum())
    check_bijection(model.flow, shape)


def test_every_element_depends_on_every_other() -> None:
    couplings, _ = parts(nice(6))
    jacobian = torch.autograd.functional.jacobian(
        lambda v: couplings(v[None])[0][0], torch.ones(6, dtype=torch.float64)
    )
    assert isinstance(jacobian, torch.Tensor)
    assert (jacobian != 0).all()


def test_prior_is_logistic() -> None:
    model = nice(2)
    x = torch.randn(4, 2, dtype=torch.float64)
    z, change = model.flow(x)
    logistic = (-z - 2 * torch.log1p(torch.exp(-z))).sum(1)
    assert torch.allclose(model.log_prob(x, noise=Noise(0)), logistic + change)
    assert torch.allclose(model.decode(model.encode(x).mean), x, atol=1e-8)


def test_density_integrates_to_one() -> None:
    axis = torch.linspace(-30, 30, 601, dtype=torch.float64)
    total = nice(2).log_prob(torch.cartesian_prod(axis, axis), noise=Noise(0)).exp().sum() * 0.1**2
    assert float(total) == pytest.approx(1, abs=1e-4)


def test_a_new_model_is_uniform_on_grey_values() -> None:
    """8 bits per element at 256 levels: α = 0, a logistic prior, and couplings that are the identity."""
    space = Space(kind="image", shape=(1, 4, 4), range=(0.0, 1.0), levels=256)
    model = NICE(DataSpec(example=space), network=MLP, alpha=0.0).double()
    x = torch.randint(256, (5, 1, 4, 4)).double() / 255
    bits = -model.log_prob(x, noise=Noise(0)) / 16 / math.log(2)
    assert torch.allclose(bits, torch.full((5,), 8.0).double(), atol=1e-6)


def test_single_numbers_are_refused() -> None:
    with pytest.raises(RecipeError, match="two numbers"):
        NICE(DataSpec(example=Space(kind="vector", shape=(1,))), network=MLP)


def test_loss_is_the_mean_likelihood() -> None:
    model, x = nice(3), torch.randn(4, 3, dtype=torch.float64)
    loss = model.loss(Batch(x), Context(noise=Noise(0)))["nll"]
    assert float(loss.detach()) == pytest.approx(-float(model.log_prob(x, noise=Noise(0)).mean()) / 3)
