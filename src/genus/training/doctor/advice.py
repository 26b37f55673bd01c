"""Changes of a recipe that help against an illness, as far as that recipe allows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from genus.core.errors import GenusError
from genus.core.length import Length
from genus.core.recipe import Recipe, load_recipe
from genus.core.registry import component
from genus.training.doctor.finding import Change, Finding
from genus.training.doctor.recipe_changes import (
    Config,
    batch_norm,
    flat_discriminator,
    is_gan,
    less_momentum,
    name_of,
    rate_of,
    scale_rates,
    set_rate,
    slope_penalty,
    widths_in,
    with_features,
    without_conditioning,
)

_MOST = 3
_HASTY = 1e-3
"""Rates above this are reduced before anything else is tried against collapse."""
_OF_OPTIMISERS = ("optimizer.", "train.clip", "train.warmup")
"""What means nothing to a model that no optimiser moves."""


def prescribe(finding: Finding, recipe: Recipe) -> Finding:
    """Add the changes that help and that this recipe can be given.

    Args:
        finding: without advice.
        recipe: of the run; advice that does not bind, or changes nothing, is left out.
    """
    wanted = _ADVICE[finding.name](recipe.config)
    fitting = [change for change in wanted if _binds(recipe, change)]
    return replace(finding, advice=tuple(fitting[:_MOST]))


def _binds(recipe: Recipe, change: Change) -> bool:
    optimised = component("model", recipe.config["model"]["name"]).load().optimised
    if not optimised and any(override.startswith(_OF_OPTIMISERS) for override in change.overrides):
        return False
    try:
        changed = load_recipe(dict(recipe.config), change.overrides).config
    except GenusError:
        return False
    return changed != load_recipe(dict(recipe.config)).config


def _collapse(config: Config) -> Iterator[Change]:
    if not is_gan(config):  # what follows keeps a game in balance
        yield from _unlearnt(config)
        return
    model = config["model"]
    calmer = scale_rates(config, "all", 0.1, "Smaller steps keep the generator from running after one spot.")
    calm = Change((*calmer.overrides, *less_momentum(config)), calmer.why)
    hasty = rate_of(config, "all") > _HASTY
    if hasty:
        yield calm
    if model.get("penalties") == []:
        yield flat_discriminator(config)
    if not hasty:
        yield calm
    if model["name"] == "gan" or model.get("conditioning") is None:  # others read their classes out
        yield Change(
            (*without_conditioning(model), "model.packing=2"),
            "A discriminator that judges two together sees that they are alike (arXiv:1712.04086).",
        )
    yield Change(
        (*with_features(model), "model.features.minibatch_discrimination=16"),
        "The discriminator sees how near examples of a batch are to each other (arXiv:1606.03498).",
    )
    yield batch_norm("generator")


def _unlearnt(config: Config) -> Iterator[Change]:
    """What helps a model of any family that has learned too little of its data."""
    longer = Length.parse(config["train"]["length"]).scaled(2)
    yield Change((f"train.length={str(longer)!r}",), "It may not have been trained for long enough.")
    for path, value in widths_in(config["model"], "model"):
        yield Change((f"{path}={2 * value}",), "A larger network can tell more kinds of examples apart.")
        break
    if rate_of(config, "all") > _HASTY:
        yield scale_rates(config, "all", 0.1, "Smaller steps let it settle.")


def _unlike(config: Config) -> Iterator[Change]:
    yield from _unlearnt(config)
    yield Change(
        ("data.window=auto",), "Images that use a small part of their range are stretched to all of it."
    )


def _memorisation(config: Config) -> Iterator[Change]:
    if is_gan(config):
        yield Change(
            ("model.augmentation.transforms=diffaugment",),
            "Augmenting all that the discriminator sees keeps it from learning few examples by heart "
            "(arXiv:2006.10738).",
        )
    for path, value in widths_in(config["model"], "model"):
        yield Change((f"{path}={max(value // 4, 1)}",), "A smaller network remembers less.")
        break
    yield Change(("train.score_every=100", "train.patience=5"), "Training stops before it remembers.")


def _discriminator_wins(config: Config) -> Iterator[Change]:
    model, rate = config["model"], rate_of(config, "generator")
    why = "A slower discriminator lets the generator catch up."
    if rate_of(config, "discriminator") > 2 * rate:
        yield set_rate("discriminator", rate, why)
    else:
        yield scale_rates(config, "discriminator", 0.1, why)
    if not model.get("penalties"):
        yield Change(
            slope_penalty(model, "{name: r1, weight: 1}"),
            "A flat discriminator is not so sure, and its slope tells the generator where to go "
            "(arXiv:1801.04406).",
        )
    yield Change(
        ("model.discriminator.spectral=true", "model.discriminator.norm=none"),
        "Spectral normalisation bounds how steep the discriminator can be (arXiv:1802.05957).",
    )
    if (model.get("augmentation") or {}).get("transforms") == []:
        yield Change(
            ("model.augmentation.transforms=instance-noise",),
            "Noise makes real and generated examples overlap (arXiv:1610.04490).",
        )


def _discriminator_loses(config: Config) -> Iterator[Change]:
    rate = rate_of(config, "generator")
    if rate_of(config, "discriminator") < rate:
        yield set_rate("discriminator", rate, "It learns more slowly than the generator.")
    else:
        yield scale_rates(config, "generator", 0.25, "A slower generator lets the discriminator catch up.")
    yield Change(
        (f"model.discriminator_steps={2 * config['model'].get('discriminator_steps', 1)}",),
        "More updates of the discriminator per update of the generator.",
    )
    for path, value in widths_in(config["model"].get("discriminator"), "model.discriminator"):
        yield Change((f"{path}={2 * value}",), "A larger discriminator can distinguish more.")
        break


def _vanishing(config: Config) -> Iterator[Change]:
    if name_of(config["model"].get("objective")) == "minimax":
        yield Change(
            ("model.objective=non-saturating",),
            "Its generator loss has a slope where the discriminator is sure (arXiv:1406.2661, section 3).",
        )
    yield Change(
        ("model.objective=hinge",), "The generator's hinge loss is linear, so its slope does not vanish."
    )
    yield from _discriminator_wins(config)


def _exploding(config: Config) -> Iterator[Change]:
    yield from _penalised_critic(config)
    if config["train"].get("clip") is None:
        yield Change(("train.clip=1",), "Gradients longer than 1 are shortened.")
    model = config["model"]
    if is_gan(config) and not model.get("penalties"):
        yield Change(
            slope_penalty(model, "{name: r1, weight: 1}"), "A penalty bounds the slope of the discriminator."
        )
    yield scale_rates(config, "all", 0.1, "Smaller steps.")
    if config["train"].get("warmup") == 0:
        yield Change(("train.warmup=500",), "Small steps while the networks are far from anything sensible.")


def _oscillation(config: Config) -> Iterator[Change]:
    yield from _penalised_critic(config)
    calmer = scale_rates(config, "all", 0.1, "Smaller steps damp the circling of the networks.")
    yield calmer
    if less_momentum(config):
        yield Change(less_momentum(config), "Momentum drives networks that circle further outwards.")
    model = config["model"]
    if model.get("penalties") == []:
        yield Change(
            slope_penalty(model, "{name: r1, weight: 1}"),
            "A flat discriminator makes the game converge near its equilibrium (arXiv:1801.04406).",
        )
    if config["train"].get("ema") is None:
        yield Change(("train.ema=0.999",), "Averaged weights stand at the centre of the circling.")


def _dead(config: Config) -> Iterator[Change]:
    yield scale_rates(
        config, "generator" if is_gan(config) else "all", 0.1, "Outputs saturate by large steps."
    )
    yield batch_norm("generator")
    yield Change(("train.warmup=500",), "Small steps while the networks are far from anything sensible.")


def _overflow(config: Config) -> Iterator[Change]:
    if config["train"].get("precision") != "32":
        yield Change(("train.precision='32'",), "Sixteen bits overflow early.")
    yield from _penalised_critic(config)
    calmer = scale_rates(config, "all", 0.1, "Smaller steps, and gradients longer than 1 are shortened.")
    yield Change((*calmer.overrides, "train.clip=1"), calmer.why)
    if name_of(config["optimizer"]) == "sgd":
        yield Change(
            ("optimizer={name: adam, lr: 2e-4}",), "The length of Adam's steps does not grow with gradients."
        )


def _penalised_critic(config: Config) -> Iterator[Change]:
    """A gradient penalty for critics without one, whose scores nothing else bounds well."""
    model = config["model"]
    if name_of(model.get("objective")) == "wasserstein" and not model.get("penalties"):
        optimizer = "optimizer={name: adam, lr: 1e-4, betas: [0.0, 0.9]}"
        yield Change(
            (
                "model.regularisation.weight_clip=null",
                *slope_penalty(model, "{name: gradient-penalty, weight: 10}"),
                optimizer,
            ),
            "The penalty keeps the critic's slope at 1, with the paper's steps (arXiv:1704.00028).",
        )


_ADVICE: dict[str, Callable[[Config], Iterator[Change]]] = {
    "mode-collapse": _collapse,
    "unlike-data": _unlike,
    "memorisation": _memorisation,
    "discriminator-wins": _discriminator_wins,
    "discriminator-loses": _discriminator_loses,
    "vanishing-gradient": _vanishing,
    "exploding-gradient": _exploding,
    "oscillation": _oscillation,
    "dead-outputs": _dead,
    "nan-ahead": _overflow,
    "broken-samples": _overflow,
}
