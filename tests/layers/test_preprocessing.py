"""The logit: Jacobian, inverse, and volumes of bins."""

from __future__ import annotations

import pytest
import torch

from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.delta import Delta
from genus.layers.preprocessing import Logit

CONTINUOUS = DataSpec(example=Space(kind="vector", shape=(3,), range=(-1.0, 3.0)))
GREY = DataSpec(example=Space(kind="image", shape=(1, 2, 2), range=(0.0, 1.0), levels=4))


def test_logit_of_continuous_data_has_its_jacobian_and_inverse() -> None:
    layer = Logit(CONTINUOUS, 0.1)
    x = torch.tensor([[-0.9, 0.3, 2.5]], dtype=torch.float64)
    y, slope = layer(x, Noise(0))
    jacobian = torch.autograd.functional.jacobian(lambda v: layer(v, None)[0][0], x)[:, 0]
    assert float(slope) == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), abs=1e-9)
    assert torch.allclose(layer.inverse(y), x, atol=1e-9)


def test_unbounded_data_pass_unchanged() -> None:
    layer = Logit(DataSpec(example=Space(kind="vector", shape=(3,))), 0.05)
    x = torch.randn(2, 3)
    y, slope = layer(x, None)
    assert torch.equal(y, x)
    assert not slope.any()
    assert torch.equal(layer.inverse(y), x)


def test_levels_fill_the_unit_interval_evenly_and_return() -> None:
    layer = Logit(GREY, 0.05)
    x = torch.tensor([0, 1 / 3, 2 / 3, 1]).view(1, 1, 2, 2).repeat(4000, 1, 1, 1)
    y, _ = layer(x, Noise(0))
    unit = ((y.sigmoid() - 0.05) / 0.9).flatten(1)
    for k in range(4):
        assert k / 4 - 1e-5 <= float(unit[:, k].min()) < k / 4 + 0.01
        assert (k + 1) / 4 - 0.01 < float(unit[:, k].max()) <= (k + 1) / 4 + 1e-5
    assert torch.allclose(layer.inverse(y), x, atol=1e-6)
    middle, _ = layer(x[:1], None)
    assert torch.allclose((middle.sigmoid() - 0.05) / 0.9, torch.tensor([1, 3, 5, 7]).view(1, 1, 2, 2) / 8)


def test_finer_data_are_rounded_to_the_levels() -> None:
    layer = Logit(GREY, 0.05)
    x = torch.tensor([0.1, 0.3, 0.6, 0.9]).view(1, 1, 2, 2)
    y, _ = layer(x, None)
    assert torch.allclose(layer.inverse(y).flatten(), torch.tensor([0, 1 / 3, 2 / 3, 1]), atol=1e-6)


def test_delta_is_certain() -> None:
    value = torch.randn(3, 2)
    found = Delta(value)
    assert found.batch_shape == (3,)
    assert torch.equal(found.sample(torch.Size([5]))[4], value)
    assert torch.equal(found.mean, found.mode)
    assert not found.variance.any()
