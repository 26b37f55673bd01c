"""The text of recipes: files, YAML, variants, overrides."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from genus.core.binder import is_list, is_mapping
from genus.core.errors import RecipeError, nearest
from genus.core.source_files import plugin_folders

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where it was compiled
_SURPRISES = re.compile(r"(?i:yes|no|on|off)|[-+]?0[0-7_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")


class _Loader(_BASE):
    """Reads what YAML 1.1 alone takes for truth values, octal or sexagesimal numbers or dates as text.

    A column may be called ``NO``, ``010`` or ``12:30``; where a truth value is wanted, ``yes`` is one still.
    """

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        parent: Any = super()
        tag: Any = parent.resolve(kind, value, implicit)
        surprising = str(tag).endswith(":timestamp") or (
            kind is yaml.ScalarNode and implicit[0] and _SURPRISES.fullmatch(value)
        )
        return "tag:yaml.org,2002:str" if surprising else tag


_DEEPEST = 50
"""Levels of keys and values within each other; what is deeper is no recipe, and recursion would end in it."""

BOOK = Path(__file__).parents[1] / "recipes"
"""Folder of the recipes that come with genus."""


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
    if len(keys) > _DEEPEST:
        raise RecipeError(f"override {_short(text)!r}: keys are nested more than {_DEEPEST} deep")
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
    parsed = _load_yaml(value, f"override {_short(text)!r}")
    if is_list(here):
        if not keys[-1].isdigit() or int(keys[-1]) >= len(here):
            raise RecipeError(f"override {text!r}: the list has {len(here)} items, counted from 0")
        here[int(keys[-1])] = parsed
    else:
        here[keys[-1]] = parsed


def with_variants(raw: dict[str, Any], name: str, chosen: Sequence[str]) -> dict[str, Any]:
    """A recipe with the overrides of some of its variants applied, in place.

    A variant that is null is none: that of a parent does not apply.

    Raises:
        RecipeError: when it has no such variant; names the nearest.
    """
    listed = cast("dict[str, Any]", raw.get("variants") or {})
    variants = {key: changes for key, changes in listed.items() if changes is not None}
    for variant in chosen:
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


def read_recipe(source: str, fits: Sequence[str] = ()) -> tuple[str, dict[str, Any]]:
    """Name and raw mapping of a recipe, with its parent and its variants applied.

    Args:
        source: name of a recipe or path of a YAML file, with ``@VARIANT`` behind it for one of its variants.
        fits: names of further variants, which are applied before that one.

    Raises:
        RecipeError: when there is no such recipe or variant; names the nearest.
    """
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
        parent = read_recipe(str(base))[1] if str(base) in recipe_files() else None
        if parent is None:
            raise RecipeError(
                f"{path.name}: extends unknown recipe {base!r}{nearest(str(base), recipe_files())}"
            )
        for key in ("paper", "equation", "expects"):  # they are those of the parent's settings
            parent.pop(key, None)
        raw = merge(parent, raw)
    raw = with_variants(raw, path.stem, [*fits, variant] if variant else fits)
    return f"{path.stem}-{variant}" if variant else path.stem, raw


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """Read one YAML mapping safely: no tags, no aliases.

    Raises:
        RecipeError: when it is not a plain mapping.
    """
    raw = _load_yaml(text, where)
    if not isinstance(raw, dict):
        raise RecipeError(f"{where}: a recipe is a mapping of keys to values")
    return cast("dict[str, Any]", raw)


def _load_yaml(text: str, where: str) -> Any:
    """Read any YAML value safely: no tags, no aliases, no nesting that would exhaust the interpreter.

    Raises:
        RecipeError: saying where it stands.
    """
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                raise RecipeError(f"{where}: YAML aliases are not allowed; write the value out")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise RecipeError(f"{where}: values are nested more than {_DEEPEST} deep")
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: not valid YAML: {error}") from None


def _short(text: str) -> str:
    """A text as messages quote it."""
    return text if len(text) <= 80 else text[:79] + "…"


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
