"""Components by name, known without importing them.

A component is a function or class under one of the decorators below. Arguments a recipe may set
are its keyword-only parameters; what stands before the ``*`` is supplied by the code that uses
it. A class without ``__init__``, or whose ``__init__`` ends in ``**name``, takes the parameters of
its base class, too. Arguments that belong together are a :func:`group`: one parameter, one key. The
catalogue is read from source text, so that ``genus list``, ``--help`` and the check of a recipe need neither
torch nor the component's own imports. Plug-ins are read in the same way, see ``core/source_files.py``.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, TypeVar, cast, dataclass_transform

from genus.core.annotations import definition
from genus.core.errors import GenusError, RecipeError, nearest
from genus.core.signatures import Parameter, parameters_of
from genus.core.source_files import SourceFile, forget_files, source_files

KINDS = (
    "model", "network", "objective", "penalty", "regulariser", "conditioning", "augmentation",
    "augmentation_schedule", "discriminator_schedule", "noise_path", "sampler", "time_distribution",
    "optimizer", "schedule", "data", "metric", "features", "lab",
)  # fmt: skip
"""Kinds of component; each is the name of a decorator in this module."""

_FOLDERS = ("layers", "networks", "objectives", "sampling", "models", "training", "data", "metrics", "lab")
_T = TypeVar("_T", bound=Callable[..., Any])
_C = TypeVar("_C", bound=type)


def _decorator(kind: str) -> Callable[..., Callable[[_T], _T]]:
    def register(name: str, *, paper: str = "", **facts: object) -> Callable[[_T], _T]:
        del facts  # literals that are read from the source text, see Component.facts

        def mark(component: _T) -> _T:
            component.genus_name = name  # type: ignore[attr-defined]
            return component

        return mark

    register.__name__ = kind
    register.__doc__ = f"Register a {kind} under ``name``; ``paper`` is where it comes from."
    return register


model = _decorator("model")
network = _decorator("network")
objective = _decorator("objective")
penalty = _decorator("penalty")
regulariser = _decorator("regulariser")
conditioning = _decorator("conditioning")
augmentation = _decorator("augmentation")
augmentation_schedule = _decorator("augmentation_schedule")
discriminator_schedule = _decorator("discriminator_schedule")
noise_path = _decorator("noise_path")
sampler = _decorator("sampler")
time_distribution = _decorator("time_distribution")
optimizer = _decorator("optimizer")
schedule = _decorator("schedule")
data = _decorator("data")
metric = _decorator("metric")
features = _decorator("features")
lab = _decorator("lab")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def group(fields: _C) -> _C:
    """Make a class a group: a frozen dataclass whose fields a recipe sets under one key.

    A component takes a group as a keyword-only parameter without a default, annotated with the class alone.
    Fields are annotated, documented and given literal defaults as arguments of components are; they may name
    components. A recipe may leave the key out when every field has a default.
    """
    return cast("_C", dataclass(frozen=True, kw_only=True)(fields))


@dataclass(frozen=True)
class Component:
    """An entry of the catalogue."""

    kind: str
    name: str
    module: str
    attribute: str
    paper: str
    doc: str
    parameters: tuple[Parameter, ...]
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the decorator says besides, in literals: what a reader reads (:mod:`genus.data.locate`)."""

    @property
    def summary(self) -> str:
        """First sentence of the docstring."""
        return self.doc.split("\n\n")[0].replace("\n", " ").strip()

    def load(self) -> Any:
        """Import and return the function or class."""
        return getattr(importlib.import_module(self.module), self.attribute)


def component(kind: str, name: str) -> Component:
    """Look a component up.

    Raises:
        RecipeError: when no component of that kind has that name; names the nearest.
    """
    name = str(name)
    holding = [file for file in _marked() if f'@{kind}("{name}"' in file.text]
    if len(holding) == 1:  # one file tells, so that a recipe is bound without reading all others
        found = [entry for entry in _read(holding[0]) if (entry.kind, entry.name) == (kind, name)]
        if len(found) == 1:
            return found[0]
    known = components(kind)
    if name not in known:
        raise RecipeError(f"unknown {kind} {name!r}{nearest(name, known)}")
    return known[name]


@lru_cache
def components(kind: str) -> dict[str, Component]:
    """All components of a kind by name.

    Raises:
        GenusError: when two share a name.
    """
    found: dict[str, Component] = {}
    for file in _marked():
        for entry in _read(file) if f"@{kind}(" in file.text else ():
            if entry.kind == kind and entry.name in found:
                raise GenusError(
                    f"two {kind}s are called {entry.name!r}: {found[entry.name].module} and "
                    f"{entry.module}; rename one"
                )
            if entry.kind == kind:
                found[entry.name] = entry
    return dict(sorted(found.items()))


def catalogue() -> dict[tuple[str, str], Component]:
    """Every component of genus and of installed plug-ins, by (kind, name).

    Raises:
        GenusError: when two components share a kind and a name.
    """
    found = {(kind, name): entry for kind in KINDS for name, entry in components(kind).items()}
    return dict(sorted(found.items()))


def forget_components() -> None:
    """Read all sources anew when they are next asked for, as after a plug-in was installed."""
    forget_files()
    for function in (definition, components, _marked, _read):
        function.cache_clear()


@lru_cache
def _marked() -> tuple[SourceFile, ...]:
    """Files that may hold components, or abstract classes that hand them arguments."""
    files = source_files(_FOLDERS)
    return tuple(file for file in files if "registry" in file.text or "abstractmethod" in file.text)


@cache
def _read(file: SourceFile) -> tuple[Component, ...]:
    """The components of a file; none where it is a plug-in's and one of them is not well-formed."""
    try:
        return tuple(_components(file))
    except (GenusError, ValueError, TypeError, SyntaxError) as error:
        file.leave_out(error)
        return ()


def _components(file: SourceFile) -> Iterator[Component]:
    for node in file.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        for mark in node.decorator_list:
            if (
                isinstance(mark, ast.Call)
                and isinstance(mark.func, ast.Name)
                and mark.func.id in KINDS
                and mark.args
                and isinstance(mark.args[0], ast.Constant)
            ):
                facts = {str(k.arg): ast.literal_eval(k.value) for k in mark.keywords}
                paper = facts.pop("paper", "")
                yield Component(
                    kind=mark.func.id,
                    name=str(mark.args[0].value),
                    module=file.module,
                    attribute=node.name,
                    paper=str(paper),
                    doc=ast.get_docstring(node) or "",
                    parameters=tuple(parameters_of(file.module, node)),
                    facts=facts,
                )
