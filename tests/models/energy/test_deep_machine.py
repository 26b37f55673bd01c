"""Deep Boltzmann machines against enumeration of all their states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.energy.dbm import DBM
from genus.models.energy.deep_machine import DeepMachine
from tests.models.energy.test_machine import states

SIZES = [[5, 4, 3], [4, 3, 3, 2]]


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def machine(sizes: Sequence[int], scale: float = 0.7) -> DeepMachine:
    torch.manual_seed(2)
    made = DeepMachine(sizes)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=scale)
    return made


@torch.no_grad()
def joint(m: DeepMachine) -> tuple[torch.Tensor, torch.Tensor]:
    """All states of all layers, and their log weights −E, by the definition of E."""
    every = states(sum(m.sizes))
    layers = every.split(m.sizes, 1)
    weights = sum(x @ b for x, b in zip(layers, m.biases, strict=True))
    for layer, w in enumerate(m.weights):
        weights = weights + torch.einsum("ni,ij,nj->n", layers[layer], w, layers[layer + 1])
    return every, weights


def log_marginal(m: DeepMachine) -> torch.Tensor:
    """log p(v) of every v, ``(2^visible,)``."""
    every, weights = joint(m)
    visible = m.sizes[0]
    number = (every[:, :visible].long() * 2 ** torch.arange(visible)).sum(1)
    sums = torch.stack([weights[number == v].logsumexp(0) for v in range(2**visible)])
    return sums - weights.logsumexp(0)


@pytest.mark.parametrize("sizes", SIZES)
def test_annealing_there_and_back_is_within_a_hundredth(sizes: list[int]) -> None:
    m = machine(sizes)
    exact = joint(m)[1].logsumexp(0)
    found = m.log_partition(torch.full((50, m.odd_units), 0.5), Noise(0), chains=1000, temperatures=1000)
    assert found.estimate.item() == pytest.approx(exact.item(), abs=0.01)
    assert found.low <= exact <= found.high


@pytest.mark.parametrize("sizes", SIZES)
def test_the_bound_is_below_and_no_pass_lowers_it(sizes: list[int]) -> None:
    m = machine(sizes, 1.5)
    v, log_z = states(sizes[0]), joint(m)[1].logsumexp(0)
    exact = log_marginal(m)
    before = torch.full_like(exact, -torch.inf)
    with torch.no_grad():
        for steps in (0, 1, 2, 5, 30):
            bound = m.bound(v, steps) - log_z
            assert (bound <= exact + 1e-9).all()
            assert (bound >= before - 1e-9).all()
            before = bound
    assert float((exact - before).max()) > 1e-3, "a factorial posterior is not exact"


def test_the_bound_is_exact_where_the_posterior_is_factorial() -> None:
    m = machine([5, 4, 3])
    m.weights[1].data.zero_()
    with torch.no_grad():
        bound = m.bound(states(5), 3) - joint(m)[1].logsumexp(0)
    assert torch.allclose(bound, log_marginal(m), atol=1e-5)  # entropies are clamped at 1e-7


@pytest.mark.parametrize("sizes", SIZES)
def test_gibbs_leaves_the_joint_invariant(sizes: list[int]) -> None:
    m = machine(sizes)
    every, weights = joint(m)
    n = 40_000
    rows = every[torch.multinomial(weights.softmax(0), n, replacement=True)]
    layers = rows.split(sizes, 1)
    found, means = m.gibbs(torch.cat([layers[i] for i in m.odd], 1), 2, Noise(3))
    expected = weights.softmax(0) @ every
    error = (expected * (1 - expected) / n).sqrt()
    for state, target, e in zip(found, expected.split(sizes), error.split(sizes), strict=True):
        assert ((state.mean(0) - target).abs() < 4.5 * e).all()
    assert torch.allclose(means.mean(0), expected[: sizes[0]], atol=0.01)
    pairs = (found[0][:, :, None] * found[1][:, None]).mean(0)
    exact = torch.einsum("n,ni,nj->ij", weights.softmax(0), *every.split(sizes, 1)[:2])
    assert torch.allclose(pairs, exact, atol=0.012)


@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_are_those_of_the_energies(sizes: list[int]) -> None:
    m = machine(sizes)
    v = states(sizes[0])[:7]
    chains = torch.rand(5, m.odd_units)
    found = m.contrast(v, chains, mean_field_steps=4, steps=2, noise=Noise(1))
    model, _ = m.gibbs(chains, 2, Noise(1))
    (m.negative_energy(model).mean() - m.negative_energy(m.mean_field(v, 4)).mean()).backward()
    for parameter in m.parameters():
        assert torch.allclose(found.gradients[parameter], parameter.grad, atol=1e-12)  # type: ignore[arg-type]


def test_a_tiny_machine_learns_its_data() -> None:
    """Three of sixteen images in shares ½, ¼, ¼: the enumerated divergence falls near 0."""
    images = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]]).double()
    x = images[torch.tensor([0, 0, 1, 2]).repeat(25)].view(100, 1, 2, 2)
    model = DBM(
        DataSpec(example=Space(kind="image", shape=(1, 2, 2), range=(0.0, 1.0), levels=2)),
        hidden=[6, 4], num_chains=400, mean_field_steps=5,
    )  # fmt: skip

    def divergence() -> float:
        log_p = log_marginal(model.machine)
        number = (x.flatten(1).long() * 2 ** torch.arange(4)).sum(1)
        return float(-log_p[number].mean()) - 1.5 * 0.6931471805599453

    assert divergence() > 1.5
    for stage, iterations in zip(model.stages(), (150, 150, 1500), strict=True):
        (phase,) = stage.phases
        for i in range(iterations):
            ctx = Context(noise=Noise(i))
            phase.loss(Batch(x), ctx)  # type: ignore[misc]
            for parameter, gradient in ctx.gradients.items():
                parameter.data -= 0.2 * gradient
    assert divergence() < 0.15
    drawn = model.sample(2000, noise=Noise(0)).flatten(1)
    share = [float((drawn == image).all(1).double().mean()) for image in images]
    assert share == pytest.approx([0.5, 0.25, 0.25], abs=0.1)


def test_one_hidden_layer_is_refused() -> None:
    spec = DataSpec(example=Space(kind="image", shape=(1, 2, 2), range=(0.0, 1.0)))
    with pytest.raises(RecipeError, match="two or more hidden layers; rbm has one"):
        DBM(spec, hidden=[5])
