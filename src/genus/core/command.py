"""Commands: public functions under a decorator, known without importing them.

A command is a function under :func:`command` in a file of ``verbs/`` or of a plug-in. Its parameters are the
arguments of the command line; ``show`` is the function that carries the call out for a person and prints, and
its keyword-only parameters are further options. Names and summaries are read from source text, so that
``genus --help`` imports no command.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from genus.core.errors import GenusError
from genus.core.source_files import SourceFile, source_files

_FOLDER = "verbs"
_T = TypeVar("_T", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Argument:
    """Form of a parameter on the command line; used in ``Annotated[type, Argument(...)]``.

    Without one, parameters before the ``*`` are words and those behind it are options, ``bool`` is a flag,
    a sequence is several words or, as an option, one word with commas. The line under ``Args`` of the
    docstring is its help, up to "; in Python …".

    Args:
        metavar: what stands for the value in help.
        positional: whether it is a word rather than an option; by default as in Python.
        aliases: other names of the option, such as ``--given``.
        default: in place of the function's, on the command line only; None for the same.
        parse: from the text to the value; raises ``ValueError`` with what to write instead.
        hidden: for Python only.
    """

    metavar: str = ""
    positional: bool | None = None
    aliases: tuple[str, ...] = ()
    default: Any = None
    parse: Callable[[str], Any] | None = None
    hidden: bool = False


PYTHON_ONLY = Argument(hidden=True)
"""Marks a parameter that the command line does not have, such as callbacks."""

RunFolder = Annotated[str | PathLike[str], Argument(metavar="RUN")]
"""A run, or its folder."""

RecipeSource = Annotated[str | Path | Mapping[str, Any], Argument(metavar="RECIPE")]
"""A recipe by name, by the path of a YAML file, or the mapping itself."""

DataSource = Annotated[str | None, Argument(metavar="NAME|PATH")]
"""Data by name or path; None for those of the recipe."""

Overrides = Annotated[Sequence[str], Argument(metavar="key=value", positional=True)]
"""Settings to change, ``key.path=value``."""

Settings = Annotated[Mapping[str, Any] | None, Argument(metavar="key=value", positional=True)]
"""Arguments by name, ``key=value`` on the command line."""

Checkpoint = Literal["auto", "latest", "best"]
"""Which checkpoint of a run: ``auto`` is the best one where early stopping was on, else the latest."""


@dataclass(frozen=True)
class Command:
    """A command that was imported.

    Args:
        name: its word, or two, as in ``features train``.
        function: the public function.
        show: carries out a ``functools.partial`` of the function that holds the arguments, and prints; its
            keyword-only parameters are options.
        explain: prints in place of help when ``--help`` stands beside words; given such a call, too.
    """

    name: str
    function: Callable[..., Any]
    show: Callable[..., None]
    explain: Callable[[partial[Any]], None] | None = None


@dataclass(frozen=True)
class CommandEntry:
    """A command as its source text shows it.

    Args:
        name: its word, or two.
        module: where it is.
        attribute: the function there.
        summary: first line of its docstring.
    """

    name: str
    module: str
    attribute: str
    summary: str

    def load(self) -> Command:
        """Import and return the command."""
        return getattr(importlib.import_module(self.module), self.attribute).genus_command


def command(
    name: str, *, show: Callable[..., None], explain: Callable[[partial[Any]], None] | None = None
) -> Callable[[_T], _T]:
    """Register a public function as ``genus NAME``; see :class:`Command`."""

    def mark(function: _T) -> _T:
        function.genus_command = Command(name, function, show, explain)  # type: ignore[attr-defined]
        return function

    return mark


@lru_cache(maxsize=1)
def commands() -> dict[str, CommandEntry]:
    """Every command of genus and of installed plug-ins, by name.

    Raises:
        GenusError: when two have one name.
    """
    found: dict[str, CommandEntry] = {}
    for file in _sources():
        for entry in _read(file):
            if entry.name in found:
                both = f"{found[entry.name].module} and {entry.module}"
                raise GenusError(f"two commands are called {entry.name!r}: {both}; rename one")
            found[entry.name] = entry
    return dict(sorted(found.items()))


def find_command(name: str) -> CommandEntry | None:
    """The command of a name, from its own file alone where one file has it."""
    holding = [file for file in _sources() if f'@command("{name}"' in file.text]
    if len(holding) == 1:
        return next((entry for entry in _read(holding[0]) if entry.name == name), None)
    return commands().get(name)


@lru_cache(maxsize=1)
def public_functions() -> dict[str, str]:
    """Functions that ``genus.NAME`` offers, with their modules: all of ``verbs/`` without an underscore."""
    own = [file for file in _sources() if file.module.startswith(f"genus.{_FOLDER}.")]
    return {
        node.name: file.module for file in own for node in file.functions() if not node.name.startswith("_")
    }


def _sources() -> list[SourceFile]:
    return [file for file in source_files((_FOLDER,)) if "genus.core.command" in file.text]


def _read(file: SourceFile) -> Iterator[CommandEntry]:
    for node in file.functions():
        summary = (ast.get_docstring(node) or "").partition("\n")[0]
        yield from (CommandEntry(name, file.module, node.name, summary) for name in _names(node))


def _names(node: ast.FunctionDef) -> list[str]:
    """Names under which a function is registered."""
    return [
        str(mark.args[0].value)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call)
        and isinstance(mark.func, ast.Name)
        and mark.func.id == "command"
        and mark.args
        and isinstance(mark.args[0], ast.Constant)
    ]
