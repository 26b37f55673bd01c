"""One update: own parameters only, exact sums over micro-batches, nothing broken applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.binder import bind, resolve
from genus.core.errors import NonFiniteError, RecipeError
from genus.core.phase import Context, Phase, Progress, Terms
from genus.training.checkpoints import list_checkpoints
from genus.training.devices import launch
from genus.training.groups import Group
from genus.training.update import Share, Updater
from tests.training.harness import Line, assert_equal, make_engine


class Recorder(torch.optim.SGD):
    """Takes steps of size 1 and keeps the gradients they were given."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        super().__init__(parameters, lr=1.0)
        self.seen: list[Tensor | None] = []

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.seen = [None if p.grad is None else p.grad.clone() for p in self.param_groups[0]["params"]]
        super().step(closure)


def run(
    model: nn.Module,
    loss: Callable[[Batch, Context], Any],
    updates: Mapping[str, list[nn.Parameter]],
    x: Tensor,
    *,
    accumulate: int = 1,
    clip: float | None = None,
) -> tuple[dict[str, list[Tensor | None]], Mapping[str, float]]:
    """One update; returns the gradients by group and the averages."""
    phase = Phase(name="p", updates={k: lambda v=v: v for k, v in updates.items()}, loss=loss)
    groups = [Group(name, own, Recorder(own)) for name, own in updates.items()]
    updater = Updater(model, launch("cpu"), accumulate=accumulate, clip=clip)
    share = Share(batch=Batch(x), start=0, total=len(x))
    averages = updater.run(phase, groups, share, seed=3, progress=Progress())
    return {g.name: g.optimizer.seen for g in groups}, averages  # type: ignore[attr-defined]


class Poisoned(Line):
    """Goes wrong in iteration 7, by its loss or by its gradient alone."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        terms = dict(super().loss(batch, ctx))
        if ctx.progress.iteration == 6:
            if self.how == "loss":
                terms["extra"] = terms["square"] * float("nan")
            elif self.how == "infinite":
                terms["extra"] = terms["square"] / 0
            elif self.how == "observed":
                ctx.observe(extra=torch.tensor(float("nan")))
            else:
                weight = self.layer.weight
                terms["extra"] = (weight - weight.detach()).abs().sqrt().sum()  # 0, of infinite slope
        return terms


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("loss", "iteration 7, phase 'fit': the term 'extra' is nan"),
        ("infinite", "iteration 7, phase 'fit': the term 'extra' is inf"),
        ("observed", "iteration 7, phase 'fit': the term 'extra' is nan"),
        ("gradient", "iteration 7, phase 'fit': a gradient is not finite"),
    ],
)
def test_not_a_number_in_step_7_leaves_step_6(how: str, message: str, tmp_path: Path) -> None:
    engine = make_engine(Poisoned(how), tmp_path / "run", length=20, save_every=1, keep=100, ema=0.9)
    with pytest.raises(NonFiniteError) as caught:
        engine.fit()
    assert message in str(caught.value)
    assert "the last checkpoint is of iteration 6" in str(caught.value)
    assert "optimizer.lr" in str(caught.value)
    assert [int(p.name) for p in list_checkpoints(engine.run.checkpoints)] == [1, 2, 3, 4, 5, 6]
    saved = engine.run.load()
    assert_equal(saved.tensors["model"], engine.model.state_dict())
    assert_equal(saved.tensors["ema"], engine.published.state_dict())
    straight = make_engine(Line(), tmp_path / "straight", length=6)
    straight.fit()
    assert_equal(engine.model.state_dict(), straight.model.state_dict())
    *lines, last = engine.run.log_lines()
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert (last["iteration"], last["failure"]) == (7, str(caught.value))


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b = nn.Linear(2, 3), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).tanh())


def test_others_are_frozen_while_a_loss_is_computed() -> None:
    model, x = Pair(), torch.randn(5, 2)
    flags: list[bool] = []

    def loss(batch: Batch, ctx: Context) -> Terms:
        flags.extend(p.requires_grad for p in model.parameters())
        return {"l": model(batch.x).square().mean()}

    before = {name: p.clone() for name, p in model.named_parameters()}
    seen, _ = run(model, loss, {"a": list(model.a.parameters())}, x)
    assert flags == [True, True, False, False]
    assert all(g is not None and g.abs().sum() > 0 for g in seen["a"])
    for name, parameter in model.named_parameters():
        assert parameter.grad is None
        assert torch.equal(parameter, before[name]) == name.startswith("b.")
    run(model, loss, {"b": list(model.b.parameters())}, x)
    assert flags[4:] == [False, False, True, True], "thawed again for their own phase"


def test_groups_that_share_a_forward_pass_get_the_gradients_of_their_own_sums() -> None:
    model, x = Pair(), torch.randn(5, 2)

    def losses() -> tuple[Tensor, Tensor, Tensor]:
        out = model(x)
        return out.mean(), out.square().mean(), out.exp().mean()

    def loss(batch: Batch, ctx: Context) -> Mapping[str, Terms]:
        one, two, three = losses()
        return {"a": {"one": one, "two": two}, "b": {"two": -two, "three": three}}

    one, two, three = losses()
    wanted_a = torch.autograd.grad(one + two, list(model.a.parameters()), retain_graph=True)
    wanted_b = torch.autograd.grad(three - two, list(model.b.parameters()))
    own = {"a": list(model.a.parameters()), "b": list(model.b.parameters())}
    seen, averages = run(model, loss, own, x)
    for got, wanted in zip([*seen["a"], *seen["b"]], [*wanted_a, *wanted_b], strict=True):
        assert got is not None
        torch.testing.assert_close(got, wanted)
    assert averages.keys() == {"a.one", "a.two", "b.two", "b.three", "gradient"}
    assert averages["gradient"] == pytest.approx(_norm([*wanted_a, *wanted_b]), rel=1e-5)
    assert averages["b.two"] == pytest.approx(-averages["a.two"])


def test_losses_and_groups_must_match() -> None:
    model, x = Pair(), torch.randn(5, 2)
    own = {"a": list(model.a.parameters()), "b": list(model.b.parameters())}
    with pytest.raises(RecipeError, match=r"differ in \['b', 'c'\]"):
        run(model, lambda batch, ctx: {n: {"l": model(batch.x).mean()} for n in ("a", "c")}, own, x)
    for constant in ({"l": torch.ones(())}, {"a": {"l": model(x).mean()}, "b": {"l": torch.ones(())}}):
        with pytest.raises(RecipeError, match="depends on none of its parameters"):
            run(model, lambda batch, ctx, value=constant: value, own, x)
    with pytest.raises(RecipeError, match="depends on none of its parameters"):
        run(model, lambda batch, ctx: {"l": batch.x.requires_grad_().sum()}, own, x)


def test_each_group_is_clipped_by_itself() -> None:
    model, x = Pair(), torch.randn(50, 2)
    own = {"a": list(model.a.parameters()), "b": list(model.b.parameters())}

    def loss(scale: float) -> Callable[[Batch, Context], Terms]:
        return lambda batch, ctx: {"l": scale * model(batch.x).square().mean()}

    free, _ = run(model, loss(1), own, x)
    norms = {name: _norm(grads) for name, grads in free.items()}
    limit = sum(norms.values()) / 2
    small, large = sorted(norms, key=lambda name: norms[name])
    assert norms[small] < limit < norms[large]
    fresh = Pair()
    own = {"a": list(fresh.a.parameters()), "b": list(fresh.b.parameters())}
    clipped, _ = run(fresh, lambda b, c: {"l": fresh(b.x).square().mean()}, own, x, clip=limit)
    assert _norm(clipped[small]) == pytest.approx(norms[small], rel=1e-5)
    assert _norm(clipped[large]) == pytest.approx(limit, rel=1e-4)


def _norm(gradients: list[Tensor | None]) -> float:
    return float(torch.cat([g.flatten() for g in gradients if g is not None]).norm())


@pytest.mark.parametrize("parts", [2, 3, 5, 7, 12, 50])
def test_micro_batches_of_any_size_add_up_in_float64(parts: int) -> None:
    """12 examples in parts such as 2 + 2 + 3 + 2 + 3, with noise and an observation."""
    torch.manual_seed(0)
    x = torch.randn(12, 2, dtype=torch.float64)
    sizes: list[int] = []
    results = []
    for accumulate in (1, parts):
        model = Pair().double()

        def loss(batch: Batch, ctx: Context, model: Pair = model) -> Terms:
            sizes.append(len(batch))
            noisy = batch.x + 0.1 * ctx.noise.normal(len(batch), 2).double()
            ctx.observe(mean=noisy.mean())
            return {"l": model(noisy).square().mean(), "m": (model(noisy) * noisy[:, :1]).mean()}

        results.append(run(model, loss, {"all": list(model.parameters())}, x, accumulate=accumulate))
    (whole, averages), (summed, again) = results
    assert sum(sizes[1:]) == 12
    assert max(sizes[1:]) - min(sizes[1:]) <= 1
    assert len(sizes) - 1 == min(parts, 12)
    for one, other in zip(whole["all"], summed["all"], strict=True):
        assert one is not None
        assert other is not None
        assert (one - other).abs().max() <= 1e-10
    assert again == pytest.approx(averages, abs=1e-6)


@pytest.mark.parametrize("parts", [1, 5])
def test_supplied_gradients_are_used_as_they_are(parts: int) -> None:
    """Those of the mean of |xW|², in closed form, equal differentiated ones; a silent parameter stays."""
    x = torch.randn(12, 2, dtype=torch.float64)
    layer, other = nn.Linear(2, 3, bias=False).double(), nn.Linear(2, 1).double()
    own = [layer.weight, other.weight]

    def supplied(batch: Batch, ctx: Context) -> Terms:
        y = layer(batch.x).detach()
        ctx.supply({layer.weight: 2 * y.T @ batch.x / len(batch)})
        return {"l": y.square().sum(1).mean()}

    def differentiated(batch: Batch, ctx: Context) -> Terms:
        return {"l": layer(batch.x).square().sum(1).mean()}

    start = {id(p): p.detach().clone() for p in own}
    found: list[dict[str, list[Tensor | None]]] = []
    for loss in (differentiated, supplied):
        for parameter in own:
            parameter.data.copy_(start[id(parameter)])
        found.append(run(nn.ModuleList([layer, other]), loss, {"all": own}, x, accumulate=parts)[0])
    (expected, _), (ours, silent) = (one["all"] for one in found)
    assert ours is not None
    assert expected is not None
    assert (ours - expected).abs().max() < 1e-12
    assert silent is None
    assert torch.equal(other.weight, start[id(other.weight)])


def test_after_hears_the_averages_once_per_update(tmp_path: Path) -> None:
    heard: list[Mapping[str, float]] = []

    class Hears(Line):
        def phases(self) -> list[Phase]:
            updates = {"line": self.layer.parameters}
            return [Phase(name="fit", updates=updates, loss=self.loss, repeat=2, after=heard.append)]

        def loss(self, batch: Batch, ctx: Context) -> Terms:
            ctx.observe(mean=batch.x.mean())
            return super().loss(batch, ctx)

    engine = make_engine(Hears(), tmp_path / "run", length=3, accumulate=2)
    engine.fit()
    assert len(heard) == 6
    assert {frozenset(h) for h in heard} == {frozenset({"square", "mean", "gradient"})}
    last = list(engine.run.log_lines())[-1]["losses"]
    assert last == {f"fit/{name}": value for name, value in heard[-1].items()}


def test_a_step_phase_runs_without_gradients_and_its_values_are_checked(tmp_path: Path) -> None:
    class Counts(Line):
        def __init__(self, bad: int) -> None:
            super().__init__()
            self.bad = bad
            self.register_buffer("seen", torch.zeros(()))

        def phases(self) -> list[Phase]:
            return [Phase(name="count", step=self.step)]

        def step(self, batch: Batch, ctx: Context) -> Terms:
            assert not torch.is_grad_enabled()
            self.seen += len(batch)
            return {"seen": self.seen / (ctx.progress.iteration - self.bad)}

    engine = make_engine(Counts(bad=-1), tmp_path / "good", length=3)
    engine.fit()
    assert engine.model.seen == 24
    assert [line["losses"]["count/seen"] for line in engine.run.log_lines()] == [8.0, 8.0, 8.0]
    with pytest.raises(NonFiniteError, match="iteration 2, phase 'count': the term 'seen' is inf"):
        make_engine(Counts(bad=1), tmp_path / "bad", length=3).fit()


def test_phases_say_what_is_missing() -> None:
    with pytest.raises(TypeError, match="either a loss or a step"):
        Phase(name="p")
    with pytest.raises(TypeError, match="updates no parameters"):
        Phase(name="p", loss=lambda batch, ctx: {})


def test_whole_batch_phases_refuse_accumulation(tmp_path: Path) -> None:
    class Whole(Line):
        def phases(self) -> list[Phase]:
            return [Phase(name="p", updates={"l": self.parameters}, loss=self.loss, whole_batch=True)]

    make_engine(Whole(), tmp_path / "a").fit()
    with pytest.raises(RecipeError, match=r"phase 'p' needs its whole batch.*train\.accumulate=1"):
        make_engine(Whole(), tmp_path / "b", accumulate=2)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_a_gradient_in_another_memory_layout_moves_its_own_weights(name: str) -> None:
    """Fused optimisers ignore strides, and autograd gives a convolution's gradient in any order."""
    torch.manual_seed(0)
    slopes = torch.randn(2, 3, 4, 5)
    moved: list[Tensor] = []
    for order in ((0, 1, 2, 3), (3, 1, 0, 2)):
        weight = nn.Parameter(torch.zeros(2, 3, 4, 5))
        model = nn.ParameterList([weight])

        def loss(batch: Batch, ctx: Context, weight: Tensor = weight, order: Any = order) -> Terms:
            return {"loss": (weight.permute(order).contiguous() * slopes.permute(order).contiguous()).sum()}

        optimizer = bind("optimizer", resolve("optimizer", {"name": name, "lr": 0.1}, "optimizer"))
        phase = Phase(name="p", updates={"all": lambda weight=weight: [weight]}, loss=loss)
        share = Share(batch=Batch(torch.zeros(1, 1)), start=0, total=1)
        groups = [Group("all", [weight], optimizer([weight]))]
        Updater(model, launch("cpu"), accumulate=1, clip=None).run(
            phase, groups, share, seed=0, progress=Progress()
        )
        moved.append(weight.detach())
    torch.testing.assert_close(moved[0], moved[1])
    assert torch.equal(moved[0].sign(), -slopes.sign())
