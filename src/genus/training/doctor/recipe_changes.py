"""Changes of a recipe that the doctor's advice is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from genus.core.registry import component
from genus.training.doctor.finding import Change

Config = Mapping[str, Any]


def is_gan(config: Config) -> bool:
    """Whether the model has a discriminator."""
    return "discriminator" in config["model"]


def name_of(component: Any) -> Any:
    """The name of a component that is a name or a mapping with one."""
    return component.get("name") if isinstance(component, Mapping) else component


def without_conditioning(model: Config) -> tuple[str, ...]:
    """The change that removes the conditioning, where there is one."""
    return ("model.conditioning=null",) if model.get("conditioning") is not None else ()


def with_features(model: Config) -> tuple[str, ...]:
    """The change that adds features φ(x), where the conditioning has none of its own."""
    conditioning = model.get("conditioning")
    own = conditioning is not None and component("conditioning", conditioning["name"]).load().reads_features
    return () if own else ("model.features.size=128",)


def slope_penalty(model: Config, penalty: str, norm: str = "layer") -> tuple[str, ...]:
    """A penalty on slopes, and ``norm`` in place of batch norm, under which slopes mean nothing."""
    mixes = (model.get("discriminator") or {}).get("norm") == "batch"
    return (f"model.penalties=[{penalty}]", *((f"model.discriminator.norm={norm}",) if mixes else ()))


def batch_norm(player: str) -> Change:
    """Batch normalisation of the generator or the discriminator."""
    return Change((f"model.{player}.norm=batch",), "Normalisation keeps layers from running into extremes.")


def flat_discriminator(config: Config) -> Change:
    """R1 without momentum and at two rates, with which one shape per class became many."""
    betas, rate = config["optimizer"].get("betas"), rate_of(config, "generator")
    return Change(
        (
            *slope_penalty(config["model"], "{name: r1, weight: 1}", norm="none"),
            *((f"optimizer.betas=[0.0, {betas[1]}]",) if betas else ()),
            f"optimizer.groups.discriminator.lr={max(rate_of(config, 'discriminator'), 2 * rate):.3g}",
        ),
        "A discriminator that is flat around real examples does not drive the generator from spot to spot "
        "(arXiv:1801.04406).",
    )


def less_momentum(config: Config) -> tuple[str, ...]:
    """A first moment of 0.5, where it is longer."""
    betas = config["optimizer"].get("betas")
    return (f"optimizer.betas=[0.5, {betas[1]}]",) if betas and betas[0] > 0.5 else ()


def rate_of(config: Config, group: str) -> float:
    """Learning rate of an optimiser group."""
    optimizer = config["optimizer"]
    return float(optimizer.get("groups", {}).get(group, {}).get("lr", optimizer["lr"]))


def set_rate(group: str, rate: float, why: str) -> Change:
    """Another learning rate of an optimiser group."""
    return Change((f"optimizer.groups.{group}.lr={rate:.3g}",), why)


def scale_rates(config: Config, group: str, factor: float, why: str) -> Change:
    """Multiply the learning rate of a group, or of all."""
    if group != "all":
        return set_rate(group, factor * rate_of(config, group), why)
    own = [name for name, change in config["optimizer"].get("groups", {}).items() if "lr" in change]
    overrides = [f"optimizer.lr={factor * float(config['optimizer']['lr']):.3g}"]
    overrides += [f"optimizer.groups.{name}.lr={factor * rate_of(config, name):.3g}" for name in own]
    return Change(tuple(overrides), why)


def widths_in(value: Any, path: str) -> Iterator[tuple[str, int]]:
    """Widths of networks in a configuration, by their paths."""
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key in ("width", "hidden", "components") and isinstance(item, int) and item > 1:
            yield f"{path}.{key}", item
        yield from widths_in(item, f"{path}.{key}")
