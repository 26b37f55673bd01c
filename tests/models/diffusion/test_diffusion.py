"""Denoising in continuous time against closed forms."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import InputError, RecipeError
from genus.core.noise import Noise
from genus.core.noise_path import NoisePath
from genus.core.phase import Context, Progress
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.layers.noise_paths import Straight, VarianceExploding, VariancePreserving
from genus.models.diffusion.diffusion import Diffusion
from genus.models.diffusion.guidance import GuidanceOptions
from genus.networks.mlp import mlp
from genus.networks.residual_mlp import residual_mlp
from genus.objectives.noise_times import log_normal, logit_normal, uniform
from genus.objectives.transport_pairs import transport_order
from genus.sampling.denoiser import Denoiser
from genus.sampling.probability_flow import log_likelihood
from genus.sampling.samplers.differential import ddim, euler, heun
from tests.gaussian_denoiser import Exact

POINTS = DataSpec(example=Space(kind="vector", shape=(2,)), condition=class_space("ab"))
SMALL = partial(residual_mlp, width=16, blocks=2)


def build(spec: DataSpec = POINTS, **settings: Any) -> Diffusion:
    torch.manual_seed(0)
    given: dict[str, Any] = {
        "network": SMALL, "path": Straight, "predicts": "velocity", "times": uniform, "sampler": heun,
        "sampling_steps": 5, "features": 16, "guidance": GuidanceOptions(), **settings,
    }  # fmt: skip
    model = Diffusion(spec, **given)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.double()


def train(
    model: Diffusion, data: torch.Tensor, labels: torch.Tensor | None = None, iterations: int = 300
) -> None:
    """Plain Adam on every phase."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for i in range(iterations):
        for phase in model.phases():
            if not phase.times(Progress(fraction=i / iterations)):
                continue
            optimizer.zero_grad()
            sum(phase.loss(Batch(data, labels), Context(noise=Noise(i))).values()).backward()
            optimizer.step()


@pytest.mark.parametrize(
    "path", [VariancePreserving(first=1e-5), VarianceExploding(sigma_max=300), Straight(first=1e-5)]
)
@pytest.mark.parametrize("probes", [None, 4])
def test_likelihood_of_gaussians_is_their_density(path: NoisePath, probes: int | None) -> None:
    """Of a linear velocity a probe's estimate is exact, too: its matrix is a multiple of the identity."""
    x = torch.tensor([[0.3, -1.0], [2.0, 0.5]], dtype=torch.float64)
    view = Denoiser(Exact(path, 0.0, 0.49))
    found = log_likelihood(view, x, noise=Noise(0), tolerance=1e-7, probes=probes)
    exact = torch.distributions.Normal(0.0, 0.7).log_prob(x).sum(1)
    assert torch.allclose(found, exact, atol=1e-4)


def test_likelihood_of_data_with_a_range_counts_their_scale() -> None:
    narrow, wide = (
        build(DataSpec(example=Space(kind="vector", shape=(2,), range=(0.0, top)))) for top in (1.0, 10.0)
    )
    x = torch.tensor([[0.3, 0.6]], dtype=torch.float64)
    change = narrow.log_prob(x, noise=Noise(0)) - wide.log_prob(10 * x, noise=Noise(0))
    assert float(change) == pytest.approx(2 * math.log(10), abs=1e-4)


def test_edm_targets_have_unit_variance_and_nothing_is_left_of_gaussian_data() -> None:
    path, n = VarianceExploding(), 200_000
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, n, 1, dtype=torch.float64, generator=generator)
    for sigma in (0.01, 0.5, 10.0):
        time = torch.full((n,), sigma, dtype=torch.float64)
        target = path.target(0.5 * x, time, noise, "residual", 0.5)
        assert float(target.var()) == pytest.approx(1, abs=4 * math.sqrt(2 / n))
        # for data N(0, 0.25) the target is independent of what the network sees, so its best output is 0
        seen = path.diffuse(0.5 * x, time, noise)
        assert abs(float((seen * target).mean() / seen.std())) < 4 / math.sqrt(n)


@pytest.mark.parametrize("times", [uniform, log_normal, logit_normal])
def test_times_lie_on_the_path(times) -> None:
    fraction = torch.linspace(0, 1, 101, dtype=torch.float64)[:-1]
    for path in (VarianceExploding(), Straight()):
        found = times(fraction, path)
        assert float(found.min()) >= path.first * (1 - 1e-12)
        assert float(found.max()) <= path.last
        assert (found.diff() >= 0).all()
    middle = log_normal(
        torch.tensor([0.5]).double(), VarianceExploding(sigma_min=1e-9, sigma_max=1e9), mean=-1.2
    )
    assert float(middle) == pytest.approx(math.exp(-1.2))
    quarters = torch.tensor(
        [0.5, 0.8413447460685429], dtype=torch.float64
    )  # the median, and one deviation above it
    assert logit_normal(quarters, Straight()).tolist() == pytest.approx([0.5, 1 / (1 + math.exp(-1))])
    assert logit_normal(quarters, Straight(), mean=1.0, deviation=0.5).tolist() == pytest.approx(
        [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-1.5))]
    )
    wide = VarianceExploding(sigma_min=1e-9, sigma_max=1e9)
    assert log_normal(quarters, wide).log().tolist() == pytest.approx([-1.2, 0.0], abs=1e-9)


def test_transport_pairs_every_row_once_and_at_the_least_cost() -> None:
    x, noise = torch.randn(2, 256, 2, generator=torch.Generator().manual_seed(0))
    order = transport_order(x, noise)
    assert sorted(order.tolist()) == list(range(256))
    cost = (x - noise[order]).square().sum()
    for swap in range(0, 250, 25):
        other = order.clone()
        other[[swap, swap + 5]] = order[[swap + 5, swap]]
        assert cost <= (x - noise[other]).square().sum()
    with pytest.raises(InputError, match="equal numbers"):
        transport_order(x, noise[1:])


def test_transport_leaves_the_noise_of_each_class_as_it_is() -> None:
    """Paired over all classes, class 0 of (−3, 3) would get the lower half of the noise alone."""
    labels = torch.arange(200) % 2
    x = (6.0 * labels - 3)[:, None] + 0.1 * torch.randn(200, 1, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(200, 1, generator=torch.Generator().manual_seed(1))
    across = noise[transport_order(x, noise)]
    assert float(across[labels == 0].max()) < float(across[labels == 1].min())
    within = transport_order(x, noise, labels)
    assert torch.equal(labels[within], labels)
    for label in (0, 1):
        rows = labels == label
        alone = transport_order(x[rows], noise[rows])
        assert torch.equal(noise[within][rows], noise[rows][alone])


def test_transport_straightens_the_flow() -> None:
    """Pairs are closer than independent ones; they look at the whole batch."""
    data = torch.randn(64, 2, generator=torch.Generator().manual_seed(1)).double() + 3
    models = [build(coupling=coupling) for coupling in ("independent", "transport")]
    distances = []
    for model in models:
        x, _, noise = model.noisy(Batch(data), Context(noise=Noise(0)))
        distances.append(float((x - noise).square().sum()))
    assert distances[1] < 0.9 * distances[0]
    assert [model.phases()[0].whole_batch for model in models] == [False, True]


def test_guidance_at_scale_one_is_the_conditional_model_bit_for_bit() -> None:
    labels, x = torch.tensor([0, 1]), torch.randn(2, 2, generator=torch.Generator().manual_seed(0)).double()
    time = torch.tensor([0.3, 0.9], dtype=torch.float64)
    for options in (
        GuidanceOptions(condition_dropout=0.2),
        GuidanceOptions(guide=partial(residual_mlp, width=8, blocks=1)),
        GuidanceOptions(scale=0.0, classifier=partial(mlp, hidden=(8,))),
    ):
        model = build(conditional=True, guidance=options)
        own = model.own_estimate(x, time, labels)
        assert torch.equal(model.estimate(x, time, labels).clean, own.clean)
        model.guidance.scale = 2.5
        assert not torch.equal(model.estimate(x, time, labels).clean, own.clean)


def test_classifier_guidance_of_gaussian_classes_has_the_closed_form() -> None:
    """Classes N(±1, ¼): the score of the mixture plus ∇ log p(y | x_t) is that of the class."""
    path, x = VariancePreserving(), torch.tensor([[0.2], [-0.7]], dtype=torch.float64)
    time = torch.tensor([0.4, 0.4], dtype=torch.float64)
    signal, dirt = (float(number[0]) for number in path.coefficients(time))
    variance = 0.25 * signal**2 + dirt**2
    mean = signal * torch.tensor([-1.0, 1.0], dtype=torch.float64)

    class Posterior(torch.nn.Module):
        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            return -(seen[:, :1] - mean).square() / (2 * variance)

    spec = DataSpec(example=Space(kind="vector", shape=(1,)), condition=class_space("ab"))
    model = build(
        spec, path=VariancePreserving, predicts="noise",
        guidance=GuidanceOptions(scale=1.0, classifier=partial(mlp, hidden=(8,))),
    )  # fmt: skip
    model.guidance.network = Posterior()  # the network's input has unit variance for unit data: c_in is 1
    weights = (-(x - mean).square() / (2 * variance)).softmax(1)
    mixture = (weights * (mean - x) / variance).sum(1, keepdim=True)
    own = path.estimate(mixture, x, time, "score")
    guided = model.guidance.apply_to(own, model, x, time, torch.tensor([1, 0]))
    expected = (mean[[1, 0]][:, None] - x) / variance
    assert torch.allclose(path.score(guided, time), expected, atol=1e-9)


def test_guidance_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(RecipeError, match="needs a weaker model"):
        build(conditional=True, guidance=GuidanceOptions(scale=2.0))
    with pytest.raises(RecipeError, match="a condition"):
        build(guidance=GuidanceOptions(condition_dropout=0.1))
    with pytest.raises(RecipeError, match="choose one of guide and condition_dropout"):
        build(conditional=True, guidance=GuidanceOptions(condition_dropout=0.1, guide=SMALL))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"predicts": "noise", "path": VariancePreserving, "sampler": ddim},
        {"predicts": "residual", "path": partial(VarianceExploding, sigma_max=20.0), "times": log_normal},
        {"predicts": "clean", "sampler": euler},
        {"predicts": "v", "path": VariancePreserving, "times": logit_normal},
    ],
)
def test_learns_two_classes(settings: dict[str, Any]) -> None:
    model = build(conditional=True, sampling_steps=20, **settings)
    data = torch.tensor([[-1.0, 0.5], [1.0, -0.5]]).double().repeat(64, 1)
    labels = torch.tensor([0, 1]).repeat(64)
    train(model, data + 0.05 * torch.randn(128, 2, generator=torch.Generator().manual_seed(2)), labels)
    x = model.sample(100, condition=torch.arange(100) % 2, noise=Noise(0))
    near = (x - data[:100].to(x)).norm(dim=1) < 0.4
    assert float(near.float().mean()) > 0.9


def test_guides_are_trained_for_their_share() -> None:
    for options, name in (
        (
            GuidanceOptions(scale=2.0, guide=partial(residual_mlp, width=8, blocks=1), guide_share=0.5),
            "guide",
        ),
        (GuidanceOptions(scale=2.0, classifier=partial(mlp, hidden=(8,))), "classifier"),
    ):
        model = build(conditional=name == "guide", guidance=options)
        phase = model.phases()[1]
        assert phase.name == name
        assert phase.times(Progress(fraction=0.4)) == 1
        assert phase.times(Progress(fraction=0.6)) == int(name == "classifier")
        batch = Batch(torch.randn(6, 2).double(), torch.tensor([0, 1] * 3))
        loss = sum(phase.loss(batch, Context(noise=Noise(0))).values())
        gradients = torch.autograd.grad(loss, list(phase.updates[name]()), allow_unused=True)
        assert any(g is not None and bool(g.abs().sum() > 0) for g in gradients)
