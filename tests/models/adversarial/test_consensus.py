"""Consensus optimisation against closed forms and differences of its regularised game."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context, Progress
from genus.core.space import Space
from genus.core.spec import DataSpec
from tests.models.adversarial.test_gan import make

LINE = DataSpec(example=Space(kind="vector", shape=(1,)))


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """Everything new is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def linear_pair(consensus: float) -> Any:
    """G(z) = wz + b and D(x) = ax + c in the bilinear game of the Wasserstein objective."""
    network = {"name": "mlp", "hidden": []}
    pair = {"generator": network, "discriminator": network, "objective": "wasserstein", "latent": 1}
    return make(LINE, name="consensus-gan", consensus=consensus, **pair)


def batch() -> Batch:
    return Batch(torch.linspace(-1.0, 3.0, 6)[:, None] ** 2)


def parameters(model: Any) -> list[Tensor]:
    return [*model.generator.parameters(), *model.discriminator.parameters()]


def field(model: Any) -> Tensor:
    """The joint gradient that the engine would step along, flat: the generator's, the discriminator's."""
    (phase,) = model.phases()
    terms = phase.loss(batch(), Context(noise=Noise(0)))
    slopes: list[Tensor] = []
    for name in ("generator", "discriminator"):
        own = list(phase.updates[name]())
        found = torch.autograd.grad(
            torch.stack(list(terms[name].values())).sum(), own, retain_graph=True, allow_unused=True
        )
        zeros = [torch.zeros_like(p) if g is None else g for p, g in zip(own, found, strict=True)]
        slopes += [g.flatten() for g in zeros]
    return torch.cat(slopes)


def place(model: Any, values: Tensor) -> None:
    torch.nn.utils.vector_to_parameters(values, parameters(model))


def jacobian(model: Any, where: Tensor, h: float = 1e-5) -> Tensor:
    """Derivative of the field by central differences."""
    columns: list[Tensor] = []
    for step in h * torch.eye(len(where)):
        place(model, where + step)
        above = field(model)
        place(model, where - step)
        columns.append((above - field(model)) / (2 * h))
    return torch.stack(columns, 1)


def equilibrium() -> tuple[Tensor, Tensor]:
    """(w, b, a, c) where nothing moves, and the Jacobian of v there by hand."""
    noise = Noise(0)
    first, second = noise.normal(6, 1).mean(), noise.normal(6, 1).mean()
    w = torch.tensor(0.5)
    b = batch().x.mean() - w * first  # v_a = w z̄₁ + b − x̄ = 0, and v_w = −a z̄₂ = v_b = −a = 0
    by_hand = torch.zeros(4, 4)
    by_hand[0, 2], by_hand[1, 2] = -second, -1
    by_hand[2, 0], by_hand[2, 1] = first, 1
    return torch.stack([w, b, torch.tensor(0.0), torch.tensor(0.0)]), by_hand


def test_the_jacobian_of_the_bilinear_game_gains_a_square() -> None:
    """v′ = v + γ Jᵀv, so that J′ = J + γ JᵀJ where v = 0."""
    where, j = equilibrium()
    for gamma in (0.0, 0.7):
        torch.testing.assert_close(
            jacobian(linear_pair(gamma), where), j + gamma * j.T @ j, rtol=1e-6, atol=1e-7
        )


def test_consensus_turns_the_eigenvalues_of_cycles_into_those_of_spirals() -> None:
    where, _ = equilibrium()
    plain = torch.linalg.eigvals(jacobian(linear_pair(0.0), where))
    forced = torch.linalg.eigvals(jacobian(linear_pair(1.0), where))
    assert plain.real.abs().max() < 1e-6  # neither towards the equilibrium nor away
    assert plain.imag.abs().max() > 0.5
    assert forced.real[forced.imag.abs() > 0.1].min() > 0.5


@pytest.mark.parametrize(("gamma", "converges"), [(0.0, False), (1.0, True)])
def test_the_bilinear_game_converges_with_consensus_alone(gamma: float, converges: bool) -> None:
    where, _ = equilibrium()
    model = linear_pair(gamma)
    now = where + torch.tensor([0.0, 0.5, 0.5, 0.0])
    place(model, now)
    start = field(model).norm()
    for _ in range(150):
        now = now - 0.1 * field(model)
        place(model, now)
    if converges:
        assert field(model).norm() < 1e-3 * start
    else:
        assert field(model).norm() > start


def test_without_weight_it_is_simultaneous_descent() -> None:
    model = linear_pair(0.0)
    context = Context(noise=Noise(0))
    own = model.discriminator_loss(batch(), context)["loss"]
    discriminator = torch.autograd.grad(own, list(model.discriminator.parameters()), allow_unused=True)
    other = model.generator_loss(batch(), context)["loss"]
    generator = torch.autograd.grad(other, list(model.generator.parameters()))
    a, c = discriminator
    assert a is not None
    assert c is None or not c.any()  # the offset of a difference of scores
    expected = torch.cat([g.flatten() for g in (*generator, a, torch.zeros(1))])
    torch.testing.assert_close(field(model), expected)


def test_the_force_is_the_gradient_of_the_regularised_losses() -> None:
    """By differences of L_G + γ/2 ‖v‖² and L_D + γ/2 ‖v‖², v from losses written out."""
    mlp = {"name": "mlp", "hidden": [3], "activation": "tanh"}
    pair = {"generator": mlp, "discriminator": mlp, "objective": "non-saturating", "latent": 2}
    model = make(LINE, name="consensus-gan", consensus=0.8, **pair)
    players = {"generator": model.generator.network, "discriminator": model.discriminator.network}

    def by_hand(name: str) -> float:
        noise = Noise(0)
        first, second = (players["generator"](noise.normal(6, 2)) for _ in range(2))
        scores = [players["discriminator"](x).squeeze(1) for x in (batch().x, first, second)]
        losses = {
            "discriminator": -scores[0].sigmoid().log().mean() - (-scores[1]).sigmoid().log().mean(),
            "generator": -scores[2].sigmoid().log().mean(),
        }
        size = 0.0
        for player, loss in losses.items():
            own = list(players[player].parameters())
            size += sum(g.square().sum().item() for g in torch.autograd.grad(loss, own, retain_graph=True))
        return losses[name].item() + 0.4 * size

    found = field(model)
    where = torch.nn.utils.parameters_to_vector(parameters(model)).detach()
    of_generator = sum(p.numel() for p in model.generator.parameters())
    for index in range(len(where)):
        name = "generator" if index < of_generator else "discriminator"
        step = torch.zeros_like(where)
        step[index] = 1e-5
        place(model, where + step)
        above = by_hand(name)
        place(model, where - step)
        assert found[index].item() == pytest.approx((above - by_hand(name)) / 2e-5, abs=1e-7)


def test_more_discriminator_steps_come_before_the_common_one() -> None:
    phases = make(LINE, name="consensus-gan", discriminator_steps=4).phases()
    assert [(phase.name, phase.times(Progress())) for phase in phases] == [
        ("discriminator", 3),
        ("players", 1),
    ]
    assert [set(phase.updates) for phase in phases] == [{"discriminator"}, {"discriminator", "generator"}]
    with pytest.raises(RecipeError, match="updates both networks at once"):
        make(LINE, name="consensus-gan", discriminator_schedule="freeze")
