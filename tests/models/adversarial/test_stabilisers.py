"""What keeps a GAN from failing: packing, clipping, historical averaging, features and batch statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from genus.core.batch import Batch
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context, Progress
from genus.core.registry import components
from tests.models.adversarial.test_gan import IMAGES, SPECS, batch_of, check_losses, make
from tests.tiny import equal, tiny_config, tiny_engine, weights

POINTS = SPECS[4]
MATCHED = {"size": 5, "matching": 0.7}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}{spec.shape}")
def test_packs_stand_side_by_side_in_channels(spec: Any) -> None:
    model = make(spec, packing=3)
    x = batch_of(spec, 8).x
    packs = model.discriminator_input(x, Context(noise=Noise(0)))
    channels, *size = spec.shape
    assert packs.shape == (2, 3 * channels, *size)  # the last two examples fill no pack
    for pack, row in enumerate(packs):
        assert torch.equal(row, torch.cat(list(x[3 * pack : 3 * pack + 3])))
    assert model.discriminator(packs).score.shape == (2,)
    assert all(phase.whole_batch for phase in model.phases())


def test_packs_that_cannot_be_are_refused() -> None:
    with pytest.raises(RecipeError, match="several classes"):
        make(IMAGES, packing=2, conditioning="projection")
    with pytest.raises(RecipeError, match="batches of as many"):
        make(IMAGES, packing=7).discriminator_loss(batch_of(IMAGES, 6), Context(noise=Noise(0)))
    assert make(IMAGES, packing=1, conditioning="projection").packing == 1


@pytest.mark.parametrize(
    ("changes", "least", "why"),
    [
        ({}, 1, ""),
        ({"packing": 3}, 3, "model.packing=3"),
        (
            {"features": {"size": 5, "minibatch_discrimination": 2}},
            2,
            "model.features.minibatch_discrimination",
        ),
        (
            {"features": {"size": 5, "minibatch_deviation": 4}, "packing": 3},
            6,
            "model.features.minibatch_deviation and model.packing=3",
        ),
        ({"generator": {"name": "mlp", "norm": "batch"}}, 2, "batch normalisation of vectors"),
        ({"generator": {"name": "mlp", "norm": "batch"}, "packing": 3}, 3, "model.packing=3"),
        (
            {"discriminator": {"name": "mlp", "norm": "batch"}, "packing": 3},
            6,
            "batch normalisation of vectors and model.packing=3",
        ),
        ({"generator": {"name": "dcgan", "width": 4, "norm": "batch"}}, 1, ""),
        ({"generator": {"name": "mlp", "norm": "layer"}}, 1, ""),
    ],
)
def test_a_gan_says_how_few_examples_it_learns_from(changes: dict[str, Any], least: int, why: str) -> None:
    """It does with as many, and where layers fail for want of others not with one less."""
    model = make(IMAGES, **changes)
    needed = model.minimum_batch()
    assert needed.examples == least
    assert least == 1 or needed.why == why
    for phase in model.phases():
        total = sum(phase.loss(batch_of(IMAGES, least), Context(noise=Noise(0))).values())
        assert torch.isfinite(total)
    if "minibatch" not in why and least > 1:
        with pytest.raises((RecipeError, ValueError), match=r"as many examples|more than 1 value"):
            model.discriminator_loss(batch_of(IMAGES, least - 1), Context(noise=Noise(0)))


@pytest.mark.parametrize("batch", [7, 8])
def test_a_batch_too_small_for_a_pack_is_refused_before_training(batch: int, tmp_path: Path) -> None:
    """Of digits8, 1,437 are to train on: batches of 8 are of 7 or 8."""
    config = tiny_config("dcgan", batch=batch)
    config["model"].update(conditioning=None, packing=8)
    with pytest.raises(RecipeError, match=rf"train\.batch={batch} gives batches of .*model\.packing=8"):
        tiny_engine(config, tmp_path / "run")


def test_weights_are_clipped_after_each_update(tmp_path: Path) -> None:
    config = tiny_config("wgan", length=2)
    config["model"]["regularisation"].update(weight_clip=0.005)
    model: Any = tiny_engine(config, tmp_path / "run").model
    assert max(p.abs().max() for p in model.discriminator.parameters()) > 0.005
    engine = tiny_engine(config, tmp_path / "other")
    engine.fit()
    model = engine.model
    assert all(p.abs().max() <= 0.005 for p in model.discriminator.parameters())
    assert max(p.abs().max() for p in model.generator.parameters()) > 0.005


def test_historical_averaging_is_the_distance_to_the_mean_of_the_past() -> None:
    model = make(POINTS, regularisation={"historical_averaging": 0.3})
    parameters = list(model.generator.parameters())
    assert model.generator_loss(batch_of(POINTS), Context(noise=Noise(0)))["history"].item() == 0
    past: list[list[torch.Tensor]] = []
    for step in range(3):
        with torch.no_grad():
            for parameter in parameters:
                parameter.add_(0.1 * (step + 1))
        model.after_generator({})
        past.append([p.detach().clone() for p in parameters])
    by_hand = 0.3 * sum(
        (p - torch.stack([then[i] for then in past]).mean(0)).square().sum().item()
        for i, p in enumerate(parameters)
    )
    terms = model.generator_loss(batch_of(POINTS), Context(noise=Noise(0)))
    assert terms["history"].item() == pytest.approx(by_hand, rel=1e-5)
    (slope,) = torch.autograd.grad(terms["history"], parameters[0])
    mean = torch.stack([then[0] for then in past]).mean(0)
    torch.testing.assert_close(slope, 0.6 * (parameters[0] - mean).detach(), rtol=1e-4, atol=1e-6)
    assert model.discriminator_loss(batch_of(POINTS), Context(noise=Noise(0)))["history"].item() == 0
    other = make(POINTS, regularisation={"historical_averaging": 0.3})
    other.load_state_dict(model.state_dict())
    again = other.generator_loss(batch_of(POINTS), Context(noise=Noise(0)))["history"]
    assert again.item() == pytest.approx(by_hand, rel=1e-5)


def test_feature_matching_by_hand() -> None:
    model = make(POINTS, features=MATCHED, objective="non-saturating").eval()
    batch = batch_of(POINTS)
    terms = model.generator_loss(batch, Context(noise=Noise(0)))
    fake = model.generate(Noise(0).normal(6, 4), None, Noise(0))
    network = model.discriminator.network
    of_real, of_fake = (torch.nn.functional.leaky_relu(network(x), 0.2).mean(0) for x in (batch.x, fake))
    by_hand = 0.7 * sum((a - b) ** 2 for a, b in zip(of_real.tolist(), of_fake.tolist(), strict=True))
    assert terms["features"].item() == pytest.approx(by_hand, rel=1e-5)
    assert all(phase.whole_batch for phase in model.phases())
    with pytest.raises(RecipeError, match=r"set model\.features\.size"):
        make(POINTS, features={"matching": 0.7})
    alone = make(POINTS, features=MATCHED, objective_weight=0).eval()
    alone.load_state_dict(model.state_dict())
    (name, distance), *rest = alone.generator_loss(batch, Context(noise=Noise(0))).items()
    assert (name, rest) == ("features", [])
    torch.testing.assert_close(distance, terms["features"])
    half = make(POINTS, features=MATCHED, objective_weight=0.5, objective="non-saturating").eval()
    half.load_state_dict(model.state_dict())
    halved = half.generator_loss(batch, Context(noise=Noise(0)))["loss"]
    assert halved.item() == pytest.approx(terms["loss"].item() / 2)
    with pytest.raises(RecipeError, match="nothing to learn from"):
        make(POINTS, features={"size": 5}, objective_weight=0)
    with pytest.raises(RecipeError, match=r"model\.conditioning\.features"):
        make(IMAGES, features={"size": 8}, conditioning="projection")


def test_unrolled_gans_match_features_and_need_whole_batches_for_it() -> None:
    changes: dict[str, Any] = {"name": "unrolled-gan", "features": MATCHED, "unroll": 0}
    model = make(POINTS, **changes)
    plain = make(POINTS, features=MATCHED)
    plain.load_state_dict(model.state_dict())
    found, expected = (m.generator_loss(batch_of(POINTS), Context(noise=Noise(0))) for m in (model, plain))
    assert found.keys() == expected.keys()
    for name in found:
        assert found[name].item() == pytest.approx(expected[name].item(), rel=1e-5)
    assert [p.whole_batch for p in model.phases()] == [True, True]
    assert [p.whole_batch for p in make(POINTS, name="unrolled-gan", unroll=0).phases()] == [False, False]


@pytest.mark.parametrize("conditioning", sorted(set(components("conditioning")) - {"image-to-image"}))
def test_features_are_looked_at_whatever_the_conditioning(conditioning: str) -> None:
    """What looks at features does, whether they are the conditioning's or the model's."""
    own = conditioning in {"projection", "auxiliary", "information", "k-plus-one", "style-ambiguity"}
    changes: dict[str, Any] = {"conditioning": conditioning, "objective": "non-saturating"}
    if conditioning == "one-hot":
        changes["discriminator"] = {"name": "mlp", "hidden": [8]}
    looking: dict[str, Any] = {"matching": 0.7, "minibatch_discrimination": 4, "minibatch_deviation": 3}
    if not own:
        for option, value in looking.items():
            with pytest.raises(RecipeError, match=f"{option} looks at features"):
                make(IMAGES, **changes, features={option: value})
        looking["size"] = 6
    torch.manual_seed(0)
    model = make(IMAGES, **changes, features=looking).eval()
    check_losses(model, IMAGES)
    x, condition = batch_of(IMAGES).x, model.conditioning.condition_of(batch_of(IMAGES), Noise(0))
    first = torch.zeros(6, dtype=torch.int64)
    alone = model.discriminator(x[first], None if condition is None else condition[first])
    among = model.discriminator(x, condition)
    torch.testing.assert_close(alone.features[0], among.features[0], atol=1e-5, rtol=1e-4)
    assert (alone.score[0] - among.score[0]).abs() > 1e-5


def test_a_crowd_of_equal_examples_is_noticed() -> None:
    """The same example scores otherwise among its equals than among others."""
    torch.manual_seed(0)
    model = make(POINTS, features={"size": 6, "minibatch_discrimination": 4}).eval()
    varied = batch_of(POINTS, 8).x * 4
    collapsed = varied[:1].expand(8, -1)
    alone, batch_statistics = model.discriminator(varied), model.discriminator(collapsed)
    assert torch.allclose(alone.features[0], batch_statistics.features[0], atol=1e-6)  # φ(x) is its own
    assert not torch.allclose(alone.score[0], batch_statistics.score[0], atol=1e-4)
    near = model.discriminator.head.batch_statistics(batch_statistics.features)[:, 6:]
    torch.testing.assert_close(near, torch.full_like(near, 8.0))  # Σ_j exp(−0)
    apart = model.discriminator.head.batch_statistics(alone.features)[:, 6:]
    assert apart.max() < 8
    assert all(phase.whole_batch for phase in model.phases())
    with pytest.raises(RecipeError, match="looks at features"):
        make(POINTS, features={"minibatch_discrimination": 4})


def test_a_group_of_equal_examples_has_no_deviation() -> None:
    """Beside φ(x) stands the mean over features of √(Var + 1e-8) within its group."""
    torch.manual_seed(0)
    model = make(POINTS, features={"size": 6, "minibatch_deviation": 8}).eval()
    varied = batch_of(POINTS, 8).x * 4
    phi = model.discriminator(varied).features
    seen = model.discriminator.head.batch_statistics(phi)
    assert seen.shape == (8, 7)
    expected = (phi.var(0, correction=0) + 1e-8).sqrt().mean()
    torch.testing.assert_close(seen[:, 6], expected.expand(8), rtol=1e-5, atol=0)
    equal = model.discriminator(varied[:1].expand(8, -1)).features
    assert model.discriminator.head.batch_statistics(equal)[:, 6].max() < 2e-4
    assert all(phase.whole_batch for phase in model.phases())
    with pytest.raises(RecipeError, match="at least 2"):
        make(POINTS, features={"size": 6, "minibatch_deviation": 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"features": {"size": 6, "minibatch_discrimination": 3}},
        {"features": {"size": 6, "minibatch_deviation": 2}},
        {"regularisation": {"historical_averaging": 0.5}},
        {"features": {"size": 6, "matching": 2.0}},
        {"objective_weight": 0.5},
        {"packing": 2},
        {"regularisation": {"weight_clip": 0.05}},
        {"features": {"size": 9}},
        {"discriminator_steps": 2},
        {"regularisation": {"generator": ["orthogonal-full"]}},
        {"regularisation": {"discriminator": ["orthogonal"]}},
        {"augmentation": {"transforms": "instance-noise"}},
        {
            "augmentation": {
                "transforms": "instance-noise",
                "schedule": {"name": "constant", "strength": 0.5},
            },
        },
        {"discriminator_schedule": {"name": "early", "first": 1, "steps": 2}},
    ],
    ids=str,
)
def test_every_option_changes_training(changes: dict[str, Any], tmp_path: Path) -> None:
    def trained(model: dict[str, Any], folder: str) -> dict[str, torch.Tensor]:
        config = tiny_config("vanilla-gan", length=3, ema=None)
        config["data"] = {"name": "ring", "n": 200}
        mlp = {"name": "mlp", "hidden": [8]}
        config["model"] = {
            "name": "gan", "generator": mlp, "discriminator": mlp, "objective": "hinge",
            "features": {"size": 6}, **model,
        }  # fmt: skip
        engine = tiny_engine(config, tmp_path / folder)
        engine.fit()
        return {k: v for k, v in weights(engine.model).items() if k.startswith("generator")}

    assert equal(trained({}, "one"), trained({}, "two"))
    assert not equal(trained({}, "base"), trained(changes, "changed"))


def test_clipping_and_memory_happen_in_their_own_updates_only() -> None:
    model = make(POINTS, regularisation={"weight_clip": 0.01, "historical_averaging": 0.1})
    before = [p.clone() for p in model.generator.parameters()]
    model.after_discriminator({})
    assert all(torch.equal(a, b) for a, b in zip(before, model.generator.parameters(), strict=True))
    assert model.discriminator_weights.history.count == 1
    assert model.generator_weights.history.count == 0
    clipped = Batch(batch_of(POINTS).x)
    terms = model.discriminator_loss(clipped, Context(noise=Noise(0), progress=Progress()))
    assert terms["history"].item() == pytest.approx(0, abs=1e-9)  # remembered as they were clipped
