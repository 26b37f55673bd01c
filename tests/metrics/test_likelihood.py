"""Likelihood summaries and the grids likelihoods are defined on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from genus.core.capabilities import Density
from genus.core.errors import CapabilityError, DataError, NonFiniteError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.likelihood import likelihood_kind, log_likelihoods, summarise_likelihood, to_levels

GREY = DataSpec(example=Space(kind="image", shape=(1, 4, 4), range=(0.0, 1.0), levels=256))


class Uniform(Model, Density):
    """The uniform distribution over binary images; remembers what it was shown."""

    kind = "exact"
    levels = 2

    def __init__(self, spec: DataSpec = GREY) -> None:
        super().__init__(spec)
        self.shown: list[Tensor] = []

    def log_prob(self, x: Tensor, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        assert condition is None
        self.shown.append(x)
        return torch.full((len(x),), -math.log(2) * x[0].numel()) + noise.normal(len(x))


def test_uniform_bytes_are_eight_bits() -> None:
    assert summarise_likelihood([-784 * math.log(256)] * 5, 784).bits_per_dim == pytest.approx(8, abs=1e-9)


def test_summary_by_hand() -> None:
    found = summarise_likelihood([-1.0, -2.0, -3.0], 2)
    assert found.nats == pytest.approx(2)
    assert found.standard_error == pytest.approx(1 / math.sqrt(3))
    assert found.bits_per_dim == pytest.approx(2 / (2 * math.log(2)))
    assert found.high - 2 == pytest.approx(2 - found.low) == pytest.approx(4.302652729911275 / math.sqrt(3))


def test_one_example_has_an_unbounded_interval() -> None:
    found = summarise_likelihood([-1.0], 2)
    assert (found.low, found.high, found.standard_error) == (-math.inf, math.inf, math.inf)


def test_undefined_means_are_refused() -> None:
    with pytest.raises(NonFiniteError, match="1 of 3"):
        summarise_likelihood([0.0, -math.inf, 0.0], 2)
    with pytest.raises(DataError, match="no examples"):
        summarise_likelihood([], 2)


def test_binarisation_is_random_with_the_grey_value_and_the_seed() -> None:
    x = torch.full((1000, 1, 4, 4), 0.3)
    binary = to_levels(x, GREY, 2, Noise(0, block=1))
    assert set(binary.unique().tolist()) == {0.0, 1.0}
    error = math.sqrt(0.3 * 0.7 / binary.numel())
    assert abs(float(binary.mean()) - 0.3) < 4 * error
    assert torch.equal(binary, to_levels(x, GREY, 2, Noise(0, block=1)))
    assert torch.equal(binary[7:9], to_levels(x[7:9], GREY, 2, Noise(0, start=7, block=1)))
    assert not torch.equal(binary, to_levels(x, GREY, 2, Noise(1, block=1)))


def test_other_grids_are_rounded_to() -> None:
    spec = DataSpec(example=Space(kind="image", shape=(1, 1, 3), range=(-1.0, 1.0)))
    x = torch.tensor([[[[-1.0, 0.1, 0.9]]]])
    torch.testing.assert_close(to_levels(x, spec, 5, Noise(0)), torch.tensor([[[[-1.0, 0.0, 1.0]]]]))
    assert to_levels(x, spec, None, Noise(0)) is x
    grey = torch.rand(2, 1, 4, 4)
    assert to_levels(grey, GREY, 256, Noise(0)) is grey


def test_unbounded_data_have_no_grid() -> None:
    with pytest.raises(DataError, match="unbounded"):
        to_levels(torch.zeros(1, 2), DataSpec(example=Space(kind="vector", shape=(2,))), 2, Noise(0))


def test_splitting_the_work_changes_nothing() -> None:
    x = torch.rand(6, 1, 4, 4)
    model = Uniform()
    whole = log_likelihoods(model, x, torch.zeros(6), seed=1)
    parts = [log_likelihoods(model, x[i : i + 2], seed=1, start=i) for i in (0, 2, 4)]
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(torch.cat(model.shown[1:]), model.shown[0])
    assert not torch.equal(log_likelihoods(model, x, seed=2), whole)
    assert abs(float(whole.mean()) + 16 * math.log(2)) < 4 / math.sqrt(6)


def test_kinds_name_the_grid() -> None:
    model = Uniform()
    assert likelihood_kind(model) == "exact, 2 levels"
    model.kind, model.levels = "lower_bound", None
    assert likelihood_kind(model) == "lower_bound, density"


def test_models_without_density_are_refused() -> None:
    with pytest.raises(CapabilityError, match="no likelihood"):
        log_likelihoods(Model(GREY), torch.zeros(1, 1, 4, 4), seed=0)


def test_values_are_float64() -> None:
    assert log_likelihoods(Uniform(), torch.rand(2, 1, 4, 4), seed=0).numpy().dtype == np.float64
