"""Reference and virtual batch normalisation against batch normalisation of explicit batches."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from genus.core.errors import RecipeError
from genus.layers.convolution import convolution
from genus.layers.reference_norm import ReferenceBatchNorm, VirtualBatchNorm, WithReference, reference_pass

SHAPES = [(3,), (3, 5), (3, 4, 3), (3, 2, 3, 2)]
KINDS = [ReferenceBatchNorm, VirtualBatchNorm]


def random(n: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def affine(layer: nn.Module) -> nn.Module:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, -1.0]))  # type: ignore[operator, union-attr]
        layer.bias.copy_(torch.tensor([0.5, 0.0, 3.0]))  # type: ignore[operator, union-attr]
    return layer.double()


@pytest.mark.parametrize("shape", SHAPES)
def test_reference_norm_uses_the_statistics_of_the_reference(shape: tuple[int, ...]) -> None:
    layer = affine(ReferenceBatchNorm(3))
    reference, x = random(6, *shape) * 2 + 1, random(4, *shape, seed=1)
    axes = (0, *range(2, x.dim()))
    mean, variance = reference.mean(axes), reference.var(axes, correction=0)
    expected = batch_norm(x, mean, variance, layer.weight, layer.bias, eps=1e-5)  # type: ignore[arg-type]
    with reference_pass(layer, reference):
        assert torch.allclose(layer(x), expected, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_virtual_norm_adds_the_example_to_the_reference(shape: tuple[int, ...]) -> None:
    """Every example counts as many places, so it is batch normalisation of the batch of m + 1."""
    layer = affine(VirtualBatchNorm(3))
    reference, x = random(6, *shape) * 2 + 1, random(4, *shape, seed=1)
    with reference_pass(layer, reference):
        found = layer(x)
    for i in range(4):
        together = torch.cat([reference, x[i : i + 1]])
        expected = batch_norm(together, None, None, layer.weight, layer.bias, training=True)  # type: ignore[arg-type]
        assert torch.allclose(found[i], expected[-1], atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_itself_is_batch_normalised(kind: type[ReferenceBatchNorm]) -> None:
    layer = affine(kind(3))
    layer.recording = True  # type: ignore[assignment]
    x = random(6, 3, 4)
    expected = batch_norm(x, None, None, layer.weight, layer.bias, training=True)  # type: ignore[arg-type]
    assert torch.allclose(layer(x), expected, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_digits_survive_a_large_mean(kind: type[ReferenceBatchNorm]) -> None:
    """In float32 a mean square minus a squared mean of 10⁶ would be noise."""
    reference, x = random(64, 2, 8) + 1000, random(5, 2, 8, seed=1) + 1000
    outputs = []
    for dtype in (torch.float32, torch.float64):
        layer = kind(2).to(dtype)
        with reference_pass(layer, reference.to(dtype)):
            outputs.append(layer(x.to(dtype)).double())
    assert torch.allclose(*outputs, atol=2e-3)


def network(kind: type[ReferenceBatchNorm], dims: int) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(
        convolution(dims, 2, 3, 3, padding=1), kind(3), nn.Tanh(),
        convolution(dims, 3, 3, 3, padding=1), kind(3), nn.Flatten(),
    )  # fmt: skip
    return layers.double()


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_examples_do_not_see_each_other(kind: type[ReferenceBatchNorm], dims: int) -> None:
    shape = (2, *(4, 3, 3)[:dims])
    whole = WithReference(network(kind, dims), random(5, *shape))
    x = random(6, *shape, seed=1)
    assert torch.allclose(whole(x)[2:3], whole(x[2:3]), atol=1e-12)
    assert not torch.allclose(whole(x), WithReference(whole.network, random(5, *shape, seed=2))(x))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_flow_through_the_reference_pass(kind: type[ReferenceBatchNorm]) -> None:
    """Finite differences of the whole, reference branch included, with respect to the first weights."""
    whole = WithReference(network(kind, 1), random(4, 2, 5))
    x = random(3, 2, 5, seed=1)
    parameters = [*whole.parameters()]
    slopes = torch.autograd.grad(whole(x).square().sum(), parameters)
    for (name, _), slope in zip(whole.network.named_parameters(), slopes, strict=True):
        # A bias before normalisation is taken out by it, in both passes.
        assert (slope.abs().sum() > 1e-9) == (name not in ("0.bias", "3.bias")), name
    first, h = parameters[0], 1e-6
    for index in [(0, 0, 0), (2, 1, 1)]:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                first[index] += sign * h
                values.append(whole(x).square().sum().item())
                first[index] -= sign * h
        assert slopes[0][index].item() == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-5)


def test_gradients_of_the_input_can_be_differentiated() -> None:
    """As gradient penalties need."""
    whole = WithReference(network(VirtualBatchNorm, 1), random(4, 2, 5))
    x = random(2, 2, 5, seed=1).requires_grad_(True)
    (slope,) = torch.autograd.grad(whole(x).sum(), x, create_graph=True)
    again = torch.autograd.grad(slope.square().sum(), [*whole.parameters()], allow_unused=True)
    assert any(g is not None and g.abs().sum() > 0 for g in again)


def test_nothing_stays_behind() -> None:
    """Statistics live for one pass: the network can be copied, and is refused without a reference."""
    whole = WithReference(network(VirtualBatchNorm, 1), random(4, 2, 5))
    x = random(3, 2, 5, seed=1)
    before = whole(x)
    assert torch.equal(copy.deepcopy(whole)(x), before)
    with pytest.raises(RecipeError, match="WithReference"):
        whole.network(x)
    with pytest.raises(RuntimeError):
        whole(x[:, :1])
    assert torch.equal(whole(x), before)


def test_the_reference_is_saved_and_replaced() -> None:
    whole = WithReference(network(VirtualBatchNorm, 1), random(4, 2, 5))
    other = WithReference(network(VirtualBatchNorm, 1), random(4, 2, 5, seed=3))
    x = random(3, 2, 5, seed=1)
    assert not torch.allclose(whole(x), other(x))
    other.load_state_dict(whole.state_dict())
    assert torch.equal(whole(x), other(x))
    other.hold(random(4, 2, 5, seed=3))
    assert not torch.allclose(whole(x), other(x))
    with pytest.raises(RecipeError, match=r"\(4, 2, 5\), got \(3, 2, 5\)"):
        other.hold(random(3, 2, 5))
    with pytest.raises(RecipeError, match="condition is none"):
        other.hold(random(4, 2, 5), random(4, 1))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(RecipeError, match="needs a network"):
        WithReference(nn.Linear(2, 2), random(4, 2))
    with pytest.raises(RecipeError, match="at least 2"):
        WithReference(VirtualBatchNorm(2), random(1, 2))


class DataConditioning(nn.Module):
    """Adds its condition before it normalises."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = VirtualBatchNorm(2)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.norm(x + condition)


def test_conditions_reach_both_passes() -> None:
    reference, conditioned = random(4, 2), random(4, 2, seed=2)
    whole = WithReference(DataConditioning().double(), reference, conditioned)
    x, condition = random(3, 2, seed=1), random(3, 2, seed=3)
    plain = WithReference(VirtualBatchNorm(2).double(), reference + conditioned)
    assert torch.allclose(whole(x, condition), plain(x + condition), atol=1e-12)
