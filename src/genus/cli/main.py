"""The command line: finds a command, reads its words, lets it work.

Nothing heavy is imported before a command works, so that help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from genus.core.command import CommandEntry, commands, find_command
from genus.core.errors import GenusError, InputError, nearest

_HELP = {"-h", "--help"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        run(words)
    except KeyboardInterrupt:
        sys.exit(1)
    except GenusError as error:
        print(f"genus: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def run(words: Sequence[str]) -> None:
    """Carry a command out.

    Raises:
        GenusError: when it is not understood, or fails.
    """
    if list(words) == ["--version"]:
        from genus import __version__

        print(__version__)
        return
    if words and words[0] in _HELP:
        _print_overview(commands())
        return
    entry, rest = find(words)
    if entry is None:
        _print_overview({name: one for name, one in commands().items() if name.split()[0] == words[0]})
        return
    command = entry.load()
    others = [word for word in rest if word not in _HELP]
    if len(others) < len(rest) and not (command.explain and others):
        from genus.cli.help import print_help

        print_help(command)
        return
    from genus.cli.arguments import parse

    call, printing = parse(command, others)
    if len(others) < len(rest) and command.explain:
        command.explain(call)
    else:
        command.show(call, **printing)


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


def _print_overview(entries: dict[str, CommandEntry]) -> None:
    from genus.cli.help import print_overview

    print_overview(entries)
