"""Components by name, known without importing them.

A component is a function or class under one of the decorators below. Arguments a recipe may set
are its keyword-only parameters; what stands before the ``*`` is supplied by the code that uses
it. A class without ``__init__``, or whose ``__init__`` ends in ``**name``, takes the parameters of
its base class, too. The catalogue is read from source text, so that ``genus list``, ``--help`` and
the check of a recipe need neither torch nor the component's own imports.

Plug-ins: a package with an entry point in the group ``genus.plugins`` whose value is a module
name; that module (or every file of that package) is read in the same way.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from genus.core.errors import GenusError, RecipeError, nearest

KINDS = (
    "model", "network", "objective", "penalty", "regulariser", "conditioning", "augmentation",
    "augmentation_schedule", "discriminator_schedule",
    "optimizer", "schedule", "data", "metric", "features", "lab",
)  # fmt: skip
"""Kinds of component; each is the name of a decorator in this module."""

ENTRY_POINTS = "genus.plugins"
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
    known = components(kind)
    if name not in known:
        raise RecipeError(f"unknown {kind} {name!r}{nearest(str(name), known)}")
    return known[name]


def components(kind: str) -> dict[str, Component]:
    """All components of a kind by name."""
    return {name: entry for (k, name), entry in catalogue().items() if k == kind}


@lru_cache(maxsize=1)
def catalogue() -> dict[tuple[str, str], Component]:
    """Every component of genus and of installed plug-ins, by (kind, name).

    Raises:
        GenusError: when two components share a kind and a name.
    """
    found: dict[tuple[str, str], Component] = {}
    files = [(module, tree.body) for module, path in source_files(_FOLDERS) if (tree := _parse(path))]
    classes = {n.name: (module, n) for module, body in files for n in body if isinstance(n, ast.ClassDef)}
    for module, body in files:
        for entry in _read(module, body, classes):
            key = (entry.kind, entry.name)
            if key in found:
                raise GenusError(
                    f"two {entry.kind}s are called {entry.name!r}: {found[key].module} and "
                    f"{entry.module}; rename one"
                )
            found[key] = entry
    return dict(sorted(found.items()))


def plugin_folders() -> list[Path]:
    """Folders of installed plug-in packages (they may hold ``recipes/``)."""
    folders: list[Path] = []
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        spec = importlib.util.find_spec(entry.value)
        if spec is None or spec.origin is None:
            raise GenusError(f"plug-in {entry.name!r} names {entry.value!r}, which is not installed")
        folders.append(Path(spec.origin).parent)
    return folders


def source_files(folders: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Modules and their files: those of genus in these folders, then those of installed plug-ins."""
    root = Path(__file__).parents[1]
    for folder in folders:
        yield from _files(f"genus.{folder}", root / folder)
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        spec = importlib.util.find_spec(entry.value)
        if spec is None or spec.origin is None:
            raise GenusError(f"plug-in {entry.name!r} names {entry.value!r}, which is not installed")
        if spec.submodule_search_locations:
            yield from _files(entry.value, Path(spec.origin).parent)
        else:
            yield entry.value, Path(spec.origin)


def _files(package: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        yield ".".join((package, *(p for p in parts if p != "__init__"))), path


_Classes = dict[str, tuple[str, ast.ClassDef]]


def _parse(path: Path) -> ast.Module | None:
    """The source of a file that may hold components, or abstract classes that hand them arguments."""
    text = path.read_text(encoding="utf-8")
    return ast.parse(text) if "registry" in text or "abstractmethod" in text else None


def _read(module: str, body: list[ast.stmt], classes: _Classes) -> Iterator[Component]:
    for node in body:
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
                    module=module,
                    attribute=node.name,
                    paper=str(paper),
                    doc=ast.get_docstring(node) or "",
                    parameters=tuple(_parameters(module, node, classes)),
                )


def _parameters(module: str, node: ast.FunctionDef | ast.ClassDef, classes: _Classes) -> Iterator[Parameter]:
    """Parameters of a component, its own before those it hands on to its base class."""
    signature = _signature(node)
    if signature is None:
        inherited = list(_inherited(node, classes))
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
        yield from (parameter for parameter in _inherited(node, classes) if parameter.name not in own)


def _inherited(node: ast.FunctionDef | ast.ClassDef, classes: _Classes) -> Iterator[Parameter]:
    """Parameters of the first base class that is known."""
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    for base in bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _parameters(*classes[base.id], classes)
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
