"""Arguments of components, read from source text: names, types, defaults, help."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genus.core.annotations import COMPONENT_TYPES, annotation_text, definition
from genus.core.errors import GenusError


@dataclass(frozen=True)
class Parameter:
    """A keyword-only parameter of a component.

    Args:
        name: as a recipe writes it.
        annotation: source text of its type.
        default: its default value; None when ``required``.
        required: whether a recipe must give it.
        doc: its line under ``Args`` in the docstring of the function, of the class or of its ``__init__``.
        group: the group that it takes, whose fields stand under its name in a recipe; None for one value.
    """

    name: str
    annotation: str
    default: Any
    required: bool
    doc: str
    group: ArgumentGroup | None = None

    @property
    def component_kind(self) -> str | None:
        """Kind of component this parameter takes, or None for plain values."""
        found = re.search(r"\b(" + "|".join(COMPONENT_TYPES) + r")\b", self.annotation)
        return COMPONENT_TYPES[found[1]] if found else None

    @property
    def many(self) -> bool:
        """Whether a component parameter takes a list of them."""
        return "Sequence[" in self.annotation

    @property
    def optional(self) -> bool:
        """Whether None is a value."""
        return "None" in self.annotation


@dataclass(frozen=True)
class ArgumentGroup:
    """Arguments under one key, which the code receives as one frozen dataclass.

    See :func:`genus.core.registry.group`.
    """

    module: str
    attribute: str
    parameters: tuple[Parameter, ...]

    def load(self) -> Any:
        """Import and return the dataclass."""
        return getattr(importlib.import_module(self.module), self.attribute)


def parameters_of(module: str, node: ast.FunctionDef | ast.ClassDef) -> Iterator[Parameter]:
    """Parameters of a component, its own before those it hands on to its base class.

    Args:
        module: where it is defined.
        node: its definition.

    Raises:
        GenusError: for a class without parameters of its own or of a base class, or a default that is no
            literal.
    """
    signature = _signature(node)
    if signature is None:
        inherited = list(_inherited(module, node))
        if not inherited:
            raise GenusError(f"{module}.{node.name} is registered and so must define __init__")
        yield from inherited
        return
    docs = {
        **argument_docs(ast.get_docstring(node) or ""),
        **argument_docs(ast.get_docstring(signature) or ""),
    }
    own = {arg.arg for arg in signature.args.kwonlyargs}
    for arg, default in zip(signature.args.kwonlyargs, signature.args.kw_defaults, strict=True):
        yield _parameter(module, node.name, arg.arg, arg.annotation, default, docs)
    if signature.args.kwarg is not None:
        yield from (parameter for parameter in _inherited(module, node) if parameter.name not in own)


def argument_docs(doc: str) -> dict[str, str]:
    """Lines under ``Args`` of a docstring, by argument."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", doc, re.M | re.S)
    if not section:
        return {}
    found = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", section[1], re.M | re.S)
    return {name: " ".join(text.split()) for name, text in found}


def _parameter(
    module: str,
    owner: str,
    name: str,
    annotation: ast.expr | None,
    default: ast.expr | None,
    docs: dict[str, str],
) -> Parameter:
    text, doc = annotation_text(module, annotation), docs.get(name, "")
    fields = _group(module, text) if default is None else None
    if fields is not None:
        return Parameter(name, text, default={}, required=False, doc=doc, group=fields)
    try:
        value = None if default is None else ast.literal_eval(default)
    except ValueError:
        raise GenusError(
            f"{module}.{owner}: the default of {name!r} must be a literal, so that it can be shown without "
            "importing torch"
        ) from None
    return Parameter(name, text, default=value, required=default is None, doc=doc)


def _group(module: str, annotation: str) -> ArgumentGroup | None:
    """The group that an annotation names, or None."""
    where, node = (definition(module, annotation) if annotation.isidentifier() else None) or ("", None)
    if not isinstance(node, ast.ClassDef):
        return None
    if not any(isinstance(mark, ast.Name) and mark.id == "group" for mark in node.decorator_list):
        return None
    docs = argument_docs(ast.get_docstring(node) or "")
    fields = tuple(
        _parameter(where, node.name, item.target.id, item.annotation, item.value, docs)
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    )
    return ArgumentGroup(where, node.name, fields)


def _inherited(module: str, node: ast.FunctionDef | ast.ClassDef) -> Iterator[Parameter]:
    """Parameters of the first base class that is known."""
    for base in node.bases if isinstance(node, ast.ClassDef) else []:
        where, parent = (definition(module, base.id) if isinstance(base, ast.Name) else None) or ("", None)
        if isinstance(parent, ast.ClassDef) and (_signature(parent) or parent.bases):
            yield from parameters_of(where, parent)
            return


def _signature(node: ast.FunctionDef | ast.ClassDef) -> ast.FunctionDef | None:
    if isinstance(node, ast.FunctionDef):
        return node
    found = (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__")
    return next(found, None)
