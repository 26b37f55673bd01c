"""Annotations of component arguments, read from source text without importing it."""

from __future__ import annotations

import ast
import importlib.util
from functools import lru_cache
from pathlib import Path

_GENUS = Path(__file__).parents[1]
_DEEPEST = 5
"""Imports that are followed from one module to the next."""


def annotation_text(module: str, annotation: ast.expr | None) -> str:
    """The text of an annotation, in which names of ``Literal`` types are written out.

    Args:
        module: dotted name of the module it stands in; an alias may be defined there or imported.
        annotation: the expression; None without one.

    >>> annotation_text("genus.data.folder", ast.parse("Resize", mode="eval").body)
    "Literal['refuse', 'crop', 'pad', 'stretch']"
    """
    if annotation is None:
        return "Any"
    return ast.unparse(_WriteOut(module).visit(ast.parse(ast.unparse(annotation), mode="eval").body))


class _WriteOut(ast.NodeTransformer):
    """Puts the literal types in the place of their names."""

    def __init__(self, module: str) -> None:
        self._module = module

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _literal(self._module, node.id) or node


@lru_cache(maxsize=1024)
def _literal(module: str, name: str, depth: int = 0) -> ast.expr | None:
    """The ``Literal[…]`` that a name stands for in a module, or None when it is something else."""
    if depth > _DEEPEST:
        return None
    for node in _body(module):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return node.value if ast.unparse(node.value).startswith("Literal[") else None
        if isinstance(node, ast.ImportFrom) and _is_ours(module, node):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _literal(node.module or "", alias.name, depth + 1)
    return None


def _is_ours(module: str, node: ast.ImportFrom) -> bool:
    """Whether something is imported from genus or from the module's own package."""
    package = (node.module or "").partition(".")[0]
    return not node.level and package in ("genus", module.partition(".")[0])


@lru_cache(maxsize=256)
def _body(module: str) -> tuple[ast.stmt, ...]:
    """Statements of a module of genus or of a plug-in; none for other modules, whose aliases stay names."""
    path = _path(module)
    return () if path is None else tuple(ast.parse(path.read_text(encoding="utf-8")).body)


def _path(module: str) -> Path | None:
    package, *rest = module.split(".")
    if package == "genus":
        stem = _GENUS.joinpath(*rest)
    else:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            return Path(spec.origin) if spec is not None and spec.origin and not rest else None
        stem = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    found = (path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file())
    return next(found, None)
