"""Types written as text, built from the names a reader allows; no code in the text is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from genus.core.errors import GenusError


def type_of(text: str, names: Mapping[str, Any]) -> Any:
    """The type that an annotation says.

    Args:
        text: names, ``a | b``, ``a[b, ...]`` and ``Literal`` of constants, as in ``"Sequence[int] | None"``.
        names: what its names mean.

    Raises:
        GenusError: when it says anything else.

    >>> type_of("tuple[int, ...] | None", {"tuple": tuple, "int": int})
    tuple[int, ...] | None
    """
    try:
        return _build(ast.parse(text, mode="eval").body, names)
    except (SyntaxError, TypeError, ValueError, KeyError, RecursionError) as error:
        raise GenusError(
            f"the type {text!r} of an argument is not understood; write it with {', '.join(sorted(names))}"
        ) from error


def _build(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Subscript):
        return _build(node.value, names)[_build(node.slice, names)]
    if isinstance(node, ast.Tuple):
        return tuple(_build(item, names) for item in node.elts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _build(node.left, names) | _build(node.right, names)
    return ast.literal_eval(node)
