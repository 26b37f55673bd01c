"""Reflow: straight couplings stay, curved ones become straighter."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.noise_paths import Straight, VariancePreserving
from genus.models.diffusion.diffusion import Diffusion
from genus.sampling.samplers.differential import euler
from tests.models.diffusion.test_diffusion import POINTS, build
from tests.tiny import equal, tiny_config, tiny_engine, weights

SPEC = DataSpec(example=Space(kind="vector", shape=(2,), range=(-1.0, 1.0)))


class Shift(nn.Module):
    """The velocity of a translation, whatever the example and the time."""

    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.tensor([0.25, -0.5]))

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        return -self.by.expand_as(x) + 0 * features.sum()


def test_reflow_of_a_straight_coupling_changes_nothing() -> None:
    """x₀ = ε + c: the ODE finds the pairs themselves, and their velocity is the one that is known."""
    model = build(SPEC, network=lambda *_, **__: Shift(), reflow=0.5)
    model.network.by.data = torch.tensor([0.25, -0.5]).double()  # type: ignore[union-attr]
    *_, stage = model.stages()
    assert stage.enter is not None
    stage.enter()
    noise = torch.randn(50, 2, dtype=torch.float64)
    assert model.reflow is not None
    x = model.reflow.examples(model, noise, None)
    assert torch.allclose(x, noise + torch.tensor([0.25, -0.5]).double(), atol=1e-9)
    loss = model.reflow_loss(Batch(torch.zeros(50, 2).double()), Context(noise=Noise(0)))["error"]
    assert float(loss.detach()) < 1e-12
    (slope,) = torch.autograd.grad(loss, [model.network.by])  # type: ignore[list-item]
    assert float(slope.abs().max()) < 1e-7


def straightness(model: Diffusion) -> float:
    """How far one step of Euler's method ends from many."""
    start = torch.randn(500, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        ends = [euler(model.denoiser(None), start, model.path.grid(n), Noise(0)) for n in (1, 50)]
    return float((ends[0] - ends[1]).square().mean())


def test_one_step_is_nearer_to_many_after_reflow() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(2,)))
    model = build(spec, reflow=0.5)
    data = torch.tensor([[-1.5, 0.5], [1.5, -0.5], [0.0, 1.5]]).double().repeat(64, 1)
    data = data + 0.1 * torch.randn(192, 2, generator=torch.Generator().manual_seed(2))
    before = 0.0
    for stage in model.stages()[1:]:  # data of unit scale need not be measured
        if stage.enter is not None:
            before = straightness(model)
            stage.enter()
        optimizer = torch.optim.Adam(model.own_parameters(), lr=3e-3)
        for i in range(600):
            optimizer.zero_grad()
            terms = stage.phases[0].loss(Batch(data), Context(noise=Noise(i)))  # type: ignore[misc]
            sum(terms.values()).backward()  # type: ignore[union-attr]
            optimizer.step()
    assert straightness(model) < 0.2 * before
    x = model.sample(200, noise=Noise(0))
    nearest = torch.cdist(x, data[:3]).min(1).values
    assert float((nearest < 0.5).double().mean()) > 0.9


def test_the_copy_is_made_once_and_is_not_trained(tmp_path: Path) -> None:
    config: dict[str, Any] = tiny_config("flow-matching", length=8, ema=0.9, save_every=1)
    config["model"].update(reflow=0.5, reflow_steps=2)
    engine = tiny_engine(config, tmp_path / "run")
    engine.fit()
    reflow = engine.model.reflow
    assert bool(reflow.begun)
    assert not any(parameter.requires_grad for parameter in reflow.parameters())
    own = dict(engine.model.network.named_parameters())
    assert any(not torch.equal(value, own[name]) for name, value in reflow.network.named_parameters())
    held = weights(reflow)
    reflow.begin(engine.model)
    assert equal(held, weights(reflow))


def test_other_paths_are_refused() -> None:
    with pytest.raises(RecipeError, match="path straight, for reflow"):
        build(POINTS, path=VariancePreserving, reflow=0.5)
    assert build(POINTS, path=partial(Straight), reflow=0.0).reflow is None
