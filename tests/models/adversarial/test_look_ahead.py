"""Steps looked ahead: what the optimiser would do, and how they depend on the slopes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from genus.core.errors import RecipeError
from genus.models.adversarial.look_ahead import stepper


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def _slope(weight: Tensor, shift: Tensor) -> Tensor:
    return 3 * (weight - shift) ** 3 + weight.sin()


def _trained(steps: int) -> tuple[Parameter, torch.optim.Adam]:
    weight = Parameter(torch.tensor([0.4, -1.2, 0.0]))
    optimizer = torch.optim.Adam([weight], lr=0.02, betas=(0.5, 0.9), eps=1e-8)
    for _ in range(steps):
        weight.grad = _slope(weight.detach(), torch.zeros(3))
        optimizer.step()
    return weight, optimizer


def _ahead(weight: Parameter, optimizer: torch.optim.Optimizer, shift: Tensor, steps: int) -> Tensor:
    step = stepper(None, {"w": weight}, {weight: optimizer})
    weights = {"w": weight.detach().clone()}
    for _ in range(steps):
        weights = step(weights, {"w": _slope(weights["w"], shift)})
    return weights["w"]


@pytest.mark.parametrize("before", [0, 1, 7])
def test_looking_ahead_is_what_adam_then_does(before: int) -> None:
    weight, optimizer = _trained(before)
    shift = torch.zeros(3)
    expected = _ahead(weight, optimizer, shift, 4)
    start = weight.detach().clone()
    torch.testing.assert_close(weight.detach(), start)  # nothing was changed
    for _ in range(4):
        weight.grad = _slope(weight.detach(), shift)
        optimizer.step()
    torch.testing.assert_close(weight.detach(), expected, rtol=1e-6, atol=1e-9)


def test_the_gradient_through_adam_agrees_with_finite_differences() -> None:
    weight, optimizer = _trained(5)
    shift = torch.tensor([0.1, -0.3, 0.2], requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: _ahead(weight, optimizer, s, 3), [shift])


def test_a_slope_of_zero_before_the_first_step_gives_no_nan() -> None:
    weight, optimizer = _trained(0)
    slope = torch.zeros(3, requires_grad=True)
    moved = stepper(None, {"w": weight}, {weight: optimizer})({"w": weight.detach()}, {"w": slope})["w"]
    (gradient,) = torch.autograd.grad(moved.sum(), slope)
    torch.testing.assert_close(moved, weight.detach())
    assert gradient.isfinite().all()


def test_a_given_rate_is_gradient_descent() -> None:
    weight = Parameter(torch.tensor([1.0]))
    moved = stepper(0.25, {"w": weight}, {})({"w": weight.detach()}, {"w": torch.tensor([2.0])})
    assert moved["w"].item() == 0.5


@pytest.mark.parametrize("before", [0, 3])
def test_a_weight_without_slope_is_left_out_as_adam_leaves_it_out(before: int) -> None:
    weight, optimizer = _trained(before)
    step = stepper(None, {"w": weight}, {weight: optimizer})
    weights = {"w": weight.detach().clone()}
    for used in (False, True, False, True):
        weights = step(weights, {"w": _slope(weights["w"], torch.zeros(3)) if used else None})
        weight.grad = _slope(weight.detach(), torch.zeros(3)) if used else None
        optimizer.step()
    torch.testing.assert_close(weights["w"], weight.detach(), rtol=1e-6, atol=1e-9)


def test_gradient_descent_leaves_a_weight_without_slope_alone() -> None:
    step = stepper(0.25, {}, {})
    weights = {"w": torch.tensor([1.0]), "v": torch.tensor([3.0])}
    moved = step(weights, {"w": torch.tensor([2.0]), "v": None})
    assert (moved["w"].item(), moved["v"].item()) == (0.5, 3.0)


def test_an_optimiser_other_than_adam_is_refused_by_name() -> None:
    weight = Parameter(torch.zeros(1))
    with pytest.raises(RecipeError, match="must be adam, but it is SGD"):
        stepper(None, {"w": weight}, {weight: torch.optim.SGD([weight], lr=0.1)})
    with pytest.raises(RecipeError, match="there is none"):
        stepper(None, {"w": weight}, {Parameter(torch.zeros(1)): torch.optim.SGD([weight], lr=0.1)})


def test_where_nothing_is_trained_nothing_is_stepped() -> None:
    """As when the batch-norm statistics of averaged weights are taken."""
    weight = Parameter(torch.tensor([1.0]))
    moved = stepper(None, {"w": weight}, {})({"w": weight.detach()}, {"w": torch.tensor([2.0])})
    assert moved["w"].item() == 1.0
