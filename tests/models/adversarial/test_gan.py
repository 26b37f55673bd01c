"""GANs: composition, identities, the look-ahead of unrolling, the balance of BEGAN."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from genus.core.batch import Batch
from genus.core.binder import bind, build, resolve
from genus.core.components import Readout
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.registry import components
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.adversarial.auxiliary_heads import Auxiliary
from genus.models.adversarial.discriminator_terms import log_scores
from genus.models.adversarial.score_border import border_of
from tests.tiny import random_conditions

IMAGES = DataSpec(
    example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0), levels=256),
    condition=class_space(("a", "b", "c")),
)
SPECS = [
    IMAGES,
    DataSpec(
        example=Space(kind="image", shape=(3, 9, 14), range=(0.0, 1.0), levels=256),
        condition=class_space(("a", "b")),
    ),
    DataSpec(example=Space(kind="sequence", shape=(2, 16), range=(-1.0, 1.0))),
    DataSpec(example=Space(kind="volume", shape=(1, 8, 9, 10), range=(0.0, 1.0))),
    DataSpec(example=Space(kind="vector", shape=(2,))),
]


def make(spec: DataSpec, **changes: Any) -> Any:
    network: dict[str, Any] = {"name": "dcgan", "width": 4, "norm": "layer"}
    if spec.kind == "vector":
        network = {"name": "mlp", "hidden": [16]}
    config = {
        "name": "gan", "generator": network, "discriminator": network, "objective": "hinge",
        "latent": 4, **changes,
    }  # fmt: skip
    return build("model", resolve("model", config, "model"), spec)


def batch_of(spec: DataSpec, n: int = 6) -> Batch:
    drawn = torch.Generator().manual_seed(0)
    x = torch.rand(n, *spec.shape, generator=drawn)
    return Batch(x, None if spec.condition is None else random_conditions(spec.condition, n))


def check_losses(model: Any, spec: DataSpec) -> None:
    """Every phase has a finite loss with a gradient in its own parameters."""
    for phase in model.phases():
        assert phase.loss is not None
        terms = phase.loss(batch_of(spec), Context(noise=Noise(0)))
        total = sum(terms.values())
        assert torch.isfinite(total)  # type: ignore[arg-type]
        parameters = [p for group in phase.updates.values() for p in group()]
        grads = torch.autograd.grad(total, parameters, allow_unused=True)
        assert any(g is not None and g.abs().sum() > 0 for g in grads)


def penalties_for(spec: DataSpec) -> list[str]:
    """Consistency compares augmented examples, and vectors have no places to move."""
    return [p for p in components("penalty") if not (spec.kind == "vector" and "consistency" in p)]


def name_of(spec: DataSpec) -> str:
    return f"{spec.kind}{spec.shape}"


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
@pytest.mark.parametrize("objective", sorted(components("objective")))
def test_every_objective_composes_with_every_penalty(spec: DataSpec, objective: str) -> None:
    for penalty in penalties_for(spec):
        check_losses(make(spec, objective=objective, penalties=[penalty]), spec)


@pytest.mark.parametrize("conditioning", sorted(components("conditioning")))
@pytest.mark.parametrize("objective", ["hinge", "relativistic-hinge"])
def test_every_conditioning_composes_with_penalties_and_augmentation(
    conditioning: str, objective: str
) -> None:
    for spec in SPECS[:2]:
        changes: dict[str, Any] = {
            "penalties": ["r1", "consistency"],
            "augmentation": {"transforms": "diffaugment"},
        }
        if conditioning == "one-hot":
            changes["discriminator"] = {"name": "mlp", "hidden": [8]}  # it sees flat examples
            changes["penalties"] = ["r1"]
        if conditioning == "image-to-image":  # no class, and augmentation would move the example alone
            spec = replace(spec, condition=spec.example)
            changes |= {"augmentation": {}, "generator": {"name": "unet", "width": 8, "multipliers": [1]}}
        check_losses(make(spec, objective=objective, conditioning=conditioning, **changes), spec)


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_every_stabiliser_composes(spec: DataSpec) -> None:
    for name in components("augmentation"):
        if spec.kind == "vector" and name != "instance-noise":
            with pytest.raises(RecipeError, match="places"):
                check_losses(make(spec, augmentation={"transforms": name}), spec)
            continue
        for schedule in (None, *components("augmentation_schedule")):
            augmentation = {"transforms": name, "schedule": schedule}
            check_losses(make(spec, augmentation=augmentation, penalties=["r1"]), spec)
    check_losses(make(spec, packing=2, penalties=["gradient-penalty"]), spec)
    check_losses(make(spec, features={"size": 8, "matching": 1.0}), spec)
    terms = list(components("regulariser"))
    regularisation = {"generator": terms, "discriminator": terms, "historical_averaging": 0.1}
    check_losses(make(spec, regularisation=regularisation), spec)


@pytest.mark.parametrize("conditioning", sorted(set(components("conditioning")) - {"information"}))
def test_conditioning_is_refused_without_classes(conditioning: str) -> None:
    with pytest.raises(RecipeError, match="needs classes"):
        make(SPECS[3], conditioning=conditioning)


@pytest.mark.parametrize("conditioning", ["auxiliary", "concatenation", "embedding", "one-hot", "projection"])
def test_the_class_reaches_generator_and_discriminator(conditioning: str) -> None:
    flat = {"name": "mlp", "hidden": [8]}  # any conditioning can read it
    model = make(IMAGES, conditioning=conditioning, discriminator=flat).eval()
    x, z = batch_of(IMAGES).x, Noise(0).normal(6, 4)
    a, b = torch.zeros(6, dtype=torch.long), torch.ones(6, dtype=torch.long)
    noise = Noise(0)
    assert not torch.allclose(model.generator(z, a, noise), model.generator(z, b, noise))
    if not isinstance(model.conditioning, Auxiliary):  # it names the class and has none as input
        assert not torch.allclose(model.discriminator(x, a).score, model.discriminator(x, b).score)


def test_lazy_penalties_are_rarer_and_stronger() -> None:
    from genus.core.phase import Progress

    lazy = make(IMAGES, penalties=["r1"], penalty_every=4)
    every = make(IMAGES, penalties=["r1"])
    every.load_state_dict(lazy.state_dict())
    first = lazy.discriminator_loss(batch_of(IMAGES), Context(noise=Noise(0)))
    plain = every.discriminator_loss(batch_of(IMAGES), Context(noise=Noise(0)))
    assert first["penalty 0"].item() == pytest.approx(4 * plain["penalty 0"].item(), rel=1e-5)
    later = Context(noise=Noise(0), progress=Progress(stage_iteration=1))
    assert "penalty 0" not in lazy.discriminator_loss(batch_of(IMAGES), later)


def test_generator_loss_looks_at_real_scores_only_if_the_objective_does() -> None:
    calls = []
    model = make(IMAGES, objective="non-saturating")
    model.discriminator.register_forward_hook(lambda *_: calls.append(1))
    model.generator_loss(batch_of(IMAGES), Context(noise=Noise(0)))
    assert len(calls) == 1


@pytest.mark.parametrize(
    "changes", [{"penalties": ["r1", "gradient-penalty"]}, {"regularisation": {"weight_clip": 0.5}}]
)
def test_penalties_and_bounds_are_looked_ahead(changes: dict[str, Any]) -> None:
    """Finite differences: let the discriminator take its own step for this generator, then score."""
    torch.set_default_dtype(torch.float64)
    try:
        mlp = {"name": "mlp", "hidden": [5], "activation": "tanh"}
        model = make(
            SPECS[4], name="unrolled-gan", generator=mlp, discriminator=mlp, objective="wasserstein",
            unroll=1, unroll_rate=0.3, **changes,
        )  # fmt: skip
        batch = Batch(batch_of(SPECS[4]).x.double())
        score, start = model.discriminator, copy.deepcopy(model.discriminator.state_dict())

        def by_hand() -> float:
            noise = Noise(0)
            fake = model.generate(noise.normal(len(batch), 4), None, noise).detach()
            loss = score(fake).score.mean() - score(batch.x).score.mean()
            for penalty in model.penalties:
                loss = loss + penalty(lambda x: score(x).score, batch.x, fake, noise)
            weights = list(score.parameters())
            for p, g in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                p.data -= 0.3 * g
                if model.regularisation.weight_clip is not None:
                    p.data.clamp_(-model.regularisation.weight_clip, model.regularisation.weight_clip)
            value = -score(fake).score.mean().item()
            score.load_state_dict(start)
            return value

        loss = model.generator_loss(batch, Context(noise=Noise(0)))["loss"]
        (weight, *_) = model.generator.parameters()
        (slope,) = torch.autograd.grad(loss, weight)
        assert loss.item() == pytest.approx(by_hand(), rel=1e-5)
        for place in ((0, 0), (3, 2)):
            values = []
            for step in (1e-3, -1e-3):
                weight.data[place] += step
                values.append(by_hand())
                weight.data[place] -= step
            assert slope[place].item() == pytest.approx((values[0] - values[1]) / 2e-3, abs=2e-4)
    finally:
        torch.set_default_dtype(torch.float32)


def test_looking_ahead_leaves_running_statistics_alone() -> None:
    network = {"name": "dcgan", "width": 4, "norm": "batch"}
    model = make(SPECS[2], name="unrolled-gan", unroll=2, discriminator=network, unroll_rate=0.1)
    before = copy.deepcopy(dict(model.discriminator.named_buffers()))
    assert before
    model.generator_loss(batch_of(SPECS[2]), Context(noise=Noise(0)))
    assert all(torch.equal(before[name], buffer) for name, buffer in model.discriminator.named_buffers())


@pytest.mark.parametrize(
    "networks",
    [
        {"generator": {"name": "dcgan", "width": 4}, "discriminator": {"name": "progan", "width": 4}},
        {
            "generator": {"name": "fastgan", "width": 4},
            "discriminator": {"name": "fastgan-discriminator", "width": 4},
        },
    ],
    ids=["progan", "fastgan"],
)
def test_looking_ahead_passes_over_weights_that_the_score_does_not_use(networks: dict[str, Any]) -> None:
    """A growing network's layers of other sizes; what FastGAN's self-supervised task decodes with."""
    model = make(IMAGES, name="unrolled-gan", unroll=2, unroll_rate=0.1, **networks)
    x = batch_of(IMAGES).x
    score = model.discriminator(x, None).score.sum()
    slopes = torch.autograd.grad(score, list(model.discriminator.parameters()), allow_unused=True)
    assert any(slope is None for slope in slopes)
    check_losses(model, IMAGES)


def test_slopes_under_batch_norm_are_refused() -> None:
    network = {"name": "dcgan", "width": 4, "norm": "batch"}
    for penalty in ("r1", "gradient-penalty", "dragan"):
        with pytest.raises(RecipeError, match="norm=layer"):
            make(SPECS[2], discriminator=network, penalties=["drift", penalty])
    make(SPECS[2], discriminator=network, penalties=["drift", "consistency"])
    make(SPECS[2], generator=network, penalties=["r1"])


@pytest.mark.parametrize(
    "changes",
    [
        {"discriminator_schedule": "freeze"},
        {"augmentation": {"transforms": "diffaugment", "schedule": "adaptive"}},
    ],
)
def test_counting_who_is_right_needs_a_border(changes: dict[str, Any]) -> None:
    for objective in ("wasserstein", "relativistic", "relativistic-hinge", "softmax", "energy-margin"):
        with pytest.raises(RecipeError, match=r"no border.*no one score is best"):
            make(IMAGES, objective=objective, **changes)
    divergences = ("kl", "reverse-kl", "chi-squared", "hellinger", "total-variation", "jensen-shannon")
    for objective in (
        *("minimax", "non-saturating", "hinge", "least-squares", "absolute-error"),
        *({"name": "f-gan", "divergence": divergence} for divergence in divergences),
    ):
        make(IMAGES, objective=objective, **changes)
    make(IMAGES, objective="wasserstein", discriminator_schedule="early")


def test_augmentations_are_applied_one_after_the_other() -> None:
    noisy, moved = {"name": "instance-noise", "std": 0.3}, {"name": "diffaugment", "policy": ["translation"]}
    x = batch_of(IMAGES).x
    both = make(IMAGES, augmentation={"transforms": [noisy, moved]})
    found = both.discriminator_input(x, Context(noise=Noise(0)))
    noise, full = Noise(0), torch.ones(())
    for config in (noisy, moved):
        x = bind("augmentation", resolve("augmentation", config, "augmentation"))(x, noise, full)
    assert torch.equal(found, x)
    one = make(IMAGES, augmentation={"transforms": moved})
    assert len(one.discriminator_input.transforms) == 1


def test_unrolling_is_the_gradient_through_the_discriminators_steps() -> None:
    """Finite differences of: step the discriminator K times for this generator, then score."""
    torch.set_default_dtype(torch.float64)
    try:
        spec = SPECS[4]
        mlp = {"name": "mlp", "hidden": [5], "activation": "tanh"}
        model = make(
            spec, name="unrolled-gan", generator=mlp, discriminator=mlp, objective="minimax", unroll=2,
            unroll_rate=0.3,
        )  # fmt: skip
        batch = Batch(batch_of(spec).x.double())

        def loss() -> torch.Tensor:
            return model.generator_loss(batch, Context(noise=Noise(0)))["loss"]

        def by_hand() -> float:
            scores = torch.nn.Sequential(*list(model.discriminator.network))
            start = {k: v.clone() for k, v in model.discriminator.state_dict().items()}
            fake = model.generate(Noise(0).normal(len(batch), 4), None, Noise(0)).detach()
            for _ in range(2):
                players = model.objective(scores(batch.x).squeeze(1), scores(fake).squeeze(1))
                parameters = list(model.discriminator.parameters())
                for p, g in zip(
                    parameters, torch.autograd.grad(players.discriminator, parameters), strict=True
                ):
                    p.data -= 0.3 * g
            value = model.objective(scores(batch.x).squeeze(1), scores(fake).squeeze(1)).generator.item()
            model.discriminator.load_state_dict(start)
            return value

        assert loss().item() == pytest.approx(by_hand(), abs=1e-6)
        weight = next(model.generator.parameters())
        (slope,) = torch.autograd.grad(loss(), weight)
        for index in [(0, 0), (3, 2)]:
            h = 1e-3
            weight.data[index] += h
            above = by_hand()
            weight.data[index] -= 2 * h
            below = by_hand()
            weight.data[index] += h
            assert slope[index].item() == pytest.approx((above - below) / (2 * h), abs=2e-4)
    finally:
        torch.set_default_dtype(torch.float32)


def test_began_balance_follows_its_rule_and_stays_in_bounds() -> None:
    config = {
        "name": "began", "generator": {"name": "dcgan", "width": 4}, "encoder": {"name": "dcgan", "width": 4},
        "decoder": {"name": "dcgan", "width": 4}, "latent": 4, "diversity": 0.5, "balance_rate": 0.1,
    }  # fmt: skip
    model = build("model", resolve("model", config, "model"), IMAGES)
    model.after_discriminator({"real": 1.0, "fake": 0.2})
    assert model.balance.item() == pytest.approx(0.1 * (0.5 - 0.2))
    model.after_discriminator({"real": 0.0, "fake": 5.0})
    assert model.balance.item() == 0
    model.balance.fill_(0.5)
    context = Context(noise=Noise(0))
    terms = model.discriminator_loss(batch_of(IMAGES), context)
    seen = context.observed
    assert terms["loss"].item() == pytest.approx((seen["real"] - 0.5 * seen["fake"]).item(), rel=1e-5)
    gap = abs(0.5 * seen["real"] - seen["fake"])
    assert seen["convergence"].item() == pytest.approx((seen["real"] + gap).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("objective", "border"),
    [
        ({"name": "non-saturating"}, 0.0),
        ({"name": "non-saturating", "smoothing": 0.1}, math.log(0.45 / 0.55)),
        ({"name": "least-squares"}, 0.5),
        ({"name": "least-squares", "smoothing": 0.1}, 0.45),
        ({"name": "hinge"}, 0.0),
        ({"name": "absolute-error"}, 0.0),
        ({"name": "f-gan", "divergence": "total-variation"}, 0.0),
        ({"name": "f-gan", "divergence": "kl"}, 1.0),
        ({"name": "wasserstein"}, 0.0),
        ({"name": "relativistic"}, 0.0),
    ],
)
def test_a_discriminator_that_cannot_tell_scores_at_the_border(
    objective: dict[str, Any], border: float
) -> None:
    """The least of the loss on equal scores, by hand: σ(s) = (1 − α)/2, s = (1 − α)/2."""
    built = bind("objective", resolve("objective", objective, "objective"))
    assert border_of(built) == pytest.approx(border, abs=1e-7)


def test_being_right_is_told_at_the_border() -> None:
    """With smoothed labels a score of −0.1 calls an example real, one of −0.3 generated."""
    real, fake = Readout(torch.tensor([-0.1, 0.4, -0.3])), Readout(torch.tensor([-0.3, -0.1]))
    ctx = Context(noise=Noise(0))
    log_scores(ctx, real, fake, math.log(0.45 / 0.55))
    assert ctx.observed["real right"].item() == pytest.approx(2 / 3)
    assert ctx.observed["fake right"].item() == 0.5
