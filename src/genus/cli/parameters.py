"""Arguments of the command line, read from the signatures of a command's functions."""

from __future__ import annotations

import builtins
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from genus.core.command import Argument, Command
from genus.core.errors import GenusError
from genus.core.signatures import argument_docs

_METAVARS = {int: "N", float: "NUMBER", str: "TEXT"}
_MISSING = inspect.Parameter.empty
_FOR_PYTHON = re.compile(r"[;.] [Ii]n Python.*$")


@dataclass(frozen=True, kw_only=True)
class CommandParameter:
    """A parameter as the command line has it.

    Args:
        name: in Python.
        kind: how Python passes it.
        type: of a value, or of each where there are several: ``str``, ``int``, ``float``, ``bool`` or a
            ``Literal``.
        many: several values: as ``words``, as one word with ``commas``, or as ``key=value`` words that make a
            ``mapping``; ``one`` for a single value.
        positional: whether it is a word rather than an option.
        default: when it is left out; ``inspect.Parameter.empty`` when it may not be.
        doc: its line in the docstring, without an end that speaks of Python.
        argument: what its annotation says of the command line.
        printing: whether it belongs to the function that prints.
    """

    name: str
    kind: Any
    type: Any
    many: Literal["one", "words", "commas", "mapping"]
    positional: bool
    default: Any
    doc: str
    argument: Argument
    printing: bool

    @property
    def required(self) -> bool:
        """Whether it may not be left out."""
        return self.default is _MISSING

    @property
    def is_settings(self) -> bool:
        """Whether its words are ``key=value``."""
        return self.metavar == "key=value"

    @property
    def metavar(self) -> str:
        """How help writes a value: its choices, or what kind of value it is."""
        if self.argument.metavar:
            return self.argument.metavar
        choices = get_args(self.type)
        one = "|".join(choices) if choices else _METAVARS.get(self.type, "")
        return f"{one},…" if self.many == "commas" else one

    @property
    def options(self) -> tuple[str, ...]:
        """Its names as an option; those of one letter may have one dash."""
        short = (f"-{self.name}",) if len(self.name) == 1 else ()
        return (f"--{self.name.replace('_', '-')}", *short, *self.argument.aliases)


def parameters_of(command: Command) -> list[CommandParameter]:
    """All arguments of a command: words, options of its function, options of the function that prints.

    Raises:
        GenusError: for a parameter whose type no word can be read as.
    """
    found = [
        _parameter(one, function, printing=function is command.show)
        for function in (command.function, command.show)
        for one in inspect.signature(function).parameters.values()
        if function is command.function or one.kind is one.KEYWORD_ONLY
    ]
    shown = [one for one in found if not one.argument.hidden]
    return sorted(shown, key=lambda one: not one.positional)


def _parameter(one: inspect.Parameter, function: Callable[..., Any], *, printing: bool) -> CommandParameter:
    leaves = list(_leaves(_types(function).get(one.name, str)))
    argument = next((leaf for leaf in leaves if isinstance(leaf, Argument)), Argument())
    positional = argument.positional
    if one.kind is one.VAR_KEYWORD:
        positional, argument = True, Argument(metavar="key=value")
    elif positional is None:
        positional = one.kind is not one.KEYWORD_ONLY
    sequences = [leaf for leaf in leaves if get_origin(leaf) is Sequence]
    many: Literal["one", "words", "commas", "mapping"] = "one"
    if argument.parse is None and sequences:
        many = "words" if positional else "commas"
        leaves = list(_leaves(get_args(sequences[0])[0]))
    elif one.kind is one.VAR_KEYWORD or (
        any(get_origin(leaf) is Mapping for leaf in leaves) and str not in leaves
    ):
        many = "mapping"
    found = _word_type(leaves)
    if found is None and not (argument.metavar or argument.hidden):
        raise GenusError(
            f"{function.__module__}.{function.__name__}: no word can be read as {one.name!r} "
            f"({one.annotation}); annotate it with genus.core.command.Argument, or PYTHON_ONLY"
        )
    default = one.default if argument.default is None else argument.default
    if one.kind is one.VAR_KEYWORD:
        default = {}
    return CommandParameter(
        name=one.name,
        kind=one.kind,
        type=found or str,
        many=many,
        positional=positional,
        default=default,
        doc=_FOR_PYTHON.sub(".", argument_docs(inspect.getdoc(function) or "").get(one.name, "")),
        argument=argument,
        printing=printing,
    )


def _leaves(annotation: Any) -> Iterator[Any]:
    """Members of unions, and what stands beside a type in ``Annotated``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *beside = get_args(annotation)
        yield from _leaves(inner)
        yield from beside
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _leaves(member)
    else:
        yield annotation


def _word_type(leaves: Sequence[Any]) -> Any:
    """What a word is read as: a text where the function reads it itself."""
    for found in (bool, str, float, int):
        if found in leaves:
            return found
    return next((leaf for leaf in leaves if get_origin(leaf) is Literal), None)


class _Anything:
    """What a module imports for type checkers only, with or without arguments."""

    def __class_getitem__(cls, arguments: Any) -> type[_Anything]:
        return cls


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    """Types of a function's parameters, as :func:`typing.get_type_hints` resolves them."""
    texts = [text for text in function.__annotations__.values() if isinstance(text, str)]
    names = {name for text in texts for name in re.findall(r"[^\W\d]\w*", text)}
    unknown = names - vars(sys.modules[function.__module__]).keys() - vars(builtins).keys()
    return get_type_hints(function, localns=dict.fromkeys(unknown, _Anything), include_extras=True)
