"""Conditions that are read out: classes, codes and styles, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.codes import chosen_codes
from genus.core.components import Readout
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.models.adversarial.auxiliary_heads import Auxiliary, KPlusOne, StyleAmbiguity, style_ambiguity
from genus.models.adversarial.generator_discriminator import ClassScore
from genus.models.adversarial.information import Information
from genus.sampling.draw import draw
from tests.models.adversarial.test_gan import IMAGES, SPECS, batch_of, check_losses, make
from tests.models.adversarial.test_laplacian import LABELLED, pyramid_gan
from tests.models.adversarial.test_style import style_gan

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
OTHERS = torch.tensor([[0.0, 1.0, 0.0], [4.0, 0.0, 0.0]])


def readout(logits: Tensor) -> Readout:
    return Readout(torch.zeros(len(logits)), None, logits)


def cross_entropy(logits: list[float], label: int) -> float:
    return math.log(sum(math.exp(v) for v in logits)) - logits[label]


def mean_cross_entropy(logits: Tensor, labels: list[int]) -> float:
    pairs = zip(logits.tolist(), labels, strict=True)
    return sum(cross_entropy(row, label) for row, label in pairs) / len(labels)


def test_auxiliary_classifier_by_hand() -> None:
    conditions = Auxiliary(IMAGES, weight=2.0)
    condition, x = torch.tensor([0, 2]), batch_of(IMAGES, 2).x
    terms = conditions.discriminator_terms(
        Batch(x, condition), x, readout(LOGITS), readout(OTHERS), condition
    )
    assert terms["class of real"].item() == pytest.approx(2 * mean_cross_entropy(LOGITS, [0, 2]), rel=1e-6)
    assert terms["class of fake"].item() == pytest.approx(2 * mean_cross_entropy(OTHERS, [0, 2]), rel=1e-6)
    (term,) = conditions.generator_terms(Batch(x, condition), x, readout(OTHERS), condition).values()
    assert term.item() == pytest.approx(2 * mean_cross_entropy(OTHERS, [0, 2]), rel=1e-6)


def test_information_by_hand() -> None:
    conditions = Information(IMAGES, categories=2, continuous=2, weight=3.0, continuous_weight=0.5)
    codes = torch.tensor([[0.0, 1.0, 0.25, -0.5]])
    # logits of both categories, two means, two logarithms of standard deviations
    said = torch.tensor([[0.3, -0.7, 0.05, 0.1, math.log(0.2), math.log(2.0)]])
    terms = conditions.information_terms(readout(said), codes)
    assert terms["category"].item() == pytest.approx(3 * cross_entropy([0.3, -0.7], 1), rel=1e-6)
    normal = sum(
        -math.log(math.exp(-((c - m) ** 2) / (2 * s * s)) / math.sqrt(2 * math.pi * s * s))
        for c, m, s in [(0.25, 0.05, 0.2), (-0.5, 0.1, 2.0)]
    )
    assert terms["continuous codes"].item() == pytest.approx(0.5 * normal, rel=1e-5)
    batch, of = batch_of(IMAGES), readout(said)
    both = (conditions.discriminator_terms(batch, batch.x, of, of, codes),
            conditions.generator_terms(batch, batch.x, of, codes))  # fmt: skip
    assert all({k: v.item() for k, v in t.items()} == {k: v.item() for k, v in terms.items()} for t in both)


def test_several_categories_are_a_term_each_by_hand() -> None:
    conditions = Information(IMAGES, categories=[2, 3], continuous=1, weight=3.0)
    assert [code.name for code in conditions.codes.columns] == ["category1", "category2", "code1"]
    codes = torch.tensor([[0.0, 1.0, 1.0, 0.0, 0.0, 0.25]])
    said = torch.tensor([[0.3, -0.7, 1.0, -2.0, 0.5, 0.05, math.log(0.2)]])
    terms = conditions.information_terms(readout(said), codes)
    normal = math.log(0.2) + math.log(2 * math.pi) / 2 + (0.2 / 0.2) ** 2 / 2
    expected = {
        "category1": 3 * cross_entropy([0.3, -0.7], 1),
        "category2": 3 * cross_entropy([1.0, -2.0, 0.5], 0),
        "continuous codes": 0.1 * normal,
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-5)
    drawn = conditions.draw(3000, Noise(0))
    pairs = drawn[:, :2].argmax(1) * 3 + drawn[:, 2:5].argmax(1)
    shares = torch.bincount(pairs, minlength=6) / 3000
    assert (shares - 1 / 6).abs().max() < 4 * math.sqrt(5 / 36 / 3000)  # independent of each other
    assert torch.equal(drawn[:, :5].sum(1), torch.full((3000,), 2.0))


def test_codes_may_be_numbers_alone_but_not_of_a_model_that_groups() -> None:
    numbers = {"name": "information", "categories": [], "continuous": 2, "features": 8}
    model = make(IMAGES, conditioning=numbers)
    assert [code.name for code in model.codes.columns] == ["code1", "code2"]
    assert model.conditioning.draw(4, Noise(0)).shape == (4, 2)
    check_losses(model, IMAGES)
    with pytest.raises(RecipeError, match="'infogan' sorts examples"):
        make(IMAGES, name="infogan", conditioning=numbers)
    with pytest.raises(RecipeError, match="needs codes"):
        make(IMAGES, conditioning={**numbers, "continuous": 0})
    with pytest.raises(RecipeError, match="at least two categories"):
        Information(IMAGES, categories=[10, 1])


def test_groups_are_the_first_category_and_a_view_keeps_all_of_them() -> None:
    information = {"name": "information", "features": 8, "categories": [3, 4], "continuous": 1}
    model = make(IMAGES, name="infogan", conditioning=information, view=["stroke"]).eval()
    check_losses(model, IMAGES)
    model.view = [lambda x, noise, strength: x.flip(-1)]
    fake = Noise(0).normal(4, *IMAGES.shape)
    plain = model.discriminator(fake, None).logits
    mirrored = model.discriminator(fake.flip(-1), None).logits
    seen = model.readout_of_fake(fake, None, Context(noise=Noise(2))).logits
    torch.testing.assert_close(seen, torch.cat([mirrored[:, :7], plain[:, 7:]], 1))
    x = batch_of(IMAGES, 2).x
    groups = model.clusters(x)
    assert groups.shape == (2, 3)
    torch.testing.assert_close(groups, model.discriminator(model.scaling.inward(x), None).logits[:, :3])


@pytest.mark.parametrize("kind", ["gan", "style", "pyramid"])
def test_a_chosen_code_reaches_the_sample_and_nothing_else_changes(kind: str) -> None:
    """Choosing what is drawn anyway changes nothing, whatever else is random; choosing another does."""
    conditioning = {"name": "information", "features": 8, "categories": [3, 2], "continuous": 1}
    torch.manual_seed(0)
    model: Any = {
        "gan": lambda: make(IMAGES, conditioning=conditioning),
        "style": lambda: style_gan(conditioning=conditioning),
        "pyramid": lambda: pyramid_gan(LABELLED, conditioning=conditioning),
    }[kind]()
    model.eval()
    assert not model.conditional
    seen: list[Tensor] = []
    generator = model.coarse_generator if kind == "pyramid" else model.generator
    generator.embed.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    free = draw(model, 4, seed=5)
    drawn = seen[-1].clone()
    torch.testing.assert_close(draw(model, 4, seed=5, condition=drawn), free, rtol=0, atol=0)
    one = drawn.clone()
    one[:, 3:] = math.nan
    torch.testing.assert_close(draw(model, 4, seed=5, condition=one), free, rtol=0, atol=0)
    asked = chosen_codes(model.codes, {"category2": 1, "code1": 0.75}, 4)
    changed = draw(model, 4, seed=5, condition=asked)
    assert torch.equal(seen[-1], torch.cat([drawn[:, :3], asked[:, 3:]], 1))
    torch.testing.assert_close(draw(model, 4, seed=5, condition=asked, batch=1), changed)
    assert (changed - free).abs().flatten(1).amax(1).min() > 1e-4


def test_codes_have_their_distribution() -> None:
    n = 6000
    codes = Information(IMAGES, categories=5, continuous=3).draw(n, Noise(0))
    category, numbers = codes[:, :5], codes[:, 5:]
    assert torch.equal(category.sum(1), torch.ones(n))
    assert set(category.unique().tolist()) == {0.0, 1.0}
    assert (category.mean(0) - 0.2).abs().max() < 4 * math.sqrt(0.16 / n)
    assert -1 <= numbers.min() < -0.99
    assert 0.99 < numbers.max() < 1
    assert numbers.mean(0).abs().max() < 4 / math.sqrt(3 * n)
    assert (numbers.var(0) - 1 / 3).abs().max() < 0.02
    assert (torch.corrcoef(codes[:, 4:].T) - torch.eye(4)).abs().max() < 0.06
    assert Information(IMAGES, continuous=0).draw(3, Noise(0)).shape == (3, 10)


def test_the_bound_of_the_information_of_a_category_reaches_its_entropy_and_no_more() -> None:
    """E log Q(c | x) + H(c): log K for a perfect Q, 0 for one that knows nothing, below for a wrong one."""
    conditions = Information(IMAGES, categories=4, continuous=0)
    codes = conditions.draw(50, Noise(0))

    def bound(logits: Tensor) -> float:
        return math.log(4) - conditions.information_terms(readout(logits), codes)["category"].item()

    assert bound(50 * codes) == pytest.approx(math.log(4))
    assert bound(torch.zeros(50, 4)) == pytest.approx(0, abs=1e-6)
    assert bound(-5 * codes) < 0
    for scale in (0.1, 1.0, 3.0):
        assert bound(scale * (codes + Noise(1).normal(50, 4))) < math.log(4)


def test_the_generator_is_told_its_codes_and_the_discriminator_is_not() -> None:
    model = make(SPECS[3], name="infogan", conditioning={"name": "information", "features": 8})
    model.eval()
    z = Noise(0).normal(2, 4)
    codes = model.conditioning.draw(2, Noise(0))
    other = torch.cat([codes[:, :10].roll(1, 1), codes[:, 10:]], 1)
    assert not torch.allclose(model.generate(z, codes, Noise(0)), model.generate(z, other, Noise(0)))
    x = batch_of(SPECS[3], 2).x
    groups = model.clusters(x)
    assert groups.shape == (2, 10)
    conditioned = model.discriminator(model.scaling.inward(x), codes)
    assert conditioned.logits.shape == (2, 14)
    assert torch.equal(conditioned.logits[:, :10], groups)
    with pytest.raises(RecipeError, match="at least two categories"):
        Information(IMAGES, categories=1)
    with pytest.raises(RecipeError, match="conditioning=information"):
        make(IMAGES, name="infogan")


def test_a_view_changes_what_the_category_is_read_from_and_nothing_else() -> None:
    """Against the discriminator's word on the example and on its mirror image."""
    information = {"name": "information", "features": 8, "categories": 3, "continuous": 1}
    model = make(IMAGES, name="infogan", conditioning=information, view=["stroke"]).eval()
    plain = make(IMAGES, name="infogan", conditioning=information).eval()
    plain.load_state_dict(model.state_dict())
    assert len(model.view) == 1
    model.view = [lambda x, noise, strength: strength * x.flip(-1), lambda x, noise, strength: x + strength]
    fake, codes = Noise(0).normal(4, *IMAGES.shape), model.conditioning.draw(4, Noise(1))
    seen, straight = (m.readout_of_fake(fake, codes, Context(noise=Noise(2))) for m in (model, plain))
    mirrored = plain.readout_of_fake(fake.flip(-1) + 1, codes, Context(noise=Noise(2)))
    assert torch.equal(seen.score, straight.score)
    assert torch.equal(seen.logits[:, 3:], straight.logits[:, 3:])
    assert torch.equal(seen.logits[:, :3], mirrored.logits[:, :3])
    assert not torch.allclose(seen.logits[:, :3], straight.logits[:, :3])
    x = batch_of(IMAGES, 4).x
    assert torch.equal(model.clusters(x), plain.clusters(x))


def test_views_and_augmentations_that_do_not_suit_are_refused_when_the_model_is_built() -> None:
    vector = next(spec for spec in SPECS if spec.kind == "vector")
    for name in ("upright", "stroke"):
        with pytest.raises(RecipeError, match="places"):
            make(vector, name="infogan", conditioning="information", view=[name])
        with pytest.raises(RecipeError, match="places"):
            make(vector, augmentation={"transforms": name})


def test_evidence_for_any_class_is_the_score() -> None:
    """D = Z/(Z + 1), whose logit is log Z; the class of generated examples has the logit 0."""
    head = ClassScore(4, 3)
    said = head(Noise(0).normal(5, 4), None)
    z = said.logits.exp().sum(1)
    torch.testing.assert_close(said.score, z.log())
    torch.testing.assert_close(said.score.sigmoid(), z / (z + 1))
    all_classes = torch.cat([said.logits, torch.zeros(5, 1)], 1).softmax(1)
    torch.testing.assert_close(1 - all_classes[:, 3], said.score.sigmoid())


def test_unknown_labels_teach_nothing() -> None:
    conditions = KPlusOne(IMAGES, weight=1.5)
    logits = LOGITS.clone().requires_grad_()
    x = batch_of(IMAGES, 2).x

    def term(labels: list[int]) -> Tensor:
        batch = Batch(x, torch.tensor(labels))
        terms = conditions.discriminator_terms(batch, x, readout(logits), readout(OTHERS), None)
        return terms["class of labelled"]

    assert term([0, 2]).item() == pytest.approx(1.5 * mean_cross_entropy(LOGITS, [0, 2]), rel=1e-6)
    half = term([-1, 2])
    assert half.item() == pytest.approx(1.5 * cross_entropy([0.5, 0.5, 3.0], 2) / 2, rel=1e-6)
    (slope,) = torch.autograd.grad(half, logits)
    assert not slope[0].any()
    assert slope[1].any()
    assert term([-1, -1]).item() == 0
    assert conditions.discriminator_terms(Batch(x), x, readout(logits), readout(OTHERS), None) == {}


def test_style_ambiguity_by_hand_is_least_where_all_styles_are_alike() -> None:
    p = torch.tensor([0.7, 0.2, 0.1])
    by_hand = -sum(math.log(v) / 3 + 2 / 3 * math.log(1 - v) for v in p.tolist())
    assert style_ambiguity(p.log()[None]).item() == pytest.approx(by_hand, rel=1e-5)
    least = style_ambiguity(torch.zeros(1, 3)).item()
    for seed in range(5):
        assert style_ambiguity(Noise(seed).normal(1, 3)).item() > least
    conditions = StyleAmbiguity(IMAGES, weight=2.0)
    condition, x = torch.tensor([0, 2]), batch_of(IMAGES, 2).x
    terms = conditions.discriminator_terms(Batch(x, condition), x, readout(LOGITS), readout(OTHERS), None)
    assert terms["style of real"].item() == pytest.approx(2 * mean_cross_entropy(LOGITS, [0, 2]), rel=1e-6)
    assert len(terms) == 1  # nothing is asked of generated examples
    (term,) = conditions.generator_terms(Batch(x, condition), x, readout(OTHERS), None).values()
    assert term.item() == pytest.approx(2 * style_ambiguity(OTHERS).item(), rel=1e-6)


@pytest.mark.parametrize("certain", [15.0, 60.0])
def test_a_certain_discriminator_still_pushes_towards_ambiguity(certain: float) -> None:
    """log p of the others and log(1 − p) of the certain one fall by 1 each: (2/3)(1 + 1)."""
    logits = torch.tensor([[certain, 0.0, 0.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(style_ambiguity(logits), logits)
    assert slope[0, 0].item() == pytest.approx(4 / 3, rel=1e-4)
    assert slope.sum().item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("conditioning", ["auxiliary", "k-plus-one", "style-ambiguity"])
def test_models_that_read_classes_classify(conditioning: str) -> None:
    model = make(IMAGES, name="classifying-gan", conditioning={"name": conditioning, "features": 8}).eval()
    x = batch_of(IMAGES).x
    logits = model.classify(x)
    assert logits.shape == (6, 3)
    assert torch.equal(logits, model.discriminator(model.scaling.inward(x), None).logits)
    assert model.partial_labels is (conditioning == "k-plus-one")
    assert model.conditional is (conditioning == "auxiliary")


def test_models_that_read_none_are_refused() -> None:
    for conditioning in (None, "projection", "information"):
        with pytest.raises(RecipeError, match="reads classes out"):
            make(IMAGES, name="classifying-gan", conditioning=conditioning)


def test_both_players_gain_by_what_is_read_out() -> None:
    def slopes(model: Any, name: str, term: str) -> bool:
        loss = {"discriminator": model.discriminator_loss, "generator": model.generator_loss}[name]
        terms = loss(batch_of(IMAGES), Context(noise=Noise(0)))
        weight = getattr(model, name).network
        found = torch.autograd.grad(terms[term], list(weight.parameters()), allow_unused=True)
        return any(g is not None and g.any() for g in found)

    acgan = make(IMAGES, name="classifying-gan", conditioning={"name": "auxiliary", "features": 8})
    assert slopes(acgan, "discriminator", "class of real")
    assert slopes(acgan, "generator", "class")
    infogan = make(IMAGES, name="infogan", conditioning={"name": "information", "features": 8})
    for player in ("discriminator", "generator"):
        assert slopes(infogan, player, "category")
        assert slopes(infogan, player, "continuous codes")
