"""Activation normalisation: what its first batch does, and how ranks see it."""

from __future__ import annotations

import pytest
import torch

from genus.layers.activation_norm import ActivationNorm, activation_norms, initialise
from genus.layers.bijection import Chain
from tests.bijections import check_bijection, shaken


def batch(*shape: int) -> torch.Tensor:
    x = torch.randn(64, *shape, generator=torch.Generator().manual_seed(0))
    return 3 * x + torch.arange(shape[0]).view(-1, *[1] * (len(shape) - 1))


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)])
def test_the_first_batch_is_standardised_and_later_ones_are_not(shape: tuple[int, ...]) -> None:
    norm, x = ActivationNorm(3, len(shape) - 1), batch(*shape)
    assert torch.equal(norm(x)[0], x)
    norm.initialise(x, lambda tensor: tensor)
    assert bool(norm.initialised)
    y = norm(x)[0].transpose(0, 1).flatten(1)
    assert y.mean(1).abs().max() < 1e-5
    assert torch.allclose(y.std(1, correction=0), torch.ones(3), atol=1e-5)
    before = norm.log_scale.clone()
    norm.initialise(10 * x, lambda tensor: tensor)
    assert torch.equal(norm.log_scale, before)


def test_every_layer_of_a_chain_is_standardised_by_what_reaches_it() -> None:
    chain, x = Chain([ActivationNorm(3, 0), ActivationNorm(3, 0)]), batch(3)
    first, second = activation_norms(chain)
    initialise(chain, x, lambda tensor: tensor)
    assert not second.shift.abs().gt(1e-5).any()
    assert first.shift.abs().gt(0.1).any()
    assert not first._forward_pre_hooks


def test_two_ranks_agree_with_one_process() -> None:
    x = batch(3).double()
    whole = ActivationNorm(3, 0).double()
    whole.initialise(x, lambda tensor: tensor)
    sums: list[torch.Tensor] = []
    for part in (x[:20], x[20:]):
        ActivationNorm(3, 0).initialise(part, lambda tensor: (sums.append(tensor), tensor)[1])
    halves = ActivationNorm(3, 0).double()
    halves.initialise(x[:20], lambda _: sums[0] + sums[1])
    assert torch.allclose(halves.log_scale, whole.log_scale)
    assert torch.allclose(halves.shift, whole.shift)


def test_constant_channels_stay_finite() -> None:
    norm = ActivationNorm(2, 0)
    norm.initialise(torch.ones(5, 2), lambda tensor: tensor)
    assert torch.isfinite(norm(torch.ones(5, 2))[0]).all()


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_log_determinant_and_round_trip(shape: tuple[int, ...]) -> None:
    norm = shaken(ActivationNorm(shape[0], len(shape) - 1))
    assert isinstance(norm, ActivationNorm)
    check_bijection(norm, shape)
