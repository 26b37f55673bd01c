"""From the words of a command line to the call of a public function; tyro reads and types them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import field, make_dataclass
from functools import partial
from typing import Annotated, Any, Union

from genus.cli.parameters import CommandParameter, parameters_of
from genus.core.command import Command
from genus.core.errors import InputError, nearest

_NO_DEFAULT: Any = object()
_WORDS = {int: "whole numbers", float: "numbers", str: "names"}


def parse(command: Command, words: Sequence[str]) -> tuple[partial[Any], dict[str, Any]]:
    """Read words; options may stand anywhere among the others.

    Returns:
        The call of the public function, and the options of the function that prints.

    Raises:
        InputError: for an unknown option, a word too many, or a value that cannot be read.
        SystemExit: with code 2, after tyro has said which value is missing or of the wrong type.
    """
    parameters = parameters_of(command)
    options = [one for one in parameters if not one.positional]
    positional = [one for one in parameters if one.positional]
    marked = any(word.startswith("-") for word in words)
    values, rest = _read_words(command.name, options, words) if marked else ({}, list(words))
    _refuse_unknown(options, rest)
    others, beyond = _read_words(command.name, positional, _settings_behind(positional, rest))
    if beyond:
        raise InputError(f"{beyond[0]!r} is one word too many; see genus {command.name} --help")
    texts = {**values, **others}
    read = {one.name: _value(one, texts.get(one.name)) for one in parameters}
    printing = {one.name: read[one.name] for one in parameters if one.printing}
    return _call(command, [one for one in parameters if not one.printing], read), printing


def _call(command: Command, parameters: Sequence[CommandParameter], read: dict[str, Any]) -> partial[Any]:
    only_by_place = [one for one in parameters if one.kind is inspect.Parameter.POSITIONAL_ONLY]
    beyond = [one for one in parameters if one.kind is inspect.Parameter.VAR_KEYWORD]
    keywords = {one.name: read[one.name] for one in parameters if one not in (*only_by_place, *beyond)}
    for one in beyond:
        for key, value in read[one.name].items():
            if key in keywords:
                raise InputError(f"{key}={value}: write it as an option, --{key} {value}")
            keywords[key] = value
    return partial(command.function, *(read[one.name] for one in only_by_place), **keywords)


def _read_words(
    name: str, parameters: Sequence[CommandParameter], words: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Values by parameter, None where there is none, and the words that are left over."""
    import tyro

    fields: list[Any] = []
    for one in parameters:
        kind: Any = one.type if one.many == "one" and one.argument.parse is None else str
        if one.many in ("words", "mapping"):
            kind, default = list, _NO_DEFAULT  # of texts; no word is none, and not missing
        elif isinstance(one.default, bool | int | float | str) and one.argument.parse is None:
            default = one.default
        else:
            default = _NO_DEFAULT if one.required else None
            kind = kind if one.required else Union[kind, None]  # noqa: UP007, since with | tyro loads much more
        hint = tyro.conf.arg(help=one.doc, metavar=one.metavar or None, aliases=one.options[1:] or None)
        written = Annotated[kind, tyro.conf.Positional, hint] if one.positional else Annotated[kind, hint]
        fields.append((one.name, written, *([] if default is _NO_DEFAULT else [field(default=default)])))
    found, rest = tyro.cli(
        make_dataclass("Words", fields, kw_only=True),
        prog=f"genus {name}",
        args=list(words),
        return_unknown_args=True,
        add_help=False,
    )
    return vars(found), list(rest)


def _refuse_unknown(options: Sequence[CommandParameter], rest: Sequence[str]) -> None:
    known = [name for one in options for name in one.options]
    for word in rest:
        name = word.partition("=")[0]
        if word.startswith("-"):
            raise InputError(f"there is no option {name}{nearest(name, [*known, '--help'])}")


def _settings_behind(positional: Sequence[CommandParameter], words: Sequence[str]) -> list[str]:
    """The words, with the default first where it was left out: ``genus train train.length=300``."""
    if len(positional) == 2 and positional[1].is_settings and not positional[0].required and words:
        first = words[0]
        if "=" in first and not first.endswith((".yaml", ".yml")):
            return [str(positional[0].default), *words]
    return list(words)


def _value(one: CommandParameter, given: Any) -> Any:
    """The argument of the function for a value that tyro read."""
    if given is None or (given == [] and not one.required):
        return one.default
    if one.many == "mapping":
        return settings_of(given)
    if one.argument.parse is not None:
        try:
            return one.argument.parse(given)
        except ValueError as error:
            raise InputError(f"{one.options[0]} {given}: {error}") from None
    if one.many == "commas":
        try:
            return tuple(one.type(text) for text in given.split(","))
        except ValueError:
            what = _WORDS[one.type]
            raise InputError(f"{one.options[0]} {given}: give {what} separated by commas") from None
    return given


def settings_of(words: Sequence[str]) -> dict[str, Any]:
    """From ``key=value`` texts, values in YAML, to a mapping."""
    from genus.core.recipe_text import apply_override

    found: dict[str, Any] = {}
    for text in words:
        apply_override(found, text)
    return found
