"""Bind a recipe's words to components: check every key, write every default out, build.

Checking reads only the catalogue (no torch); building imports the components.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeGuard, cast

from pydantic import TypeAdapter, ValidationError

from genus.core import ranges
from genus.core.errors import RecipeError, nearest
from genus.core.registry import Parameter, component
from genus.core.type_expressions import type_of

_TYPES: dict[str, Any] = {
    "Sequence": Sequence, "Literal": Literal, "Mapping": Mapping, "Any": Any,
    **{kind.__name__: kind for kind in (bool, dict, float, int, list, str, tuple)},
    **{name: getattr(ranges, name) for name in ranges.__all__},
    "int": ranges.Whole, "float": ranges.Number,
}  # fmt: skip


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a YAML value is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a YAML value is a list."""
    return isinstance(value, list)


def resolve(kind: str, value: Any, path: str) -> dict[str, Any]:
    """Return ``value`` as ``{"name": …, argument: …}`` with every default written out.

    Args:
        kind: kind of component.
        value: a name, or a mapping with ``name`` and arguments beside it.
        path: where it stands in the recipe, for messages.

    Raises:
        RecipeError: for an unknown name or key, a missing argument or a value of the wrong type.
    """
    if isinstance(value, str):
        value = {"name": value}
    if not is_mapping(value) or "name" not in value:
        raise RecipeError(f"{path}: expected the name of a {kind}, or a mapping with a 'name'; got {value!r}")
    given = dict(value)
    name = given.pop("name")
    try:
        entry = component(kind, name)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None
    return {"name": name, **_arguments(entry.parameters, given, path, f"{kind} {name!r}")}


def _arguments(
    parameters: Sequence[Parameter], given: Mapping[str, Any], path: str, owner: str
) -> dict[str, Any]:
    """Arguments of a component, or fields of a group, with every default written out."""
    known = {parameter.name: parameter for parameter in parameters}
    for key in given:
        if key not in known:
            raise RecipeError(f"{path}.{key}: {owner} takes no {key!r}{nearest(key, known)}")
    resolved: dict[str, Any] = {}
    for name, parameter in known.items():
        where = f"{path}.{name}"
        if name not in given and parameter.required:
            raise RecipeError(f"{where}: {owner} needs it ({parameter.doc or 'no default'})")
        resolved[name] = _value(parameter, given.get(name, parameter.default), where)
    return resolved


def build(kind: str, config: Mapping[str, Any], *args: Any) -> Any:
    """Call a component with a resolved configuration; ``args`` come before its own arguments."""
    return bind(kind, config)(*args)


def bind(kind: str, config: Mapping[str, Any]) -> functools.partial[Any]:
    """Return a component with its recipe arguments bound, nested components bound likewise."""
    entry = component(kind, config["name"])
    return functools.partial(entry.load(), **_bound(entry.parameters, config))


def _bound(parameters: Sequence[Parameter], config: Mapping[str, Any]) -> dict[str, Any]:
    """Resolved arguments as the code receives them: components bound, groups as their dataclass."""
    arguments: dict[str, Any] = {}
    for parameter in parameters:
        value = config[parameter.name]
        nested = parameter.component_kind
        if parameter.group is not None:
            arguments[parameter.name] = parameter.group.load()(**_bound(parameter.group.parameters, value))
        elif nested is None or value is None:
            arguments[parameter.name] = tuple(value) if is_list(value) else value
        elif parameter.many:
            arguments[parameter.name] = tuple(bind(nested, item) for item in value)
        else:
            arguments[parameter.name] = bind(nested, value)
    return arguments


def _value(parameter: Parameter, value: Any, path: str) -> Any:
    if parameter.group is not None:
        fields = parameter.group.parameters
        if not is_mapping(value):
            names = ", ".join(field.name for field in fields)
            raise RecipeError(f"{path}: expected a mapping with any of {names}; got {value!r}")
        return _arguments(fields, value, path, f"{parameter.name!r}")
    nested = parameter.component_kind
    if nested is not None:
        if value is None and parameter.optional:
            return None
        if not parameter.many:
            return resolve(nested, value, path)
        items: list[Any] = list(value or ()) if is_list(value) or not value else [value]
        return [resolve(nested, item, f"{path}.{i}") for i, item in enumerate(items)]
    return coerce(value, parameter.annotation, path)


def coerce(value: Any, annotation: str, path: str) -> Any:
    """Convert a YAML value to the annotated type, or raise an error that names the expected type.

    >>> coerce("1e-4", "float", "optimizer.lr")
    0.0001
    """
    try:
        result: Any = _adapter(annotation).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"{path}: {message} (got {value!r}; the type is {annotation})") from None
    if any(isinstance(item, float) and not math.isfinite(item) for item in _items(result)):
        raise RecipeError(f"{path}: Input should be finite (got {value!r})")
    return [*result] if isinstance(result, tuple) else result  # pyright: ignore[reportUnknownVariableType]


def _items(value: Any) -> Iterator[Any]:
    """What a value holds at any depth, without recursion, which a deep one would exhaust."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if is_mapping(here):
            waiting.extend(here.values())
        elif isinstance(here, list | tuple):
            waiting.extend(cast("Sequence[Any]", here))
        else:
            yield here


@functools.cache
def _adapter(annotation: str) -> TypeAdapter[Any]:
    return TypeAdapter(type_of(annotation, _TYPES))
