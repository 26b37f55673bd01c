"""Boltzmann machines against enumeration of all their states."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from benchmarks.annealing import machines

from genus.core.batch import Batch
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.energy.dbn import DBN
from genus.models.energy.machine import BoltzmannMachine
from genus.models.energy.partition import PartitionFunction
from genus.models.energy.rbm import RBM


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def states(n: int) -> torch.Tensor:
    """All binary vectors of length n."""
    return ((torch.arange(2**n)[:, None] >> torch.arange(n)) & 1).double()


def machine(visible: int, hidden: int, scale: float = 1.0) -> BoltzmannMachine:
    torch.manual_seed(1)
    made = BoltzmannMachine(visible, hidden)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=scale)
    return made


def log_z(m: BoltzmannMachine) -> torch.Tensor:
    return (-m.free_energy(states(m.weight.shape[0]))).logsumexp(0)


def exact_top(dbn: DBN) -> None:
    """Enumerate the top machine's log Z; the annealed estimate has its own test."""
    exact = log_z(dbn.machines[-1]).detach()  # type: ignore[arg-type]
    known = PartitionFunction(exact, exact, exact)
    dbn.machines[-1].log_partition = lambda *_: known  # type: ignore[assignment, operator]


def test_sum_over_visible_equals_sum_over_hidden() -> None:
    m = machine(6, 4)
    swapped = BoltzmannMachine(4, 6)
    swapped.weight.data = m.weight.data.T.clone()
    swapped.visible_bias.data, swapped.hidden_bias.data = m.hidden_bias.data, m.visible_bias.data
    assert log_z(m).item() == pytest.approx(log_z(swapped).item(), abs=1e-9)


def test_without_weights_log_z_is_a_count() -> None:
    m = BoltzmannMachine(5, 3)
    for p in m.parameters():
        p.data.zero_()
    assert log_z(m).item() == pytest.approx(8 * math.log(2), abs=1e-9)
    found = m.log_partition(torch.full((4, 3), 0.5), Noise(0), chains=5, temperatures=5)
    assert [z.item() for z in found] == pytest.approx([8 * math.log(2)] * 3, abs=1e-6)


def test_annealing_there_and_back_is_within_a_hundredth() -> None:
    m = machine(12, 8, 0.5)
    exact = log_z(m).item()
    found = m.log_partition(torch.full((1, 8), 0.5), Noise(0), chains=1000, temperatures=1000)
    assert [z.item() for z in found] == pytest.approx([exact] * 3, abs=0.03)
    assert found.estimate.item() == pytest.approx(exact, abs=0.01)
    assert found.low <= found.estimate <= found.high


def test_a_mode_that_is_not_found_on_the_way_there_is_seen_on_the_way_back() -> None:
    """Two far modes, e⁴⁰ apart in weight; few temperatures lead into the light, wide one."""
    m = BoltzmannMachine(20, 1)
    m.weight.data.fill_(12.0)
    m.visible_bias.data.fill_(-5.0)
    m.hidden_bias.data.fill_(-90.0)
    exact = log_z(m).item()
    found = m.log_partition(torch.ones(1, 1), Noise(0), chains=20, temperatures=200)
    assert found.low.item() < exact - 10
    assert found.high.item() > exact - 0.5
    assert found.low.item() < exact < found.high.item()
    assert (
        exact < found.estimate.item() < found.high.item()
    )  # the way back, as the two have nothing in common
    assert found.estimate.item() - exact < exact - found.low.item()


def test_the_interval_holds_log_z_as_often_as_it_says() -> None:
    """A quick form of ``benchmarks.annealing``: sampling error counts, and no width is 0."""
    found = list(machines(range(1000, 1040), (20, 50)))
    held = sum(low <= exact <= high for _, exact, low, high in found)
    assert held >= 34  # P(fewer) < 1 % at 95 %; clipped one-way estimates hold 10
    assert all(high > low for _, _, low, high in found)


def test_the_interval_of_a_likelihood_holds_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = DataSpec(example=Space(kind="image", shape=(1, 3, 4), range=(0.0, 1.0), levels=2))
    model = RBM(spec, hidden=8)
    x = states(12)[:40].view(40, 1, 3, 4)
    found = PartitionFunction(torch.tensor(10.0), torch.tensor(7.0), torch.tensor(12.0))
    monkeypatch.setattr(model.machine, "log_partition", lambda *_: found)
    assert model.normaliser_error(Noise(0)) == (3.0, 2.0)
    nats = -model.log_prob(x, noise=Noise(0)).mean()
    assert nats.item() == pytest.approx(model.machine.free_energy(x.flatten(1)).mean().item() + 10)


def test_conditionals_and_energies_agree_with_the_joint() -> None:
    m = machine(4, 3)
    v, h = states(4), states(3)
    joint = (v @ m.visible_bias)[:, None] + (h @ m.hidden_bias)[None] + v @ m.weight @ h.T
    p = (joint - joint.logsumexp((0, 1))).exp()
    assert torch.allclose(p.sum(1), (-m.free_energy(v) - log_z(m)).exp(), atol=1e-9)
    expected_h = (p / p.sum(1, keepdim=True)) @ h
    assert torch.allclose(m.hidden_given(v), expected_h, atol=1e-9)
    expected_v = (p / p.sum(0)).T @ v
    assert torch.allclose(m.visible_given(h), expected_v, atol=1e-9)


def test_gibbs_leaves_the_distribution_invariant() -> None:
    m = machine(4, 3)
    exact = (-m.free_energy(states(4)) - log_z(m)).exp()
    n = 40_000
    v = states(4)[Noise(1).categorical(exact.log().expand(n, -1))]
    v, _ = m.gibbs(m.hidden_given(v).detach(), 3, Noise(2))
    counts = torch.bincount((v @ torch.tensor([1.0, 2.0, 4.0, 8.0])).long(), minlength=16) / n
    assert (counts - exact).abs().max() < 4 * (exact * (1 - exact) / n).sqrt().max()


def test_the_gradient_is_that_of_the_likelihood_when_chains_have_mixed() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(4,), range=(0.0, 1.0)))
    torch.manual_seed(0)
    rbm = RBM(spec, hidden=3, steps=25, persistent=True, num_chains=8_000)
    rbm.machine = machine(4, 3, 0.5)
    x = torch.tensor([[1.0, 0, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0]])
    parameters = list(rbm.machine.parameters())
    context = Context(noise=Noise(0))
    rbm.loss(Batch(x), context)
    ours = [context.gradients[parameter] for parameter in parameters]
    exact = torch.autograd.grad(rbm.machine.free_energy(x).mean() + log_z(rbm.machine), parameters)
    for a, b in zip(ours, exact, strict=True):
        assert (a - b).abs().max() < 4 * 0.5 / math.sqrt(8_000)


@pytest.mark.parametrize("chains", [None, 5])
def test_value_and_gradient_are_those_of_free_energies(chains: int | None) -> None:
    """Against autograd, with the same chains: Gibbs steps draw the same noise again."""
    m = machine(6, 4)
    v = Noise(0).bernoulli(torch.full((3, 6), 0.4))
    start = None if chains is None else torch.rand(chains, 4)
    ours = m.contrast(v, 2, Noise(7), start)
    v_k, _ = m.gibbs(m.hidden_given(v) if start is None else start, 2, Noise(7))
    assert len(v_k) == (chains or 3)
    expected = m.free_energy(v).mean() - m.free_energy(v_k).mean()
    assert ours.divergence.item() == pytest.approx(expected.item(), abs=1e-12)
    assert ours.energy.item() == pytest.approx(m.free_energy(v).mean().item(), abs=1e-12)
    assert torch.equal(ours.chains, m.hidden_given(v_k))
    parameters = list(m.parameters())
    for parameter, slope in zip(parameters, torch.autograd.grad(expected, parameters), strict=True):
        assert torch.allclose(ours.gradients[parameter], slope, atol=1e-12)


def test_mixed_precision_rounds_the_gradient_and_keeps_the_rest() -> None:
    torch.set_default_dtype(torch.float32)
    m = machine(6, 4)
    v, start = Noise(0).bernoulli(torch.full((30, 6), 0.4)), torch.full((30, 4), 0.5)
    gradients = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found = m.contrast(v, 1, Noise(7), start)
        assert found.chains.dtype == torch.float32
        gradients.append([found.gradients[parameter] for parameter in m.parameters()])
    for exact, rounded in zip(*gradients, strict=True):
        assert rounded.dtype == torch.float32
        assert torch.allclose(exact, rounded, atol=0.01)
    assert not torch.equal(gradients[0][0], gradients[1][0])


def test_persistent_chains_go_on_from_update_to_update() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(6,), range=(0.0, 1.0)))
    rbm = RBM(spec, hidden=4, num_chains=5)
    rbm.machine = machine(6, 4)
    x = torch.rand(3, 6)
    for seed in range(3):
        noise = Noise(seed)
        noise.bernoulli(x)  # the data are drawn first
        v, _ = rbm.machine.gibbs(rbm.chains, rbm.steps, noise)
        rbm.loss(Batch(x), Context(noise=Noise(seed)))
        assert torch.allclose(rbm.chains, rbm.machine.hidden_given(v), atol=1e-12)


def test_grey_data_are_drawn_or_taken_as_they_are() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(6,), range=(0.0, 1.0)))
    x = torch.rand(20, 6)
    energies: dict[bool, list[float]] = {True: [], False: []}
    for binary_data, found in energies.items():
        rbm = RBM(spec, hidden=4, binary_data=binary_data)
        rbm.machine = machine(6, 4)
        for seed in range(3):
            ctx = Context(noise=Noise(seed))
            rbm.loss(Batch(x), ctx)
            found.append(ctx.observed["energy"].item())
        expected = rbm.machine.free_energy(x).mean().item()
    assert energies[False] == pytest.approx([expected] * 3, abs=1e-12)
    assert len(set(energies[True])) == 3


def test_contrastive_divergence_starts_at_the_data() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(4,), range=(0.0, 1.0)))
    rbm = RBM(spec, hidden=3, steps=1, persistent=False, num_chains=2)
    x = torch.tensor([[1.0, 0, 0, 1]] * 3)
    rbm.machine.weight.data.fill_(0.0)
    rbm.machine.visible_bias.data = torch.tensor([50.0, -50, -50, 50])  # the machine knows only x
    terms = rbm.loss(Batch(x), Context(noise=Noise(0)))
    assert terms["divergence"].item() == pytest.approx(0, abs=1e-9)
    assert torch.equal(rbm.chains, torch.full((2, 3), 0.5))  # p(h = 1 | v) without weights


def test_log_prob_sums_to_one() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(6,), range=(0.0, 1.0)))
    rbm = RBM(spec, hidden=4)
    rbm.machine = machine(6, 4, 0.5)
    total = rbm.log_prob(states(6), noise=Noise(0)).exp().sum()
    assert total.item() == pytest.approx(1, abs=0.02)


def test_dbn_bound_is_below_the_truth_and_tight_when_the_top_mirrors_the_bottom() -> None:
    """With the second machine equal to the first one upside down, P(h¹) is the first one's own."""
    spec = DataSpec(example=Space(kind="vector", shape=(4,), range=(0.0, 1.0)))
    dbn = DBN(spec, hidden=[3, 4])
    first = machine(4, 3, 0.6)
    second = BoltzmannMachine(3, 4)
    second.weight.data = first.weight.data.T.clone()
    second.visible_bias.data, second.hidden_bias.data = first.hidden_bias.data, first.visible_bias.data
    dbn.machines[0], dbn.machines[1] = first, second
    exact_top(dbn)
    v = states(4)
    truth = -first.free_energy(v) - log_z(first)
    bounds = torch.stack([dbn.log_prob(v, noise=Noise(s)) for s in range(300)])
    error = bounds.std(0) / math.sqrt(300)
    assert ((bounds.mean(0) - truth).abs() < 5 * error + 0.02).all()


def test_dbn_bound_never_exceeds_the_exact_likelihood() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(4,), range=(0.0, 1.0)))
    dbn = DBN(spec, hidden=[3, 3])
    dbn.machines[0], dbn.machines[1] = machine(4, 3, 0.8), machine(3, 3, 1.5)
    exact_top(dbn)
    h, v = states(3), states(4)
    prior = -dbn.machines[1].free_energy(h)
    prior = prior - prior.logsumexp(0)
    p = dbn.machines[0].visible_given(h)
    likelihood = v @ p.log().T + (1 - v) @ (1 - p).log().T
    exact = (likelihood + prior).logsumexp(1)
    bounds = torch.stack([dbn.log_prob(v, noise=Noise(s)) for s in range(400)])
    assert (bounds.mean(0) < exact + 4 * bounds.std(0) / 20 + 0.01).all()


def test_classifier_starts_from_the_recognition_weights_once() -> None:
    spec = DataSpec(
        example=Space(kind="vector", shape=(4,), range=(0.0, 1.0)), condition=class_space(("a", "b"))
    )
    dbn = DBN(spec, hidden=[3, 2], classifier_share=0.5)
    stages = dbn.stages()
    assert [s.name for s in stages] == ["layer 1", "layer 2", "classifier"]
    assert sum(s.share for s in stages) == pytest.approx(1)
    enter = stages[-1].enter
    assert enter is not None
    enter()
    assert torch.equal(dbn.recognition[0].weight, dbn.machines[0].weight.T)
    dbn.recognition[0].weight.data.zero_()
    enter()  # as when a run resumes inside the stage
    assert dbn.recognition[0].weight.abs().sum() == 0


def test_one_annealing_serves_all_batches_until_the_weights_change() -> None:
    m = machine(6, 4)
    p = torch.full((2, 4), 0.5)
    first = m.log_partition(p, Noise(0), chains=5, temperatures=5)
    assert m.log_partition(p, Noise(0), chains=5, temperatures=5) is first
    m.weight.data[0, 0] += 1  # behind the back of autograd's counters
    assert m.log_partition(p, Noise(0), chains=5, temperatures=5).estimate != first.estimate
