"""Each illness on a log that shows it, and on logs that do not."""

from __future__ import annotations

import math

import pytest
import torch

from genus.core.recipe import load_recipe
from genus.training.doctor import thresholds
from genus.training.doctor.advice import prescribe
from genus.training.doctor.checkup import history_of
from genus.training.doctor.examiner import Examiner
from genus.training.doctor.finding import Finding
from genus.training.doctor.history import Look, RunHistory, Series
from genus.training.doctor.registry import ILLNESSES
from tests.training.doctor.histories import GOOD_SIGNS, examined, game, line, looked


def names(examiner: Examiner) -> set[str]:
    """Illnesses seen, at any time."""
    return set(examiner.found)


def test_a_healthy_game_and_a_healthy_descent_have_nothing() -> None:
    assert names(examined(game())) == set()
    falling = {
        "elbo/reconstruction": lambda i: 40 * 0.95**i + 20,
        "elbo/gradient": lambda i: 30 * 0.95**i + 3,
    }
    assert names(examined(falling)) == set()
    assert names(looked({}, {}, {})) == set()


def test_a_discriminator_wins_when_it_is_sure_of_everything() -> None:
    won = game(
        discriminator__real_right=lambda i: 1.0,
        discriminator__fake_right=lambda i: 1.0,
        discriminator__loss=lambda i: 1.39 * 0.9**i,
    )
    examiner = examined(won)
    assert names(examiner) == {"discriminator-wins"}
    found = examiner.found["discriminator-wins"]
    # the loss begins, as the median of five lines, at 1.39 · 0.9²; the median of 20 lines is 0.9^9.5 above
    # the last, so it is below 5 % from i = 40 on, and five lines must agree
    assert (found.since, found.until, found.present) == (450, 1000, True)
    assert found.evidence["real right"] == 1.0
    paying = {**won, "discriminator/penalty 0": lambda i: 0.3}
    assert names(examined(paying)) == set(), "its slopes are held back by a penalty"
    smoothed = {**won, "discriminator/loss": lambda i: 0.325 + 1.065 * 0.9**i}
    assert names(examined(smoothed)) == set()
    assert names(examined(smoothed, floor=0.325)) == {"discriminator-wins"}, "sure of smoothed labels"
    unsure = {**won, "discriminator/loss": lambda i: max(1.39 * 0.9**i, 0.3)}
    assert names(examined(unsure)) == set(), "right, but not sure: hinge loss with spectral norm"
    assert names(examined(won, has_border=False)) == set(), "a critic is never right"


def test_a_discriminator_loses_when_it_is_fooled_and_learns_nothing() -> None:
    lost = game(discriminator__fake_right=lambda i: 0.02, discriminator__loss=lambda i: 1.39 + 0.001 * i)
    assert names(examined(lost)) == {"discriminator-loses"}
    blind = game(discriminator__real_right=lambda i: 0.02, discriminator__loss=lambda i: 1.39 + 0.001 * i)
    assert names(examined(blind)) == {"discriminator-loses"}, "it calls everything generated"
    learning = {**lost, "discriminator/loss": lambda i: 1.39 - 0.002 * i}
    assert names(examined(learning)) == set(), "fooled at first, but its loss falls"
    assert names(examined(lost, has_border=False)) == set()


def test_it_does_not_lose_against_good_samples() -> None:
    lost = game(discriminator__fake_right=lambda i: 0.02, discriminator__loss=lambda i: 1.39 + 0.001 * i)
    for distance, wanted in ((1.05, set()), (3.0, {"discriminator-loses"})):
        examiner = looked({"distance": distance}, first=0.3)
        for i in range(100):
            examiner.history.add(line(10 * i + 10, {name: curve(i) for name, curve in lost.items()}))
            examiner.examine("log")
        assert names(examiner) == wanted


def test_a_gradient_vanishes_relative_to_the_beginning() -> None:
    assert names(examined(game(generator__gradient=lambda i: 0.9**i))) == {"vanishing-gradient"}
    assert names(examined(game(generator__gradient=lambda i: max(0.9**i, 0.1)))) == set()
    critic = game(generator__gradient=lambda i: 200 * max(0.9**i, 0.015))
    assert names(examined(critic)) == set(), "3 is no small gradient"
    vae = {"elbo/loss": lambda i: 1.0, "generator/gradient": lambda i: 0.9**i}
    assert names(examined(vae)) == set(), "without an opponent a gradient vanishes by success"


def test_gradients_explode_together_or_by_a_jump() -> None:
    grown = game(
        generator__gradient=lambda i: min(1.05**i, 60), discriminator__gradient=lambda i: min(1.06**i, 70)
    )
    assert names(examined(grown)) == {"exploding-gradient"}
    alone = game(generator__gradient=lambda i: 0.5 * 1.05**i)
    assert names(examined(alone)) == set(), "a generator that begins near 0 wakes up"
    jump = game(discriminator__gradient=lambda i: 5e3 if i == 70 else 1.0)
    assert names(examined(jump)) == {"exploding-gradient"}
    found = examined(jump).found["exploding-gradient"]
    assert not found.present, "20 lines later it has passed"
    assert found.until < 1000


def test_losses_swing() -> None:
    swinging = game(discriminator__loss=lambda i: 1.39 + math.sin(0.9 * i) * 1.3)
    assert names(examined(swinging)) == {"oscillation"}
    assert names(examined(game(discriminator__loss=lambda i: 1.39 + math.sin(0.9 * i) * 0.2))) == set()
    falling = game(discriminator__loss=lambda i: 1.39 - 0.0139 * i)
    assert "oscillation" not in names(examined(falling)), "it varies as much, in one direction"
    critic = game(discriminator__loss=lambda i: -1 + math.sin(2.0 * i) * 3)
    assert names(examined(critic, has_border=False)) == {"oscillation"}


def test_nan_is_seen_ahead() -> None:
    growing = {"elbo/loss": lambda i: 1.0 if i < 50 else 4.0 ** (i - 49), "elbo/gradient": lambda i: 1.0}
    examiner = examined(growing, n=56)
    assert "nan-ahead" in names(examiner)
    assert examiner.found["nan-ahead"].since == 550, "above 300 at line 55"
    assert names(examined({"elbo/loss": lambda i: 1.0 if i % 30 else 500.0}, n=100)) == set(), "single peaks"
    short = {"fit/loss": lambda i: 10.0 ** (2 * i)}
    assert "nan-ahead" in names(examined(short, n=8)), "before there is a window"


def test_a_run_that_failed_says_so() -> None:
    examiner = examined(game(), n=5)
    failure = "iteration 51, phase 'fit': the term 'loss' is nan"
    examiner.history.add({"iteration": 51, "stage": "train", "failure": failure})
    new = examiner.examine("log")
    assert [finding.name for finding in new] == ["nan-ahead"]
    assert failure in new[0].says
    assert new[0].severity == "fatal"


COLLAPSED = [
    {"spacing": 0.03},
    {"classes": 0.3},
    {"coverage": 0.2, "distance": 0.9},
    {"coverage": 0.2, "distance": 1.25, "spacing": 0.5},
    {"coverage": 0.2, "distance": 1.45, "spacing": 0.1, "variety": 1.08},
]


@pytest.mark.parametrize("signs", COLLAPSED)
def test_collapse_is_alike_or_few_classes_or_few_that_are_good_or_crowded(signs: dict[str, float]) -> None:
    assert names(looked(signs, signs)) == {"mode-collapse"}
    assert names(looked({}, signs)) == set(), "one look may be wrong"
    assert names(looked(signs)) == set(), "and another will follow"
    assert names(looked(signs, first=1.0)) == {"mode-collapse"}, "unless the run is over"
    assert names(looked(signs, signs, {}, first=0.0)) == set(), "before a quarter of the run all are bad"
    passed = looked(signs, signs, {}, {}).found["mode-collapse"]
    assert not passed.present


def test_bad_samples_of_all_kinds_are_no_collapse() -> None:
    assert names(looked(*[{"coverage": 0.1, "variety": 0.1, "distance": 2.5, "spacing": 0.2}] * 3)) == set()


def test_samples_may_be_copies_dead_or_broken() -> None:
    assert names(looked({"copies": 0.6}, {"copies": 0.5})) == {"memorisation"}
    assert names(looked({"copies": 0.6}, {"copies": 0.2})) == set()
    dead = {"still": 0.9, "bounds": 0.3}
    assert names(looked(dead, dead)) == {"dead-outputs"}
    saturated = {"still": 0.0, "bounds": 1.0}
    assert names(looked(saturated, saturated)) == {"dead-outputs"}
    constant = {"still": 0.9, "bounds": -0.3}
    assert names(looked(constant, constant)) == set(), "constant, but inside the range"
    assert names(looked({"finite": 0.9})) == {"broken-samples"}


def test_every_illness_is_tested_and_has_advice() -> None:

    recipe = load_recipe("vanilla-gan@plain")
    assert {illness.name for illness in ILLNESSES} == {
        "discriminator-wins", "discriminator-loses", "vanishing-gradient", "exploding-gradient",
        "oscillation", "nan-ahead", "mode-collapse", "memorisation", "dead-outputs", "broken-samples",
        "unlike-data",
    }  # fmt: skip
    for illness in ILLNESSES:
        finding = Finding(name=illness.name, severity="mild", says="", evidence={})
        advised = prescribe(finding, recipe)
        assert 1 <= len(advised.advice) <= 3
        assert Finding.from_json(advised.to_json()) == advised


def test_no_rate_is_advised_where_no_optimiser_works() -> None:

    for illness in ("mode-collapse", "dead-outputs", "exploding-gradient"):
        finding = Finding(name=illness, severity="serious", says="", evidence={})
        assert prescribe(finding, load_recipe("vae")).advice
        advice = prescribe(finding, load_recipe("gmm")).advice
        assert not [o for change in advice for o in change.overrides if o.startswith("optimizer.")]


@pytest.mark.parametrize("name", ["vae", "realnvp", "ddpm-toy", "pixelcnn", "rbm"])
@pytest.mark.parametrize("illness", ["mode-collapse", "dead-outputs", "unlike-data", "memorisation"])
def test_models_that_are_no_gans_get_no_advice_for_gans(name: str, illness: str) -> None:
    finding = Finding(name=illness, severity="serious", says="", evidence={})
    advice = prescribe(finding, load_recipe(name)).advice
    words = " ".join(f"{change.why} {' '.join(change.overrides)}" for change in advice).lower()
    assert not [word for word in ("generator", "discriminator", "betas", "packing") if word in words]


def test_the_least_cross_entropy_is_that_of_the_labels() -> None:
    for smoothing, expected in ((0.0, 0.0), (0.1, -0.9 * math.log(0.9) - 0.1 * math.log(0.1))):
        history = history_of(load_recipe("dcgan", [f"model.objective.smoothing={smoothing}"]))
        assert history.floor == pytest.approx(expected)
        assert history.has_border
    assert history_of(load_recipe("wgan")).floor == 0
    assert not history_of(load_recipe("wgan")).has_border


def test_samples_of_a_model_that_hardly_trained_are_not_judged() -> None:
    history = history_of(load_recipe("vae"))
    for fraction in (0.5, 1.0):
        history.look(Look(int(20 * fraction), fraction, {**GOOD_SIGNS, "spacing": 0.01}))
    assert not history.last_looks("spacing")
    history.look(Look(400, 1.0, {**GOOD_SIGNS, "spacing": 0.01}))
    assert history.last_looks("spacing")
    assert history_of(load_recipe("gmm")).learnt == 0, "EM needs few iterations"


def test_a_finding_that_no_longer_holds_is_withdrawn() -> None:
    """Also the one of a run that ended and was lengthened: its last look is no longer one at the end."""
    examiner = looked({"spacing": 0.03}, first=1.0)
    assert examiner.found["mode-collapse"].present
    examiner.history.look(Look(10_000, 0.5, GOOD_SIGNS))
    assert examiner.history.looks[0].fraction == pytest.approx(0.05)
    examiner.examine("samples")
    assert [finding.name for finding in examiner.withdrawn] == ["mode-collapse"]
    assert not examiner.found["mode-collapse"].present
    examiner.examine("samples")
    assert not examiner.withdrawn


def test_samples_that_miss_the_data_at_the_end_are_named() -> None:
    missing = {"coverage": 0.01, "spread": 0.4, "offset": 0.7, "distance": 2.5}
    assert names(looked(missing, missing, first=0.9)) == {"unlike-data"}
    assert names(looked(missing, missing, first=0.5)) == set(), "it may still learn"
    assert names(looked(missing, {**missing, "coverage": 0.3}, first=0.9)) == set()


@pytest.mark.parametrize("name", ["default", "dcgan", "infogan", "acgan", "attribute-gan", "wgan", "cgan"])
def test_every_advice_can_be_followed(name: str) -> None:
    """The changed recipe is not only bound, its model is built."""
    from genus.assembly import build_model, open_data

    recipe = load_recipe(name)
    spec = open_data(recipe).spec
    for illness in ILLNESSES:
        advised = prescribe(Finding(name=illness.name, severity="mild", says="", evidence={}), recipe)
        for change in advised.advice:
            with torch.device("meta"):
                build_model(load_recipe(name, change.overrides), spec)


# --- what is remembered ------------------------------------------------------------------------


def test_series_keep_both_ends() -> None:
    series = Series()
    for value in range(1000):
        series.add(float(value))
    assert (series.early, series.recent) == ([*range(20)], [*range(980, 1000)])
    assert (series.start, series.now) == (2.0, 989.5)
    assert series.spread == pytest.approx(math.sqrt((20**2 - 1) / 12))
    assert series.ripe
    assert thresholds.WINDOW == 20


def test_a_new_stage_begins_anew() -> None:
    history = RunHistory()
    for i in range(50):
        history.add(line(i, {"a/loss": 1.0}, stage="first"))
    assert history.ripe("a/loss") is not None
    history.add(line(50, {"a/loss": 100.0}, stage="second"))
    assert history.ripe("a/loss") is None
    assert history.series["a/loss"].count == 1


def test_numbers_that_are_not_finite_are_passed_over() -> None:
    history = RunHistory()
    history.add(line(1, {"a/loss": math.inf, "a/other": 2.0}))
    assert list(history.series) == ["a/other"]


def test_noise_helps_against_a_winning_discriminator_that_sees_no_augmentation() -> None:
    finding = Finding(name="discriminator-wins", severity="mild", says="", evidence={})
    noise = "model.augmentation.transforms=instance-noise"

    def advised(recipe: str) -> set[str]:
        advice = prescribe(finding, load_recipe(recipe)).advice
        return {override for change in advice for override in change.overrides}

    assert noise in advised("default")
    assert noise not in advised("ada-gan")
