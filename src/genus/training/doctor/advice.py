"""Which changes of recipe help against an illness, as far as a recipe can be changed so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from genus.core.errors import GenusError
from genus.core.recipe import Recipe, load_recipe
from genus.core.registry import component
from genus.training.doctor.finding import Change, Finding

Config = Mapping[str, Any]
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
    model = config["model"]
    calmer = _rates(config, "all", 0.1, "Smaller steps keep the generator from running after one spot.")
    calm = Change((*calmer.overrides, *_less_momentum(config)), calmer.why)
    hasty = _rate(config, "all") > _HASTY
    if hasty:
        yield calm
    if _is_pair(config) and model.get("penalties") == []:
        yield _flat_discriminator(config)
    if not hasty:
        yield calm
    if _is_pair(config):
        if model["name"] == "gan" or model.get("conditioning") is None:  # others read their classes out
            yield Change(
                (*_without_classes(model), "model.packing=2"),
                "A discriminator that judges two together sees that they are alike (arXiv:1712.04086).",
            )
        yield Change(
            (*_features(model), "model.features.minibatch_discrimination=16"),
            "The discriminator sees how near examples of a batch are to each other (arXiv:1606.03498).",
        )
        yield _norm("generator")


def _memorisation(config: Config) -> Iterator[Change]:
    if _is_pair(config):
        yield Change(
            ("model.augmentation.transforms=diffaugment",),
            "Augmenting all that the discriminator sees keeps it from learning few examples by heart "
            "(arXiv:2006.10738).",
        )
    for path, value in _sizes(config["model"], "model"):
        yield Change((f"{path}={max(value // 4, 1)}",), "A smaller network remembers less.")
        break
    yield Change(("train.score_every=100", "train.patience=5"), "Training stops before it remembers.")


def _discriminator_wins(config: Config) -> Iterator[Change]:
    model, rate = config["model"], _rate(config, "generator")
    why = "A slower discriminator lets the generator catch up."
    if _rate(config, "discriminator") > 2 * rate:
        yield _set_rate("discriminator", rate, why)
    else:
        yield _rates(config, "discriminator", 0.1, why)
    if not model.get("penalties"):
        yield Change(
            _slope_penalty(model, "{name: r1, weight: 1}"),
            "A flat discriminator is not so sure, and its slope tells the generator where to go "
            "(arXiv:1801.04406).",
        )
    yield Change(
        ("model.discriminator.spectral=true", "model.discriminator.norm=none"),
        "Spectral normalisation bounds how steep the discriminator can be (arXiv:1802.05957).",
    )
    if model.get("augmentation", 0) is None:
        yield Change(
            ("model.augmentation.transforms=instance-noise",),
            "Noise makes real and generated examples overlap (arXiv:1610.04490).",
        )


def _discriminator_loses(config: Config) -> Iterator[Change]:
    rate = _rate(config, "generator")
    if _rate(config, "discriminator") < rate:
        yield _set_rate("discriminator", rate, "It learns more slowly than the generator.")
    else:
        yield _rates(config, "generator", 0.25, "A slower generator lets the discriminator catch up.")
    yield Change(
        (f"model.discriminator_steps={2 * config['model'].get('discriminator_steps', 1)}",),
        "More updates of the discriminator per update of the generator.",
    )
    for path, value in _sizes(config["model"].get("discriminator"), "model.discriminator"):
        yield Change((f"{path}={2 * value}",), "A larger discriminator can tell more.")
        break


def _vanishing(config: Config) -> Iterator[Change]:
    if _name(config["model"].get("objective")) == "minimax":
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
    if _is_pair(config) and not model.get("penalties"):
        yield Change(
            _slope_penalty(model, "{name: r1, weight: 1}"), "A penalty bounds the slope of the discriminator."
        )
    yield _rates(config, "all", 0.1, "Smaller steps.")
    if config["train"].get("warmup") == 0:
        yield Change(("train.warmup=500",), "Small steps while the networks are far from anything sensible.")


def _oscillation(config: Config) -> Iterator[Change]:
    yield from _penalised_critic(config)
    calmer = _rates(config, "all", 0.1, "Smaller steps damp the circling of the players.")
    yield calmer
    if _less_momentum(config):
        yield Change(_less_momentum(config), "Momentum drives players that circle further outwards.")
    model = config["model"]
    if model.get("penalties") == []:
        yield Change(
            _slope_penalty(model, "{name: r1, weight: 1}"),
            "A flat discriminator makes the game converge near its equilibrium (arXiv:1801.04406).",
        )
    if config["train"].get("ema") is None:
        yield Change(("train.ema=0.999",), "Averaged weights stand at the centre of the circling.")


def _dead(config: Config) -> Iterator[Change]:
    yield _rates(config, "generator" if _is_pair(config) else "all", 0.1, "Outputs saturate by large steps.")
    yield _norm("generator")
    yield Change(("train.warmup=500",), "Small steps while the networks are far from anything sensible.")


def _overflow(config: Config) -> Iterator[Change]:
    if config["train"].get("precision") != "32":
        yield Change(("train.precision='32'",), "Sixteen bits overflow early.")
    yield from _penalised_critic(config)
    calmer = _rates(config, "all", 0.1, "Smaller steps, and gradients longer than 1 are shortened.")
    yield Change((*calmer.overrides, "train.clip=1"), calmer.why)
    if _name(config["optimizer"]) == "sgd":
        yield Change(
            ("optimizer={name: adam, lr: 2e-4}",), "The length of Adam's steps does not grow with gradients."
        )


def _penalised_critic(config: Config) -> Iterator[Change]:
    """A gradient penalty for critics without one, whose scores nothing else bounds well."""
    model = config["model"]
    if _name(model.get("objective")) == "wasserstein" and not model.get("penalties"):
        optimizer = "optimizer={name: adam, lr: 1e-4, betas: [0.0, 0.9]}"
        yield Change(
            (
                "model.regularisation.weight_clip=null",
                *_slope_penalty(model, "{name: gradient-penalty, weight: 10}"),
                optimizer,
            ),
            "The penalty keeps the critic's slope at 1, with the paper's steps (arXiv:1704.00028).",
        )


_ADVICE: dict[str, Callable[[Config], Iterator[Change]]] = {
    "mode-collapse": _collapse,
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


def _is_pair(config: Config) -> bool:
    return "discriminator" in config["model"]


def _name(component: Any) -> Any:
    return component.get("name") if isinstance(component, Mapping) else component


def _without_classes(model: Config) -> tuple[str, ...]:
    return ("model.conditioning=null",) if model.get("conditioning") is not None else ()


def _features(model: Config) -> tuple[str, ...]:
    """What gives features to look at, where the conditioning has none of its own."""
    conditioning = model.get("conditioning")
    own = conditioning is not None and component("conditioning", conditioning["name"]).load().reads_features
    return () if own else ("model.features.size=128",)


def _slope_penalty(model: Config, penalty: str, norm: str = "layer") -> tuple[str, ...]:
    """A penalty on slopes, and ``norm`` in place of batch norm, under which slopes mean nothing."""
    mixes = (model.get("discriminator") or {}).get("norm") == "batch"
    return (f"model.penalties=[{penalty}]", *((f"model.discriminator.norm={norm}",) if mixes else ()))


def _norm(player: str) -> Change:
    return Change((f"model.{player}.norm=batch",), "Normalisation keeps layers from running into extremes.")


def _flat_discriminator(config: Config) -> Change:
    """R1 without momentum and at two rates, with which one shape per class became many."""
    betas, rate = config["optimizer"].get("betas"), _rate(config, "generator")
    return Change(
        (
            *_slope_penalty(config["model"], "{name: r1, weight: 1}", norm="none"),
            *((f"optimizer.betas=[0.0, {betas[1]}]",) if betas else ()),
            f"optimizer.groups.discriminator.lr={max(_rate(config, 'discriminator'), 2 * rate):.3g}",
        ),
        "A discriminator that is flat around real examples does not drive the generator from spot to spot "
        "(arXiv:1801.04406).",
    )


def _less_momentum(config: Config) -> tuple[str, ...]:
    betas = config["optimizer"].get("betas")
    return (f"optimizer.betas=[0.5, {betas[1]}]",) if betas and betas[0] > 0.5 else ()


def _rate(config: Config, group: str) -> float:
    optimizer = config["optimizer"]
    return float(optimizer.get("groups", {}).get(group, {}).get("lr", optimizer["lr"]))


def _set_rate(group: str, rate: float, why: str) -> Change:
    return Change((f"optimizer.groups.{group}.lr={rate:.3g}",), why)


def _rates(config: Config, group: str, factor: float, why: str) -> Change:
    """Multiply the learning rate of a group, or of all."""
    if group != "all":
        return _set_rate(group, factor * _rate(config, group), why)
    own = [name for name, change in config["optimizer"].get("groups", {}).items() if "lr" in change]
    overrides = [f"optimizer.lr={factor * float(config['optimizer']['lr']):.3g}"]
    overrides += [f"optimizer.groups.{name}.lr={factor * _rate(config, name):.3g}" for name in own]
    return Change(tuple(overrides), why)


def _sizes(value: Any, path: str) -> Iterator[tuple[str, int]]:
    """Widths of networks in a configuration, by their paths."""
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key in ("width", "hidden", "components") and isinstance(item, int) and item > 1:
            yield f"{path}.{key}", item
        yield from _sizes(item, f"{path}.{key}")
