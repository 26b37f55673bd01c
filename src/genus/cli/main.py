"""The command line: parses, calls the public functions, prints.

Nothing heavy is imported before a command runs, so that help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import islice, pairwise

from genus.cli.app import VERBS, app

for _commands in ("using", "measuring", "asking"):  # each registers its own; help shows them in this order
    import_module(f"genus.cli.{_commands}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from genus import __version__

        print(__version__)
        return
    try:
        _check_verb(words)
        verb, (options, positional) = words[:1], _split(words[1:])
        if verb == ["train"] and positional and {"-h", "--help"} & set(options):
            from genus.cli import commands

            data = dict(pairwise(options)).get("--data")
            commands.train_help(positional, data)
            return
        if verb == ["lab"] and positional and {"-h", "--help"} & set(options):
            from genus.cli import commands

            commands.lab_help(positional)
            return
        app.cli(prog="genus", args=[*verb, *options, *positional], description=_ABOUT)
    except KeyboardInterrupt:
        sys.exit(1)
    except Exception as error:
        from genus.core.errors import GenusError

        if not isinstance(error, GenusError):
            raise
        print(f"genus: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _check_verb(words: Sequence[str]) -> None:
    """Refuse an unknown verb with the nearest one."""
    if words and not words[0].startswith("-") and words[0] not in VERBS:
        from genus.core.errors import InputError, nearest

        raise InputError(f"there is no command {words[0]!r}{nearest(words[0], VERBS)}")


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options with their values, and the other words: options may stand anywhere among them."""
    options: list[str] = []
    positional: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            positional.append(word)
        elif name in _TAKE_VALUES:
            options += [name, value] if equals else [name, *islice(rest, 1)]
        else:
            options.append(word)
    return options, positional


_TAKE_VALUES = (
    "--data",
    "--out",
    "--features",
    "-n",
    "--n",
    "--processes",
    "--label",
    "--given",
    "--seed",
    "--truncation",
    "--at",
    "--checkpoint",
    "--kind",
    "--size",
    "--start",
    "--mask",
    "--enlarge",
    "--rows",
    "--columns",
    "--a",
    "--b",
    "--c",
)
_ABOUT = "Train, sample and honestly measure deep generative models."
