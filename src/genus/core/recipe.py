"""Recipes: YAML files that name components and their arguments."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from genus.core.binder import coerce, is_list, is_mapping, resolve
from genus.core.errors import RecipeError, nearest
from genus.core.recipe_text import apply_override, read_recipe, with_variants
from genus.core.registry import component
from genus.core.train_settings import Expects, TrainSettings

Locate = Callable[[str], dict[str, Any]]
"""From a name or path to a data configuration."""


_TEXT_KEYS = ("summary", "paper", "equation", "deviations")
_KEYS = ("extends", *_TEXT_KEYS, "model", "optimizer", "data", "train", "expects", "variants")


class RecipeNote(UserWarning):
    """What a recipe does otherwise on these data than by default."""


@dataclass(frozen=True)
class Recipe:
    """A recipe with every default written out.

    Args:
        name: file name without suffix.
        config: the resolved mapping; plain values only, so that it can be saved and rebuilt.
        variants: other numbers that it lists by name; empty for a saved recipe.
        again: reads it anew with the variants ``fits``; None for a saved recipe.
    """

    name: str
    config: Mapping[str, Any]
    variants: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)
    again: Callable[..., Recipe] | None = field(default=None, compare=False, repr=False)

    def fitted(self, traits: Sequence[str]) -> Recipe:
        """The recipe with its variants that are named like a trait of the data; overrides win over them.

        Args:
            traits: of the data, :attr:`genus.core.spec.DataSpec.traits`.

        Returns:
            The recipe itself where it has no such variant.

        Raises:
            RecipeError: when it cannot be bound with these variants.
        """
        names = [name for name in traits if self.variants.get(name)]
        return self.again(fits=names) if self.again is not None and names else self

    def note_changes(self, fitted: Recipe) -> None:
        """Warn in one line of what :meth:`fitted` changed."""
        if self.config == fitted.config:
            return
        before, now = dict(self.leaves()), dict(fitted.leaves())
        changed = (key for key in now if key not in before or before[key] != now[key])
        keys = sorted(key for key in changed if not key.startswith("expects"))
        most = 3 if len(keys) > 4 else 4
        shown = ", ".join(f"{key}={json.dumps(now[key])}" for key in keys[:most])
        rest = f" and {len(keys) - most} more settings" if len(keys) > most else ""
        warnings.warn(f"{self.name} is fitted to the data: {shown}{rest}", RecipeNote, stacklevel=2)

    @property
    def train(self) -> TrainSettings:
        """The training settings."""
        return TrainSettings(**self.config["train"])

    def to_yaml(self) -> str:
        """Text that :func:`load_recipe` reads back to the same recipe."""
        return yaml.safe_dump(dict(self.config), sort_keys=False, allow_unicode=True)

    def leaves(self) -> Iterator[tuple[str, Any]]:
        """Every leaf as (dotted path, value)."""
        yield from _leaves(self.config, "")


def load_recipe(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    data: str | None = None,
    locate: Locate | None = None,
    fits: Sequence[str] = (),
) -> Recipe:
    """Read a recipe, apply overrides, and check and complete every key.

    Args:
        source: name of a recipe, path of a YAML file, or the mapping itself; ``NAME@VARIANT`` takes the
            other numbers that the recipe lists under ``variants``.
        overrides: texts ``"key.path=value"``, values in YAML.
        data: name of a data set or path, in place of the recipe's.
        locate: finds the reader for a name or path; by default only registered names are known.
        fits: names of variants that it takes before the one in its name, see :meth:`Recipe.fitted`.

    Raises:
        RecipeError: naming the path in the recipe and the nearest known name.

    >>> load_recipe("rbm", ["train.batch=7"]).train.batch
    7
    """
    if isinstance(source, Mapping):
        name, raw = "recipe", with_variants(copy.deepcopy(dict(source)), "recipe", fits)
    else:
        name, raw = read_recipe(str(source), fits)
    variants: dict[str, Any] = raw.pop("variants", None) or {}
    if data is not None:
        raw["data"] = data
    for text in overrides:
        apply_override(raw, text)
    config = _complete(raw, locate or registered_data)
    again = partial(load_recipe, source, tuple(overrides), data=data, locate=locate)
    return Recipe(name, config, variants, again)


def _complete(raw: dict[str, Any], locate: Locate) -> dict[str, Any]:
    for key in raw:
        if key not in _KEYS:
            raise RecipeError(f"{key}: a recipe has no such key{nearest(key, _KEYS)}")
    for key in ("model", "data", "train"):
        if key not in raw:
            raise RecipeError(f"{key}: every recipe needs it")
    config: dict[str, Any] = {key: coerce(raw.get(key, ""), "str", key) for key in _TEXT_KEYS}
    config["model"] = resolve("model", raw["model"], "model")
    config["optimizer"] = _optimizer(raw.get("optimizer", {}))
    config["data"] = resolve("data", _data(raw["data"], locate), "data")
    config["train"] = _settings(TrainSettings, raw["train"], "train")
    config["train"]["schedule"] = resolve("schedule", config["train"]["schedule"], "train.schedule")
    config["expects"] = _settings(Expects, raw.get("expects", {}), "expects")
    return config


def default_optimizer() -> dict[str, Any]:
    """The optimiser of a recipe that names none."""
    return _optimizer({})


def _optimizer(value: Any) -> dict[str, Any]:
    """An optimiser, Adam unless named, with arguments that differ by group under ``groups``."""
    chosen: dict[str, Any] = {"name": value} if isinstance(value, str) else {"name": "adam", **value}
    groups: dict[str, dict[str, Any]] = chosen.pop("groups", None) or {}
    config = resolve("optimizer", chosen, "optimizer")
    known = [p.name for p in component("optimizer", config["name"]).parameters]
    config["groups"] = {}
    for group, change in groups.items():
        merged = {**{k: config[k] for k in ("name", *known)}, **change}
        full = resolve("optimizer", merged, f"optimizer.groups.{group}")
        config["groups"][group] = {key: full[key] for key in change}
    return config


def registered_data(name: str) -> dict[str, Any]:
    """Return the configuration of a data set known by name.

    Raises:
        RecipeError: for an unknown name.
    """
    return {"name": component("data", name).name}


def _data(value: Any, locate: Locate) -> Any:
    """Data by name or path, or as a mapping with arguments beside it; those of nested readers likewise."""
    if isinstance(value, str):
        return locate(value)
    if is_mapping(value) and ("name" in value) != ("path" in value):
        arguments = dict(value)
        text = arguments.pop("name", None) or arguments["path"]  # --data PATH data.size=64 names a path
        value = {**locate(str(text)), **arguments}
    if not is_mapping(value) or "name" not in value:
        return value
    nested = [p.name for p in component("data", str(value["name"])).parameters if p.component_kind == "data"]
    return {key: _data(item, locate) if key in nested else item for key, item in value.items()}


def _settings(schema: type[BaseModel], raw: Any, path: str) -> dict[str, Any]:
    if not is_mapping(raw):
        raise RecipeError(f"{path}: expected a mapping, got {raw!r}")
    for key in raw:
        if key not in schema.model_fields:
            hint = nearest(str(key), schema.model_fields)
            raise RecipeError(f"{path}.{key}: there is no such setting{hint}")
    try:
        return schema(**raw).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([path, *(str(part) for part in first["loc"][:1])])
        message = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"{where}: {message} (got {first['input']!r})") from None


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if is_mapping(value) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif is_list(value) and any(is_mapping(item) for item in value):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{path}.{i}")
    else:
        yield path, value
