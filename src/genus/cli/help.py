"""Help of the command line, as text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping

from rich.markup import escape
from rich.table import Table

from genus.cli.console import borderless_table, make_console, plain
from genus.cli.parameters import CommandParameter, parameters_of
from genus.core.command import Command, CommandEntry

ABOUT = "Train, sample and honestly measure deep generative models."


def print_overview(entries: Mapping[str, CommandEntry]) -> None:
    """Every command with its summary."""
    console = make_console()
    console.print("usage: genus COMMAND … | genus COMMAND --help | genus --version\n", markup=False)
    console.print(f"{ABOUT}\n", markup=False)
    console.print(_table((name, plain(entry.summary)) for name, entry in entries.items()))


def print_help(command: Command) -> None:
    """Print the usage of a command and the meaning of its arguments."""
    parameters = parameters_of(command)
    console = make_console()
    console.print(f"usage: {usage(command)}\n", markup=False)
    console.print(f"{plain(_description(command))}\n", markup=False)
    rows = [(_name(one), _explanation(one)) for one in parameters]
    console.print(_table([*rows, ("-h, --help", "Show this and stop.")]))


def usage(command: Command) -> str:
    """``genus NAME WORD [WORD] [--option VALUE]``."""
    parameters = parameters_of(command)
    words = [_word(one) for one in parameters if one.positional]
    options = [_option(one) for one in parameters if not one.positional]
    return " ".join(["genus", command.name, *words, *options])


def _description(command: Command) -> str:
    """The docstring up to its first section."""
    return re.split(r"\n\n(?=\w+:\n|>>>)", inspect.getdoc(command.function) or "", maxsplit=1)[0]


def _word(one: CommandParameter) -> str:
    many = f"{one.metavar} …" if one.many in ("words", "mapping") else one.metavar
    return many if one.required else f"[{many}]"


def _option(one: CommandParameter) -> str:
    name = _shortest(one)
    if one.type is bool:
        return f"[{'--no-' + name[2:] if one.default else name}]"
    return f"{name} {one.metavar}" if one.required else f"[{name} {one.metavar}]"


def _shortest(one: CommandParameter) -> str:
    return min(one.options[:2], key=len) if len(one.name) == 1 else one.options[0]


def _name(one: CommandParameter) -> str:
    if one.positional:
        return one.metavar
    if one.type is bool:
        return f"{one.options[0]}, --no-{one.options[0][2:]}"
    names = [_shortest(one), *one.argument.aliases]
    return f"{', '.join(names)} {one.metavar}"


def _explanation(one: CommandParameter) -> str:
    doc = plain(one.doc)
    if one.required or one.default in (None, (), "", False) or one.many == "mapping":
        return doc
    value = ",".join(map(str, one.default)) if one.many == "commas" else str(one.default)
    return f"{doc} (default: {'yes' if one.default is True else value})"


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = borderless_table()
    for name, text in rows:
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(text))
    return table
