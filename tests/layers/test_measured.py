"""Layers measured on data: moments they remove, Jacobians, inverses."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genus.layers.measured import Measured, Standardise
from genus.layers.whiten import Whiten

GENERATOR = torch.Generator().manual_seed(0)
MIX = torch.randn(4, 4, dtype=torch.float64, generator=GENERATOR)
GIVEN = torch.arange(3000) % 3
CENTRES = torch.randn(3, 4, dtype=torch.float64, generator=GENERATOR) * 2
X = torch.randn(3000, 4, dtype=torch.float64, generator=GENERATOR) @ MIX.T + CENTRES[GIVEN] + 5


def measured(layer: Measured, x: Tensor = X, condition: Tensor | None = GIVEN) -> Measured:
    for number in range(layer.passes):
        for rows in torch.arange(len(x)).split(700):
            part = None if condition is None else condition[rows]
            layer.add(layer.statistics(x[rows], part, number), number)
        layer.settle(number)
        layer.settle(number)
    return layer


def test_standardised_data_have_mean_zero_and_spread_one() -> None:
    layer = Standardise((4,))
    assert torch.equal(layer(X)[0], X)
    y, change = measured(layer)(X)
    assert torch.allclose(y.mean(0), torch.zeros(4).double(), atol=1e-9)
    assert torch.allclose(y.var(0, correction=0), torch.ones(4).double(), atol=1e-9)
    assert torch.allclose(layer.inverse(y), X, atol=1e-9)
    assert float(change) == pytest.approx(-math.log(float(X.std(0, correction=0).prod())), abs=1e-9)


def test_constant_elements_stay_finite() -> None:
    layer = measured(Standardise((1,)), torch.full((8, 1), 2.0, dtype=torch.float64), None)
    assert layer(torch.tensor([[2.0]]))[0].isfinite().all()


def test_whitened_data_have_no_correlations() -> None:
    layer = Whiten((2, 2))
    x = X.view(-1, 2, 2)
    assert torch.equal(layer(x)[0], x)
    y, _ = measured(layer, x, None)(x)
    assert torch.allclose(y.flatten(1).T.cov(correction=0), torch.eye(4).double(), atol=1e-8)


@pytest.mark.parametrize("leading", [2, 4])
def test_classes_lose_means_spreads_and_leading_correlations(leading: int, monkeypatch) -> None:
    monkeypatch.setattr("genus.layers.whiten.SHRINKAGE", 0.0)
    layer = measured(Whiten((4,), classes=3, leading=leading))
    y, _ = layer(X, GIVEN)
    v = y @ layer.rotation  # type: ignore[operator]
    for c in range(3):
        of_class = v[c == GIVEN]
        assert torch.allclose(of_class.mean(0), torch.zeros(4).double(), atol=1e-8)
        covariance = of_class.T.cov(correction=0)
        assert torch.allclose(covariance[:leading, :leading], torch.eye(leading).double(), atol=1e-8)
        assert torch.allclose(covariance.diagonal()[leading:], torch.ones(4 - leading).double(), atol=1e-8)


@pytest.mark.parametrize("classes", [0, 3])
def test_log_determinant_and_round_trip(classes: int) -> None:
    layer = measured(Whiten((4,), classes=classes, leading=2))
    condition = GIVEN[:5]
    y, change = layer(X[:5], condition)
    assert (layer.inverse(y, condition) - X[:5]).abs().max() < 1e-8
    for i in range(5):
        one = condition[i : i + 1]
        jacobian = torch.autograd.functional.jacobian(lambda v, one=one: layer(v[None], one)[0][0], X[i])
        assert float(change[i]) == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), abs=1e-9)
    single = layer(X[:5].float(), condition)[0]
    assert (layer.inverse(single, condition) - X[:5].float()).abs().max() < 1e-4


def test_shrinkage_keeps_the_covariance_of_few_examples_invertible() -> None:
    layer = measured(Whiten((4,), classes=3, leading=4), X[:6], GIVEN[:6])
    y, change = layer(X[:6], GIVEN[:6])
    assert y.isfinite().all()
    assert change.isfinite().all()


def test_settling_without_data_leaves_the_identity() -> None:
    for layer in (Standardise((4,)), Whiten((4,), classes=3)):
        for number in range(layer.passes):
            layer.settle(number)
        assert torch.equal(layer(X[:2], GIVEN[:2])[0], X[:2])
