"""RealNVP against determinants, integrals and the identity flow."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.errors import InputError, RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.flow.realnvp import RealNVP, realnvp_bijection
from genus.networks.coupling_resnet import coupling_resnet
from genus.networks.mlp import mlp

MLP = partial(mlp, hidden=(16,), activation="tanh")
RESNET = partial(coupling_resnet, width=4)
PLANE = DataSpec(example=Space(kind="vector", shape=(2,)))


def grey(*shape: int, levels: int = 256) -> DataSpec:
    return DataSpec(example=Space(kind="image", shape=shape, range=(0.0, 1.0), levels=levels))


def shaken(model: nn.Module, scale: float = 0.5) -> nn.Module:
    """Move a model away from the identity it starts as."""
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if name.endswith("gain"):
            nn.init.normal_(parameter, std=scale)
    return model


@pytest.mark.parametrize(
    ("shape", "network"),
    [((2,), MLP), ((5,), MLP), ((1, 4, 4), RESNET), ((2, 3, 5), RESNET), ((1, 8, 4), RESNET),
     ((1, 8), RESNET), ((1, 2, 4, 2), RESNET)],
)  # fmt: skip
@pytest.mark.parametrize("squeeze", ["plain", "haar"])
def test_log_determinant_and_round_trip(shape: tuple[int, ...], network, squeeze) -> None:
    flow = shaken(realnvp_bijection(shape, network, couplings=2, scales=3, squeeze=squeeze)).double()
    x = torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z, change = flow(x)
    assert z.shape == (2, math.prod(shape))
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None])[0][0], x[0]).flatten(1)
    assert float(change[0].detach()) == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), abs=1e-9)
    assert (flow.inverse(z) - x).abs().max() < 1e-8
    single = flow.float()
    assert (single.inverse(single(x.float())[0]) - x.float()).abs().max() < 1e-5


def test_density_of_the_plane_integrates_to_one() -> None:
    model = shaken(RealNVP(PLANE, network=MLP, couplings=4), 0.3).double()
    axis = torch.linspace(-12, 12, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    total = model.log_prob(grid, noise=Noise(0)).exp().sum() * float(axis[1] - axis[0]) ** 2
    assert float(total) == pytest.approx(1, abs=1e-4)
    assert model.kind == "exact"
    assert model.levels is None


def test_density_on_a_bounded_square_integrates_to_one() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(2,), range=(-1.0, 2.0)))
    model = shaken(RealNVP(spec, network=MLP, base="logistic", alpha=0.01), 0.3).double()
    axis = -1 + 3 * (torch.arange(600, dtype=torch.float64) + 0.5) / 600
    inside = model.log_prob(torch.cartesian_prod(axis, axis), noise=Noise(0)).exp().sum() * (3 / 600) ** 2
    corners = model.sample(20_000, noise=Noise(0))
    clipped = ((corners <= -1) | (corners >= 2)).any(1).double().mean()  # the tails beyond the logit's ends
    assert float(inside) == pytest.approx(1 - float(clipped), abs=0.01)
    assert float(clipped) < 0.2


@pytest.mark.parametrize("levels", [2, 8, 256])
def test_identity_with_uniform_base_costs_log_levels(levels: int) -> None:
    """With α = 0 the logit of a uniform number is logistic, so a new model is uniform on x."""
    model = RealNVP(grey(1, 4, 4, levels=levels), network=RESNET, base="logistic", alpha=0.0).double()
    numbers = torch.randint(levels, (5, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    x = numbers.double() / (levels - 1)
    bits = -model.log_prob(x, noise=Noise(0)) / 16 / math.log(2)
    assert torch.allclose(bits, torch.full((5,), math.log2(levels)).double(), atol=1e-6)


def test_bound_of_grey_values_is_a_probability() -> None:
    """exp E log ≤ E exp, and the average density over all bins is at most one."""
    model = shaken(RealNVP(grey(1, 1, 2, levels=3), network=RESNET, alpha=0.05)).double()
    values = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    images = torch.cartesian_prod(values, values).view(9, 1, 1, 2)
    draws = torch.stack([model.log_prob(images, noise=Noise(seed)) for seed in range(400)])
    assert 0.05 < float(draws.mean(0).exp().sum()) <= 1
    assert float(draws.exp().mean(0).sum()) <= 1.05
    assert model.kind == "lower_bound"
    assert model.levels == 3


def run_measuring(model: RealNVP, batch: Batch) -> None:
    """What the engine does with the stages before the last."""
    *measuring, last = model.stages()
    for stage in measuring:
        assert stage.enter is not None
        stage.enter()
        step = stage.phases[0].step
        assert step is not None
        for rows in (slice(0, len(batch) // 2), slice(len(batch) // 2, None)):
            step(batch[rows], Context(noise=Noise(0)))
    assert last.enter is not None
    last.enter()


@pytest.mark.parametrize("first", ["elements", "correlations"])
def test_measured_moments_standardise_the_latent_numbers(first: str) -> None:
    model = RealNVP(PLANE, network=MLP, first=first)
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.1, 5.0]) + 3
    run_measuring(model, Batch(x))
    z = model.encode(x).mean
    assert torch.allclose(z.mean(0), torch.zeros(2), atol=1e-4)
    assert torch.allclose(z.std(0), torch.ones(2), atol=1e-2)
    assert torch.allclose(model.decode(z), x, atol=1e-4)
    assert [str(s.length) for s in model.stages()] == ["20 iterations", "None"]
    assert len(RealNVP(PLANE, network=MLP, measured=0).stages()) == 1


def test_conditional_model_knows_its_classes() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(2,)), condition=class_space(("left", "right")))
    model = shaken(RealNVP(spec, network=MLP, first="correlations", conditional=True, leading=0.5), 0.1)
    condition = torch.arange(400) % 2
    noise = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    x = noise * torch.tensor([0.2, 1.0]) + torch.stack([4.0 * condition - 2, 0 * condition], 1)
    run_measuring(model, Batch(x, condition))
    right, wrong = (model.log_prob(x, condition=g, noise=Noise(0)).mean() for g in (condition, 1 - condition))
    assert float(right) > float(wrong) + 10
    samples = model.sample(400, condition=condition, noise=Noise(0))
    assert ((samples[:, 0] > 0) == (condition == 1)).all()
    assert model.sample(3, noise=Noise(0)).shape == (3, 2)
    with pytest.raises(InputError, match="pass the c"):
        model.log_prob(x, noise=Noise(0))
    codes = model.encode(x).mean
    assert (codes[:, 2:].argmax(1) == condition).all()
    assert torch.allclose(model.decode(codes), x, atol=1e-5)


def test_conditional_density_of_each_class_integrates_to_one() -> None:
    spec = DataSpec(example=Space(kind="vector", shape=(2,)), condition=class_space(("left", "right")))
    model = shaken(RealNVP(spec, network=MLP, first="correlations", conditional=True), 0.3).double()
    condition = torch.arange(400) % 2
    noise = torch.randn(400, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    run_measuring(model, Batch(noise + torch.stack([4.0 * condition - 2, 0 * condition], 1), condition))
    axis = torch.linspace(-15, 15, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    for c in (0, 1):
        density = model.log_prob(grid, condition=torch.full((len(grid),), c), noise=Noise(0)).exp()
        assert float(density.sum() * float(axis[1] - axis[0]) ** 2) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("base", ["normal", "logistic"])
def test_samples_are_levels_and_independent_of_the_batch(base: str) -> None:
    model = shaken(RealNVP(grey(1, 6, 6), network=RESNET, levels=4, base=base))
    whole = model.sample(6, noise=Noise(0, block=1))
    assert ((whole * 3) - (whole * 3).round()).abs().max() < 1e-6
    assert torch.allclose(model.sample(2, noise=Noise(0, start=3, block=1)), whole[3:5], atol=1e-6)
    assert torch.allclose(model.decode(model.encode(whole).mean), whole, atol=1e-6)


def test_mixed_precision_rounds_networks_only() -> None:
    spec = DataSpec(
        example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0), levels=256),
        condition=class_space(("a", "b")),
    )
    model = RealNVP(spec, network=RESNET, squeeze="haar", first="correlations", conditional=True)
    x, condition = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2
    run_measuring(model, Batch(x, condition))  # the couplings are the identity, whatever their networks say
    whole = model.loss(Batch(x, condition), Context(noise=Noise(0)))["nll"]
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.loss(Batch(x, condition), Context(noise=Noise(0)))["nll"]
    assert mixed.dtype == torch.float32
    assert float(mixed.detach()) == pytest.approx(float(whole.detach()), rel=1e-6)


def test_temperature_narrows_the_samples() -> None:
    spread: list[Tensor] = []
    for temperature in (1.0, 0.5):
        model = RealNVP(PLANE, network=MLP, temperature=temperature)
        spread.append(model.sample(500, noise=Noise(0)).std())
    assert float(spread[1]) == pytest.approx(0.5 * float(spread[0]), rel=1e-5)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(RecipeError, match="two numbers"):
        RealNVP(DataSpec(example=Space(kind="vector", shape=(1,))), network=MLP)
    with pytest.raises(RecipeError, match="range"):
        RealNVP(PLANE, network=MLP, levels=4)
    with pytest.raises(RecipeError, match="alpha"):
        RealNVP(DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, 1.0))), network=MLP, alpha=0.0)
    with pytest.raises(RecipeError, match="4096"):
        RealNVP(grey(3, 64, 64), network=RESNET, first="correlations")
    with pytest.raises(RecipeError, match="to be conditional"):
        RealNVP(PLANE, network=MLP, conditional=True)
    with pytest.raises(RecipeError, match="mlp"):
        RealNVP(PLANE, network=RESNET)


def test_learns_a_bent_density() -> None:
    """On a parabola y = x² + noise a flow beats the best Gaussian by most of the gap to the truth."""
    torch.manual_seed(0)
    x = torch.randn(1024, 1)
    data = torch.cat([x, x.square() + 0.2 * torch.randn(1024, 1)], 1)
    model = RealNVP(PLANE, network=partial(mlp, hidden=(32, 32), activation="tanh"), couplings=4)
    run_measuring(model, Batch(data))
    likelihood = model.stages()[-1]
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for i in range(250):
        optimizer.zero_grad()
        likelihood.phases[0].loss(Batch(data), Context(noise=Noise(i)))["nll"].backward()
        optimizer.step()
    truth = 2 * 0.5 * math.log(2 * math.pi * math.e) + math.log(0.2)
    gaussian = math.log(2 * math.pi * math.e) + 0.5 * float(torch.linalg.slogdet(data.T.cov())[1])
    found = -float(model.log_prob(data, noise=Noise(0)).mean())
    assert gaussian - truth > 1.5
    assert found < truth + 0.15 * (gaussian - truth)
