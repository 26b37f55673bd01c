"""Recipes: YAML files that name components and their arguments."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from genus.core.binder import coerce, is_list, is_mapping, resolve
from genus.core.errors import RecipeError, nearest
from genus.core.length import Length
from genus.core.registry import component
from genus.core.source_files import plugin_folders

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where it was compiled
Locate = Callable[[str], dict[str, Any]]
"""From a name or path to a data configuration."""

BOOK = Path(__file__).parents[1] / "recipes"
"""Folder of the recipes that come with genus."""


def check_length(value: Any) -> Any:
    """Pass a value that :meth:`Length.parse` reads, or None; for fields of schemas.

    Raises:
        ValueError: saying how lengths are written.
    """
    if value is not None:
        try:
            Length.parse(value)
        except RecipeError as error:
            raise ValueError(str(error)) from None
    return value


class TrainSettings(BaseModel):
    """Settings of training; the same keys for every model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    length: int | float | str = Field(description="iterations, '2 minutes', '500k samples' or '10 epochs'")
    batch: int = Field(64, ge=1, description="examples per update, over all ranks")
    seed: int = Field(0, ge=0, description="seed of weights, data order and noise")
    precision: Literal["32", "bf16-mixed", "auto"] = Field(
        "32", description="arithmetic of forward passes; auto: bf16-mixed where the hardware is fast at it"
    )
    labels: int | None = Field(None, ge=1, description="labels the model may see; null for all")
    accumulate: int = Field(1, ge=1, description="micro-batches per update")
    clip: float | None = Field(None, gt=0, description="largest norm of a group's gradient")
    ema: float | None = Field(None, gt=0, lt=1, description="decay of the averaged weights; null for none")
    schedule: Any = Field("constant", description="learning-rate schedule")
    warmup: int = Field(0, ge=0, description="iterations over which the learning rate rises from 0")
    channels_last: bool = Field(False, description="memory layout of image networks")
    workers: int = Field(0, ge=0, description="processes that read data")
    save_every: int | float | str = Field("60 seconds", description="between checkpoints")
    keep: int = Field(2, ge=1, description="newest checkpoints kept, besides the best")
    sample_every: int | float | str = Field("30 seconds", description="between sample sheets")
    score_every: int | float | str | None = Field(None, description="between scores; null for none")
    score_samples: int = Field(500, ge=10, description="examples per score")
    patience: int | None = Field(
        None, ge=1, description="stop after so many scores without a better one; null for never"
    )
    log_every: int = Field(10, ge=1, description="iterations between lines of metrics.jsonl")
    doctor: Literal["off", "watch", "act"] = Field(
        "watch", description="name illnesses of the run as they show; act: also treat them with smaller steps"
    )
    doctor_every: int | float | str | None = Field(
        None, description="between the doctor's looks at samples; null for ten per run"
    )
    tensorboard: bool = Field(False, description="also write TensorBoard events")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where to train")

    @field_validator("precision", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value)

    @field_validator("doctor", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML reads off as false

    @field_validator("length", "save_every", "sample_every", "score_every", "doctor_every")
    @classmethod
    def _length(cls, value: Any) -> Any:
        return check_length(value)


class Expects(BaseModel):
    """Cost and scores that the recipe's author measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cost: str = Field("", description="time on two CPU cores")
    numbers: dict[str, str] = Field(default_factory=dict, description="scores with their conditions")


_TEXT_KEYS = ("summary", "paper", "equation", "deviations")
_KEYS = ("extends", *_TEXT_KEYS, "model", "optimizer", "data", "train", "expects", "variants")


@dataclass(frozen=True)
class Recipe:
    """A recipe with every default written out.

    Args:
        name: file name without suffix.
        config: the resolved mapping; plain values only, so that it can be saved and rebuilt.
    """

    name: str
    config: Mapping[str, Any]

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


def recipe_files() -> dict[str, Path]:
    """All recipes by name: genus' own, and those in ``recipes/`` of installed plug-ins.

    Raises:
        RecipeError: when two have the same name.
    """
    files: dict[str, Path] = {}
    for folder in [BOOK, *(folder / "recipes" for folder in plugin_folders())]:
        for path in sorted(folder.rglob("*.yaml")):
            if path.stem in files:
                raise RecipeError(
                    f"two recipes are named {path.stem!r}: {files[path.stem]} and {path}; rename one, or "
                    "uninstall the plug-in it belongs to"
                )
            files[path.stem] = path
    return files


def load_recipe(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    data: str | None = None,
    locate: Locate | None = None,
) -> Recipe:
    """Read a recipe, apply overrides, and check and complete every key.

    Args:
        source: name of a recipe, path of a YAML file, or the mapping itself; ``NAME@VARIANT`` takes the
            other numbers that the recipe lists under ``variants``.
        overrides: texts ``"key.path=value"``, values in YAML.
        data: name of a data set or path, in place of the recipe's.
        locate: finds the reader for a name or path; by default only registered names are known.

    Raises:
        RecipeError: naming the path in the recipe and the nearest known name.

    >>> load_recipe("rbm", ["train.batch=7"]).train.batch
    7
    """
    name, raw = ("recipe", dict(source)) if isinstance(source, Mapping) else _read(str(source))
    raw = copy.deepcopy(raw)
    raw.pop("variants", None)
    if data is not None:
        raw["data"] = data
    for text in overrides:
        apply_override(raw, text)
    return Recipe(name, _complete(raw, locate or registered_data))


def apply_override(raw: dict[str, Any], text: str) -> None:
    """Set ``key.path=value`` in a raw recipe, in place.

    Setting a component by name replaces it; setting an argument keeps the rest.

    >>> raw = {"model": {"generator": "dcgan"}}
    >>> apply_override(raw, "model.generator.width=32")
    >>> raw
    {'model': {'generator': {'name': 'dcgan', 'width': 32}}}
    """
    path, separator, value = text.partition("=")
    if not separator or not path.strip():
        raise RecipeError(f"override {text!r} is not understood; write key.path=value")
    keys = path.strip().split(".")
    here: Any = raw
    for depth, key in enumerate(keys[:-1]):
        step: Any = int(key) if is_list(here) and key.isdigit() else key
        try:
            child = _step_into(here, step)
        except (IndexError, TypeError):
            raise RecipeError(f"override {text!r}: there is no {'.'.join(keys[: depth + 1])!r}") from None
        if isinstance(child, str):
            child = here[step] = {"name": child}
        elif child is None:
            child = here[step] = {}
        if not is_mapping(child) and not is_list(child):
            raise RecipeError(
                f"override {text!r}: {'.'.join(keys[: depth + 1])!r} is the value {child!r} and has no keys"
            )
        here = child
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"override {text!r}: the value is not YAML ({error})") from None
    if is_list(here):
        if not keys[-1].isdigit() or int(keys[-1]) >= len(here):
            raise RecipeError(f"override {text!r}: the list has {len(here)} items, counted from 0")
        here[int(keys[-1])] = parsed
    else:
        here[keys[-1]] = parsed


def _with_variant(raw: dict[str, Any], name: str, variant: str) -> dict[str, Any]:
    """A recipe with the overrides of one of its variants applied.

    Raises:
        RecipeError: when it has no such variant; names the nearest.
    """
    variants = cast("dict[str, Any]", raw.get("variants") or {})
    if variant not in variants:
        known = nearest(variant, variants) if variants else "; it has none"
        raise RecipeError(f"recipe {name!r} has no variant {variant!r}{known}")
    changes = variants[variant]
    if not is_mapping(changes):
        raise RecipeError(f"recipe {name!r}: variant {variant!r} is a mapping of key.path to value")
    raw.pop("expects", None)  # it was measured without the variant
    for path, value in changes.items():
        apply_override(raw, f"{path}={json.dumps(value)}")
    return raw


def _step_into(here: Any, step: Any) -> Any:
    return here[step] if is_list(here) else here.setdefault(step, {})


def _read(source: str) -> tuple[str, dict[str, Any]]:
    stem, _, variant = source.rpartition("@")
    if Path(source).is_file() or not stem or "/" in variant:  # an @ in the name of a file or folder
        variant = ""
    source = stem if variant else source
    path = Path(source)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise RecipeError(f"recipe file {source!r} does not exist")
    else:
        files = recipe_files()
        if source not in files:
            raise RecipeError(f"unknown recipe {source!r}{nearest(source, files)}")
        path = files[source]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe file {source!r} cannot be read as UTF-8 text: {error}") from None
    raw = parse_yaml(text, str(path))
    base = raw.pop("extends", None)
    if base is not None:
        parent = _read(str(base))[1] if str(base) in recipe_files() else None
        if parent is None:
            raise RecipeError(
                f"{path.name}: extends unknown recipe {base!r}{nearest(str(base), recipe_files())}"
            )
        parent.pop("expects", None)  # it was measured with the parent's settings
        raw = merge(parent, raw)
    if variant:
        return f"{path.stem}-{variant}", _with_variant(raw, path.stem, variant)
    return path.stem, raw


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """Read one YAML mapping safely: no tags, no aliases.

    Raises:
        RecipeError: when it is not a plain mapping.
    """
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                raise RecipeError(f"{where}: YAML aliases are not allowed; write the value out")
        raw = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise RecipeError(f"{where}: a recipe is a mapping of keys to values")
    return cast("dict[str, Any]", raw)


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay ``change`` over ``base``; a component of another name replaces, else keys merge."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        if isinstance(old, str) and is_mapping(value):
            old = {"name": old}
        result[key] = copy.deepcopy(value)
        if is_mapping(old) and is_mapping(value) and value.get("name", old.get("name")) == old.get("name"):
            result[key] = merge(old, value)
    return result


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
