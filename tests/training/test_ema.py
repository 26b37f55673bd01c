"""Averaged weights: parameters are averaged, everything else belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genus.core.batch import Batch
from genus.core.length import Length
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.training.ema import Average, recalibrate
from tests.training.harness import PLANE, Line, make_engine, points


class Normed(Model):
    """Maps noise to data through a batch norm, by moments; its critic is spectrally normalised."""

    def __init__(self) -> None:
        super().__init__(PLANE)
        torch.manual_seed(0)
        self.first, self.norm = nn.Linear(4, 8), nn.BatchNorm1d(8)
        self.last = nn.Linear(8, 2)
        self.critic = spectral_norm(nn.Linear(2, 6))

    def phases(self) -> Sequence[Phase]:
        own = lambda: [*self.first.parameters(), *self.norm.parameters(), *self.last.parameters()]  # noqa: E731
        return [
            Phase(name="critic", updates={"critic": self.critic.parameters}, loss=self.critic_loss),
            Phase(name="generator", updates={"generator": own}, loss=self.loss),
        ]

    def generate(self, n: int, noise: Noise) -> Tensor:
        return self.last(self.norm(self.first(noise.uniform(n, 4))).relu())

    def critic_loss(self, batch: Batch, ctx: Context) -> Terms:
        return {"l": -self.critic(batch.x).tanh().mean()}

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        fake = self.generate(len(batch), ctx.noise)
        return {"l": (fake - 3 * batch.x).square().mean() + self.critic(fake).mean()}


def test_batch_norm_statistics_belong_to_the_averaged_weights(tmp_path: Path) -> None:
    engine = make_engine(
        Normed(), tmp_path / "run", source=points(6000), length=40, batch=1000, ema=0.98,
        optimizer={"name": "adam", "lr": 0.2},
    )  # fmt: skip
    engine.fit()
    trained, averaged = engine.model, engine.published
    z = Noise(9).uniform(200_000, 4)
    with torch.no_grad():
        hidden = averaged.first(z)
        sigma = hidden.std(0)
        error = (averaged.norm.running_mean - hidden.mean(0)).abs() / sigma
        copied = (trained.norm.running_mean - hidden.mean(0)).abs() / sigma
        spread = averaged.norm.running_var / hidden.var(0)
    assert error.max() <= 0.02
    assert copied.max() > 0.1, "statistics of the trained weights would have done as well"
    assert (spread - 1).abs().max() <= 0.05
    assert averaged.norm.momentum == trained.norm.momentum == 0.1
    saved = engine.run.load().tensors["ema"]["norm.running_mean"]
    assert torch.equal(saved, averaged.norm.running_mean), "the checkpoint holds other statistics"


def test_spectral_norm_vectors_are_not_averaged(tmp_path: Path) -> None:
    engine = make_engine(
        Normed(), tmp_path / "run", length=1000, ema=0.999, optimizer={"name": "adam", "lr": 0.02}
    )
    start = engine.published.critic.parametrizations.weight[0]._u.clone()
    engine.fit()
    ours = engine.published.critic.parametrizations.weight[0]
    theirs = engine.model.critic.parametrizations.weight[0]
    for vector in (ours._u, ours._v):
        assert vector.norm().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(ours._u, theirs._u)
    assert (ours._u - start).norm() > 0.05, "a vector that does not move would prove nothing"
    averaged = engine.published.critic.parametrizations.weight.original
    assert not torch.equal(averaged, engine.model.critic.parametrizations.weight.original)


def test_the_average_is_the_exponential_one_with_a_warm_decay() -> None:
    model = Line()
    average = Average(model, 0.5)
    wanted = model.layer.weight.detach().clone().double()
    for t in range(12):
        with torch.no_grad():
            model.layer.weight.copy_(torch.full((1, 2), float(t)))
        average.update(t)
        decay = min(0.5, (1 + t) / (10 + t))  # 1/10, 2/11, … up to 1/2 at t = 8
        wanted = decay * wanted + (1 - decay) * t
        torch.testing.assert_close(average.model.layer.weight.double(), wanted, rtol=1e-5, atol=1e-6)
    assert not any(p.requires_grad for p in average.model.parameters())
    assert model.layer.weight.requires_grad


def test_recalibration_is_a_plain_mean_and_leaves_the_rest() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3), nn.BatchNorm1d(3))
    unvisited = nn.BatchNorm1d(3)
    unvisited.running_mean.fill_(7)
    whole = nn.ModuleDict({"net": model, "unvisited": unvisited}).eval()
    whole.register_buffer("counter", torch.zeros(()))
    batches = [torch.randn(10, 3) + i for i in range(4)]

    def once(x: Tensor) -> None:
        whole.counter += 1
        model(x)

    recalibrate(whole, [lambda x=x: once(x) for x in batches])
    torch.testing.assert_close(model[0].running_mean, torch.cat(batches).mean(0))
    assert torch.equal(unvisited.running_mean, torch.full((3,), 7.0)), "lost what it had learnt"
    assert whole.counter == 0
    assert not whole.training


class TwoSteps(Model):
    """A batch-normalised encoder, then something that does not use it."""

    def __init__(self) -> None:
        super().__init__(PLANE)
        torch.manual_seed(0)
        self.encoder = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.second = nn.Linear(2, 1)

    def stages(self) -> Sequence[Stage]:
        def phase(name: str, part: nn.Module) -> Phase:
            def loss(batch: Batch, ctx: Context) -> Terms:
                return {"l": (part(batch.x + 5) - 1).square().mean()}

            return Phase(name=name, updates={name: part.parameters}, loss=loss)

        return [
            Stage(name="one", phases=[phase("encoder", self.encoder)], length=Length(30, "iterations")),
            Stage(name="two", phases=[phase("second", self.second)], length=Length(5, "iterations")),
        ]


def test_statistics_of_an_earlier_stage_survive_averaging(tmp_path: Path) -> None:
    engine = make_engine(TwoSteps(), tmp_path / "run", ema=0.9)
    engine.fit()
    ours, theirs = engine.published.encoder[1], engine.model.encoder[1]
    assert theirs.running_mean.abs().max() > 0.5
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)


def test_losses_that_differentiate_by_parameters_can_be_recalibrated(tmp_path: Path) -> None:
    class SlopePenalty(Normed):
        def loss(self, batch: Batch, ctx: Context) -> Terms:
            value = super().loss(batch, ctx)["l"]
            (slope,) = torch.autograd.grad(value, [self.last.weight], create_graph=True)
            return {"l": value, "slope": slope.square().sum()}

    engine = make_engine(SlopePenalty(), tmp_path / "run", ema=0.9)
    engine.fit()
    assert torch.isfinite(engine.published.norm.running_mean).all()


class Following(Normed):
    """A first stage trains the generator; a second one a critic of what it has become."""

    def stages(self) -> Sequence[Stage]:
        critic, generator = self.phases()
        return [Stage(name="generator", phases=[generator]), Stage(name="critic", phases=[critic])]


def test_later_stages_build_on_the_average_of_what_is_finished(tmp_path: Path) -> None:
    """Else the average of a finished part would run after its last weights, with their statistics."""

    def trained(length: int, name: str) -> Model:
        engine = make_engine(
            Following(), tmp_path / name, source=points(6000), length=length, batch=200, ema=0.98,
            optimizer={"name": "adam", "lr": 0.2},
        )  # fmt: skip
        engine.fit()
        for ours, theirs in zip(
            engine.published.first.parameters(), engine.model.first.parameters(), strict=True
        ):
            assert torch.equal(ours, theirs), "the trained model goes on with the average"
        assert torch.equal(engine.published.norm.running_mean, engine.model.norm.running_mean)
        return engine.published

    model = trained(80, "long")
    z = Noise(9).uniform(100_000, 4)
    with torch.no_grad():
        hidden = model.first(z)
        error = (model.norm.running_mean - hidden.mean(0)).abs() / hidden.std(0)
    assert error.max() <= 0.03, "statistics are of other weights"


def test_a_stage_begins_its_own_average(tmp_path: Path) -> None:
    """What a stage brings in stood still until then: its beginning must not stay in the average."""
    engine = make_engine(TwoSteps(), tmp_path / "run", ema=0.999, optimizer={"name": "sgd", "lr": 0.005})
    start = engine.model.second.weight.detach().clone()
    engine.fit()
    went = (engine.model.second.weight - start).norm()
    lags = (engine.model.second.weight - engine.published.second.weight).norm()
    assert went > 0.01
    assert lags < 0.1 * went, "thirty iterations of the first stage made the average slow"


def test_what_a_later_stage_trains_on_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Again(Normed):
        def stages(self) -> Sequence[Stage]:
            both = self.phases()
            return [Stage(name="both", phases=both), Stage(name="generator", phases=both[1:])]

    condition: list[nn.Parameter] = []
    monkeypatch.setattr(Average, "give_back", lambda _, parameters: condition.extend(parameters))
    engine = make_engine(Again(), tmp_path / "run", length=4, ema=0.9, optimizer={"name": "sgd", "lr": 0.01})
    engine.fit()
    assert {id(p) for p in condition} == {id(p) for p in engine.model.critic.parameters()}


def test_only_what_is_asked_for_is_given_back() -> None:
    model = Line()
    average = Average(model, 0.9)
    start = [p.detach().clone() for p in model.parameters()]
    for p in model.parameters():
        p.data += 1
    chosen, *others = model.parameters()
    average.give_back([chosen])
    assert torch.equal(chosen, start[0])
    for p, before in zip(others, start[1:], strict=True):
        assert torch.equal(p, before + 1)
