"""Components by name, known without importing them.

A component is a function or class under one of the decorators below. Arguments a recipe may set
are its keyword-only parameters; what stands before the ``*`` is supplied by the code that uses
it. A class without ``__init__``, or whose ``__init__`` ends in ``**name``, takes the parameters of
its base class, too. The catalogue is read from source text, so that ``genus list``, ``--help`` and
the check of a recipe need neither torch nor the component's own imports. Plug-ins are read in the same way,
see ``core/source_files.py``.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

from genus.core.errors import GenusError, RecipeError, nearest
from genus.core.source_files import SourceFile, find_class, source_files

KINDS = (
    "model", "network", "objective", "penalty", "regulariser", "conditioning", "augmentation",
    "augmentation_schedule", "discriminator_schedule",
    "optimizer", "schedule", "data", "metric", "features", "lab",
)  # fmt: skip
"""Kinds of component; each is the name of a decorator in this module."""

_FOLDERS = ("networks", "objectives", "models", "training", "data", "metrics", "lab")
_T = TypeVar("_T", bound=Callable[..., Any])


def _decorator(kind: str) -> Callable[..., Callable[[_T], _T]]:
    def register(name: str, *, paper: str = "") -> Callable[[_T], _T]:
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
optimizer = _decorator("optimizer")
schedule = _decorator("schedule")
data = _decorator("data")
metric = _decorator("metric")
features = _decorator("features")
lab = _decorator("lab")

COMPONENT_TYPES = {
    "Network": "network", "Objective": "objective", "Penalty": "penalty",
    "Regulariser": "regulariser", "ConditioningFactory": "conditioning", "Augmentation": "augmentation",
    "AugmentationScheduleFactory": "augmentation_schedule",
    "DiscriminatorScheduleFactory": "discriminator_schedule",
}  # fmt: skip
"""Annotations that say: a recipe names a component here, and the code receives it with its
recipe arguments already bound."""


@dataclass(frozen=True)
class Parameter:
    """A keyword-only parameter of a component.

    Args:
        name: as a recipe writes it.
        annotation: source text of its type.
        default: its default value; None when ``required``.
        required: whether a recipe must give it.
        doc: its line under ``Args`` in the docstring of the function, of the class or of its ``__init__``.
    """

    name: str
    annotation: str
    default: Any
    required: bool
    doc: str

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
class Component:
    """An entry of the catalogue."""

    kind: str
    name: str
    module: str
    attribute: str
    paper: str
    doc: str
    parameters: tuple[Parameter, ...]

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
    for function in (source_files, components, _marked, _read):
        function.cache_clear()


@lru_cache
def _marked() -> tuple[SourceFile, ...]:
    """Files that may hold components, or abstract classes that hand them arguments."""
    files = source_files(_FOLDERS)
    return tuple(file for file in files if "registry" in file.text or "abstractmethod" in file.text)


@cache
def _read(file: SourceFile) -> tuple[Component, ...]:
    """The components of a file."""
    return tuple(_components(file))


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
                paper = next((ast.literal_eval(k.value) for k in mark.keywords if k.arg == "paper"), "")
                yield Component(
                    kind=mark.func.id,
                    name=str(mark.args[0].value),
                    module=file.module,
                    attribute=node.name,
                    paper=str(paper),
                    doc=ast.get_docstring(node) or "",
                    parameters=tuple(_parameters(file.module, node)),
                )


def _parameters(module: str, node: ast.FunctionDef | ast.ClassDef) -> Iterator[Parameter]:
    """Parameters of a component, its own before those it hands on to its base class."""
    signature = _signature(node)
    if signature is None:
        inherited = list(_inherited(node))
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
        try:
            value = None if default is None else ast.literal_eval(default)
        except ValueError:
            raise GenusError(
                f"{module}.{node.name}: the default of {arg.arg!r} must be a literal, so that it "
                "can be shown without importing torch"
            ) from None
        yield Parameter(
            name=arg.arg,
            annotation=ast.unparse(arg.annotation) if arg.annotation else "Any",
            default=value,
            required=default is None,
            doc=docs.get(arg.arg, ""),
        )
    if signature.args.kwarg is not None:
        yield from (parameter for parameter in _inherited(node) if parameter.name not in own)


def _inherited(node: ast.FunctionDef | ast.ClassDef) -> Iterator[Parameter]:
    """Parameters of the first base class that is known."""
    for base in node.bases if isinstance(node, ast.ClassDef) else []:
        if isinstance(base, ast.Name) and (found := find_class(base.id, _marked())):
            file, parent = found
            yield from _parameters(file.module, parent)
            return


def _signature(node: ast.FunctionDef | ast.ClassDef) -> ast.FunctionDef | None:
    if isinstance(node, ast.FunctionDef):
        return node
    found = (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__")
    return next(found, None)


def argument_docs(doc: str) -> dict[str, str]:
    """Lines under ``Args`` of a docstring, by argument."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", doc, re.M | re.S)
    if not section:
        return {}
    found = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", section[1], re.M | re.S)
    return {name: " ".join(text.split()) for name, text in found}
