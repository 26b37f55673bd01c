"""Spline flows: determinants, what their networks may see, refusals."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.flow.spline_flow import SplineFlow
from genus.networks.coupling_resnet import coupling_resnet
from genus.networks.masked_mlp import masked_mlp
from genus.networks.mlp import mlp
from tests.bijections import check_bijection, shaken

MLP = partial(mlp, hidden=(16,), activation="tanh")
MASKED = partial(masked_mlp, hidden=(32, 32))
RESNET = partial(coupling_resnet, width=4)


def vectors(*shape: int) -> DataSpec:
    return DataSpec(example=Space(kind="vector" if len(shape) == 1 else "image", shape=shape))


@pytest.mark.parametrize(
    ("shape", "network", "moves"),
    [((5,), MLP, "couplings"), ((1, 4, 4), RESNET, "couplings"), ((3, 3, 5), RESNET, "couplings"),
     ((5,), MASKED, "autoregressive"), ((1, 2, 3), MASKED, "autoregressive")],
)  # fmt: skip
def test_log_determinant_and_round_trip(shape: tuple[int, ...], network, moves) -> None:
    model = shaken(SplineFlow(vectors(*shape), network=network, moves=moves, couplings=2, scales=2))
    assert isinstance(model, SplineFlow)
    check_bijection(model.flow, shape, scale=2)


@pytest.mark.parametrize(("network", "moves"), [(MLP, "couplings"), (MASKED, "autoregressive")])
def test_density_integrates_to_one(network, moves) -> None:
    model = shaken(SplineFlow(vectors(2), network=network, moves=moves, couplings=2)).double()
    assert isinstance(model, SplineFlow)
    axis = torch.linspace(-15, 15, 1501, dtype=torch.float64)
    total = model.log_prob(torch.cartesian_prod(axis, axis), noise=Noise(0)).exp().sum() * 0.02**2
    assert float(total) == pytest.approx(1, abs=1e-3)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(RecipeError, match="masked-mlp"):
        SplineFlow(vectors(4), network=MLP, moves="autoregressive")
    with pytest.raises(RecipeError, match="moves: autoregressive"):
        SplineFlow(vectors(4), network=MASKED)
    with pytest.raises(RecipeError, match="bins"):
        SplineFlow(vectors(4), network=MLP, bins=1)
    with pytest.raises(RecipeError, match="even sides"):
        SplineFlow(vectors(1, 3, 3), network=RESNET)
    with pytest.raises(RecipeError, match="two numbers"):
        SplineFlow(vectors(1), network=MASKED, moves="autoregressive")
