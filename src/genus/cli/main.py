"""The command line: finds a command, reads its words, lets it work.

Nothing heavy is imported before a command works, so that help is quick.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from genus.core.command import Command, CommandEntry, commands, find_command
from genus.core.errors import GenusError, InputError, nearest
from genus.core.source_files import collector_paused

_HELP = {"-h", "--help"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, warnings.showwarning)
            with collector_paused():
                work = read(words)
            work()
    except KeyboardInterrupt:
        sys.exit(1)
    except GenusError as error:
        print(f"genus: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _show_warning(
    otherwise: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """Show a warning of genus as one line without the place in the source; others as before."""
    if category.__module__.partition(".")[0] == "genus":
        print(f"genus: {message}", file=sys.stderr)
    else:
        otherwise(message, category, *where, **more)


def read(words: Sequence[str]) -> Callable[[], None]:
    """Understand a command line and return its work.

    Raises:
        GenusError: when it is not understood.
        SystemExit: likewise, with code 2.
    """
    if list(words) == ["--version"]:
        from genus import __version__

        return partial(print, __version__)
    if words and words[0] in _HELP:
        return partial(_print_overview, commands())
    entry, rest = find(words)
    if entry is None:
        group = {name: one for name, one in commands().items() if name.split()[0] == words[0]}
        return partial(_print_overview, group)
    command = entry.load()
    others = [word for word in rest if word not in _HELP]
    asks_help = len(others) < len(rest)
    if asks_help and not (command.explain and others):
        return partial(_print_help, command)
    from genus.cli.arguments import parse

    call, printing = parse(command, others)
    if asks_help and command.explain:
        return partial(command.explain, call)
    return partial(command.show, call, **printing)


def find(words: Sequence[str]) -> tuple[CommandEntry | None, list[str]]:
    """The command that words begin with, and the other words.

    Returns:
        No command where only the first word of some with two stands beside ``--help``.

    Raises:
        InputError: when there is none; names the nearest.
    """
    for number in (2, 1):
        found = find_command(" ".join(words[:number]))
        if found is not None:
            return found, list(words[number:])
    known = commands()
    if not words:
        raise InputError("name a command; genus --help lists them")
    longer = [name for name in known if name.split()[0] == words[0]]
    if longer and _HELP & set(words[1:2]):
        return None, []
    if longer:
        said = " ".join(words[:2])
        hint = nearest(said, longer) if len(words) > 1 else f"; known: {', '.join(longer)}"
        raise InputError(f"there is no command {said!r}{hint}")
    raise InputError(f"there is no command {words[0]!r}{nearest(words[0], known)}")


def _print_help(command: Command) -> None:
    from genus.cli.help import print_help

    print_help(command)


def _print_overview(entries: dict[str, CommandEntry]) -> None:
    from genus.cli.help import print_overview

    print_overview(entries)
