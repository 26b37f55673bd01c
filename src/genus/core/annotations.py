"""Names in annotations of component arguments, looked up in source text without importing it."""

from __future__ import annotations

import ast
from functools import lru_cache

from genus.core.source_files import source_file

COMPONENT_TYPES = {
    "Network": "network", "Objective": "objective", "Penalty": "penalty",
    "Regulariser": "regulariser", "ConditioningFactory": "conditioning", "Augmentation": "augmentation",
    "AugmentationScheduleFactory": "augmentation_schedule",
    "DiscriminatorScheduleFactory": "discriminator_schedule", "Reader": "data",
    "NoisePathFactory": "noise_path", "Sampler": "sampler", "TimeDistribution": "time_distribution",
}  # fmt: skip
"""Annotations that say: a recipe names a component here, and the code receives it with its
recipe arguments already bound."""

_KNOWN = frozenset({
    "Any", "Literal", "Mapping", "Sequence", "bool", "dict", "float", "int", "list", "str", "tuple",
    *COMPONENT_TYPES,
})  # fmt: skip
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
    text = ast.unparse(annotation)
    names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)} - _KNOWN
    return ast.unparse(_WriteOut(module).visit(ast.parse(text, mode="eval").body)) if names else text


class _WriteOut(ast.NodeTransformer):
    """Puts the literal types in the place of their names."""

    def __init__(self, module: str) -> None:
        self._module = module

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = None if node.id in _KNOWN else definition(self._module, node.id)
        if found is not None and isinstance(found[1], ast.Assign):
            value = found[1].value
            return value if ast.unparse(value).startswith("Literal[") else node
        return node


@lru_cache(maxsize=1024)
def definition(module: str, name: str, depth: int = 0) -> tuple[str, ast.Assign | ast.ClassDef] | None:
    """The module and statement that define a name of genus or of a plug-in; None for other names.

    Args:
        module: dotted name of the module that uses it.
        name: of a class or an alias, defined there or imported.
        depth: imports followed so far.
    """
    file = source_file(module) if depth <= _DEEPEST else None
    for node in [] if file is None else file.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return module, node
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and _is_ours(module, node):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return definition(node.module or "", alias.name, depth + 1)
    return None


def _is_ours(module: str, node: ast.ImportFrom) -> bool:
    """Whether something is imported from genus or from the module's own package."""
    package = (node.module or "").partition(".")[0]
    return not node.level and package in ("genus", module.partition(".")[0])
