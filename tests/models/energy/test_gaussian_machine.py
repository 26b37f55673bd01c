"""Gaussian visible units against the mixture of all states of the hidden ones."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.energy.gaussian_machine import GaussianMachine
from genus.models.energy.rbm import RBM
from tests.models.energy.test_machine import states

VISIBLE, HIDDEN = 3, 4
SPEC = DataSpec(example=Space(kind="vector", shape=(VISIBLE,)))


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def machine(scale: float = 0.7) -> GaussianMachine:
    torch.manual_seed(3)
    made = GaussianMachine(VISIBLE, HIDDEN)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=scale)
    return made


@torch.no_grad()
def enumerated(m: GaussianMachine) -> tuple[MixtureSameFamily, torch.Tensor]:
    """The mixture of 2^h Gaussians and log Z, both by summing over h."""
    h = states(HIDDEN)
    means, variance = m.visible_bias + h @ m.weight.T, m.log_variance.exp()
    logits = h @ m.hidden_bias + ((means.square() - m.visible_bias.square()) / (2 * variance)).sum(1)
    log_z = logits.logsumexp(0) + 0.5 * (2 * math.pi * variance).log().sum()
    parts = Independent(Normal(means, variance.sqrt()), 1)
    return MixtureSameFamily(Categorical(logits=logits), parts), log_z


def test_the_density_is_the_enumerated_mixture() -> None:
    m = machine()
    mixture, log_z = enumerated(m)
    v = 3 * torch.randn(50, VISIBLE)
    assert torch.allclose(-m.free_energy(v) - log_z, mixture.log_prob(v), atol=1e-10)


def test_annealing_finds_log_z() -> None:
    m = machine()
    _, exact = enumerated(m)
    found = m.log_partition(torch.full((1, HIDDEN), 0.5), Noise(0), chains=1000, temperatures=1000)
    assert found.estimate.item() == pytest.approx(exact.item(), abs=0.01)
    assert found.low <= exact <= found.high


def test_gibbs_leaves_the_mixture_invariant() -> None:
    m = machine()
    mixture, _ = enumerated(m)
    n = 40_000
    with torch.no_grad():
        v, means = m.gibbs(m.hidden_given(mixture.sample((n,))), 3, Noise(2))
    error = mixture.stddev / math.sqrt(n)
    assert ((v.mean(0) - mixture.mean).abs() < 4 * error).all()
    assert torch.allclose(v.var(0), mixture.variance, rtol=0.05)
    assert torch.allclose((v - means).std(0), m.log_variance.exp().sqrt(), rtol=0.02)
    corners = [
        torch.bincount((x > mixture.mean).long() @ torch.tensor([1, 2, 4]), minlength=8) / n
        for x in (v, mixture.sample((n,)))
    ]
    assert (corners[0] - corners[1]).abs().max() < 0.012


def test_gradients_are_those_of_the_free_energy() -> None:
    m = machine()
    v = torch.randn(30, VISIBLE)
    found = m.contrast(v, 1, Noise(0))
    drawn, _ = m.gibbs(m.hidden_given(v).detach(), 1, Noise(0))
    (m.free_energy(v).mean() - m.free_energy(drawn).mean()).backward()
    for parameter in m.parameters():
        assert torch.allclose(found.gradients[parameter], parameter.grad, atol=1e-10)  # type: ignore[arg-type]


def test_a_component_that_is_far_away_is_found() -> None:
    """Eleven deviations off with 99 % of the weight; half-way, weights βW alone would leave it e⁻¹² of it."""
    m = machine()
    with torch.no_grad():
        m.log_variance.fill_(2 * math.log(0.3))
        m.weight.zero_()
        m.weight[:, 0] = torch.tensor([2.0, -2.0, 1.0])
        m.visible_bias.zero_()
        m.hidden_bias.zero_()
        m.hidden_bias[0] = math.log(99) - 9 / (2 * 0.09)
    mixture, exact = enumerated(m)
    with torch.no_grad():
        own = m.hidden_given(mixture.sample((500,)))
    found = m.log_partition(own, Noise(0))
    assert found.low <= exact <= found.high
    assert found.estimate.item() == pytest.approx(exact.item(), abs=0.1)
    wrong = m.log_partition(torch.full((1, HIDDEN), 0.5), Noise(0))
    assert wrong.low <= exact <= wrong.high, "chains that stand elsewhere widen the interval"


def test_a_mixture_is_learned() -> None:
    """Two Gaussians that correlate: the likelihood of the truth, and their moments."""
    torch.manual_seed(0)
    side = torch.randint(2, (2000, 1)) * 2.0 - 1
    centre = torch.tensor([[4.0, -4.0, 2.0]])
    x = 10 + side * centre + 3 * torch.randn(2000, VISIBLE)
    parts = Independent(Normal(10 + torch.cat([-centre, centre]), 3.0), 1)
    truth = -MixtureSameFamily(Categorical(torch.ones(2)), parts).log_prob(x).mean()
    model = RBM(SPEC, visible="gaussian", hidden=2, steps=3)
    measure, train = model.stages()
    measure.phases[0].step(Batch(x), Context(noise=Noise(0)))  # type: ignore[misc]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for i in range(800):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - i / 800)
        context = Context(noise=Noise(i))
        train.phases[0].loss(Batch(x[torch.randint(2000, (200,))]), context)  # type: ignore[misc]
        for parameter, gradient in context.gradients.items():
            parameter.grad = gradient
        optimizer.step()
    with torch.no_grad():
        nll = -model.log_prob(x, noise=Noise(1)).mean()
        drawn = model.sample(4000, noise=Noise(2))
        means = model.sample(4000, noise=Noise(2), means=True)
    assert float(nll - truth) == pytest.approx(0, abs=0.1)
    assert torch.allclose(drawn.mean(0), x.mean(0), atol=0.8)
    assert torch.allclose(drawn.std(0), x.std(0), rtol=0.1)
    assert float((drawn - means).std()) == pytest.approx(3, rel=0.1)


def test_what_has_the_covariance_of_one_gaussian_is_learned() -> None:
    """Eight Gaussians on a ring: standardised, the covariance is that of a machine without weights."""
    torch.manual_seed(0)
    angle = torch.randint(8, (4000, 1)) * math.pi / 4
    x = torch.cat([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(4000, 2)
    one = 0.5 * torch.logdet(torch.cov(x.T)) + math.log(2 * math.pi * math.e)
    model = RBM(DataSpec(example=Space(kind="vector", shape=(2,))), visible="gaussian", hidden=32, steps=3)
    measure, train = model.stages()
    measure.phases[0].step(Batch(x), Context(noise=Noise(0)))  # type: ignore[misc]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for i in range(1500):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - i / 1500)
        context = Context(noise=Noise(i))
        train.phases[0].loss(Batch(x[torch.randint(4000, (200,))]), context)  # type: ignore[misc]
        for parameter, gradient in context.gradients.items():
            parameter.grad = gradient
        optimizer.step()
    with torch.no_grad():
        nll = -model.log_prob(x, noise=Noise(1)).mean()
    assert nll < one - 0.5


def test_binary_units_refuse_what_is_not_between_0_and_1() -> None:
    with pytest.raises(RecipeError, match="or visible=gaussian"):
        RBM(SPEC)
    with pytest.raises(RecipeError, match="leave it out with visible=gaussian"):
        RBM(SPEC, visible="gaussian", binary_data=False)


def test_no_gradient_pulls_a_variance_below_its_floor() -> None:
    m = machine()
    m.log_variance.data[0] = -20.0
    found = m.contrast(torch.randn(30, VISIBLE), 1, Noise(0))
    assert found.gradients[m.log_variance][0] == 0
    assert (found.gradients[m.log_variance][1:] != 0).all()
